// Firefox as Debian has it, by WebDriver BiDi (w3.org/TR/webdriver-bidi): its own WebSocket, JSON both ways. Its pages do
// what the tests' helpers ask of a page of Chromium's driver.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dial } from './client.mjs';

const KEYS = { Enter: '\uE007', Escape: '\uE00C', Tab: '\uE004' };
const PREFERENCES = {
  'app.update.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'toolkit.telemetry.enabled': false,
};

class Page {
  constructor(firefox, context) {
    Object.assign(this, { firefox, context });
  }

  async goto(url) {
    await this.firefox.command('browsingContext.navigate', { context: this.context, url, wait: 'complete' });
  }

  async reload() {
    await this.firefox.command('browsingContext.reload', { context: this.context, wait: 'complete' });
  }

  // Runs the function in the page. Arguments and result are JSON.
  async evaluate(work, ...args) {
    const { result, exceptionDetails } = await this.firefox.command('script.callFunction', {
      functionDeclaration: `async (args) => JSON.stringify(await (${work})(...JSON.parse(args)))`,
      arguments: [{ type: 'string', value: JSON.stringify(args) }],
      awaitPromise: true,
      target: { context: this.context },
    });
    if (exceptionDetails) throw new Error(`in the page: ${exceptionDetails.text}`);
    return result.value === undefined ? undefined : JSON.parse(result.value);
  }

  $$eval(selector, work, ...args) {
    return this.evaluate(`(selector, ...args) => (${work})([...document.querySelectorAll(selector)], ...args)`, selector, ...args);
  }

  $eval(selector, work, ...args) {
    return this.evaluate(`(selector, ...args) => (${work})(document.querySelector(selector), ...args)`, selector, ...args);
  }

  textContent(selector) {
    return this.$eval(selector, (node) => node.textContent);
  }

  title() {
    return this.evaluate(() => document.title);
  }

  async click(selector) {
    const [x, y] = await this.$eval(selector, (node) => {
      const { left, top, width, height } = node.getBoundingClientRect();
      return [Math.round(left + width / 2), Math.round(top + height / 2)];
    });
    await this.#act({ type: 'pointer', id: 'mouse', actions: [{ type: 'pointerMove', x, y },
      { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }] });
  }

  // As if it had been pasted.
  fill(selector, text) {
    return this.$eval(selector, (node, text) => {
      node.focus();
      node.value = text;
      node.dispatchEvent(new InputEvent('input', { bubbles: true }));
    }, text);
  }

  async press(selector, key) {
    await this.$eval(selector, (node) => node.focus());
    const value = KEYS[key] ?? key;
    await this.#act({ type: 'key', id: 'keyboard', actions: [{ type: 'keyDown', value }, { type: 'keyUp', value }] });
  }

  async screenshot(path) {
    const { data } = await this.firefox.command('browsingContext.captureScreenshot', { context: this.context });
    writeFileSync(path, Buffer.from(data, 'base64'));
  }

  async #act(...actions) {
    await this.firefox.command('input.performActions', { context: this.context, actions });
  }
}

export class Firefox {
  errors = []; // what its pages wrote to the console, and what they threw
  #count = 0;
  #waiting = new Map();

  // preferences: as about:config calls them
  static async start(preferences = {}) {
    const firefox = new Firefox();
    const profile = mkdtempSync(`${tmpdir()}/firefox-`);
    const lines = Object.entries({ ...PREFERENCES, ...preferences }).map(([name, value]) =>
      `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(`${profile}/user.js`, lines.join(''));
    firefox.process = spawn(process.env.FIREFOX ?? 'firefox-esr',
      ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile, MOZ_DISABLE_CONTENT_SANDBOX: '1' } });
    process.on('exit', () => firefox.process.kill('SIGKILL'));
    await firefox.#connect(await firefox.#port());
    await firefox.command('session.new', { capabilities: {} });
    await firefox.command('session.subscribe', { events: ['log.entryAdded'] });
    return firefox;
  }

  async open(url) {
    const { context } = await this.command('browsingContext.create', { type: 'tab' });
    const page = new Page(this, context);
    await page.goto(url);
    return page;
  }

  command(method, params) {
    const id = ++this.#count;
    this.peer.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  async stop() {
    const ended = once(this.process, 'exit');
    this.process.kill();
    setTimeout(() => this.process.kill('SIGKILL'), 5000).unref();
    await ended;
  }

  #port() {
    return new Promise((resolve, reject) => {
      let log = '';
      this.process.on('error', reject);
      this.process.on('exit', (code) => reject(new Error(`firefox ended with ${code}: ${log}`)));
      this.process.stderr.setEncoding('utf8').on('data', (text) => {
        log += text;
        const [, port] = log.match(/WebDriver BiDi listening on ws:\/\/127\.0\.0\.1:(\d+)/) ?? [];
        if (port) resolve(Number(port));
      });
    });
  }

  async #connect(port) {
    this.peer = await dial(port, '/session');
    this.peer.onLine = (line) => {
      const { id, type, error, message, result, method, params } = JSON.parse(line);
      if (method === 'log.entryAdded' && ['error', 'warn'].includes(params.level)) this.errors.push(params.text);
      const { resolve, reject, method: asked } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (type === 'success') resolve?.(result);
      else if (type === 'error') reject?.(new Error(`${asked}: ${error}: ${message}`));
    };
  }
}

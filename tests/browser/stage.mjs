// A stage: a server of its own, pages, and the others in the room. Besides what is checked on it, it fails when a page
// throws, writes an error to the console (a breach of the content security policy is one), opens a dialog, or asks
// another host for anything.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { connect } from './client.mjs';
import { Proxy } from './proxy.mjs';
import { Server } from './server.mjs';
import { HANG, until } from './until.mjs';

const modules = createRequire(`${process.cwd()}/build/browser/`);
const { chromium } = modules('playwright-core');
export const axeSource = modules('axe-core').source;

export { HANG, until };

let browser;

async function launch() {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--no-proxy-server'],
  });
  return browser;
}

export async function closeBrowser() {
  await (await browser)?.close();
}

// ---- What a person does and sees ----

export const stateOf = (page) => page.evaluate(() => document.body.dataset.state);
export const online = (page) => until('online', async () => (await stateOf(page)) === 'online');
export const offline = (page) => until('offline', async () => (await stateOf(page)) === 'offline');

// As somebody who does not wait for the next try.
export const hurry = (page) =>
  until('online at once', async () => {
    if ((await stateOf(page)) === 'offline') await page.click('#banner-act', { timeout: 500 }).catch(() => {});
    return (await stateOf(page)) === 'online';
  });

export async function say(page, text) {
  await page.fill('#messageText', text);
  await page.press('#messageText', 'Enter');
}

export const idOf = (page) => until('the page has an id', () => page.textContent('#ws-id'));
export const texts = (page, kind = '') =>
  page.$$eval(`#messages li${kind} .text`, (nodes) => nodes.map((node) => node.textContent));
export const notices = (page) => page.$$eval('#messages .notice', (nodes) => nodes.map((node) => node.textContent));
export const sees = (page, text) => until(`"${text}" is seen`, async () => (await texts(page)).includes(text));
export const isTold = (page, part) =>
  until(`the page tells "${part}"`, async () => (await notices(page)).some((notice) => notice.includes(part)));
export const contains = (page, selector, part) =>
  until(`"${part}" in ${selector}`, async () => (await page.textContent(selector)).includes(part));

// All that this page said has come back.
export const allSent = (page, count) =>
  until(`${count} messages sent`, () =>
    page.$$eval('#messages .own', (items, count) =>
      items.length === count && items.every((item) => item.dataset.state === 'sent'), count));

// ---- The stage ----

class Stage {
  errors = [];
  #contexts = [];
  #ends = [];
  #hosts = new Set();

  constructor(server) {
    this.server = server;
    this.allow(server.url);
  }

  allow(url) {
    this.#hosts.add(new URL(url).host);
  }

  // settings: of the browser's context, as Playwright calls them
  async context(settings) {
    const context = await (await launch()).newContext(settings);
    this.#contexts.push(context);
    context.setDefaultTimeout(HANG);
    context.on('page', (page) => this.#watch(page));
    context.on('request', (request) => this.#asked(request.url()));
    return context;
  }

  // A new tab of the same browser, or one of another person.
  async open(path = '', { context, ...settings } = {}) {
    context ??= await this.context(settings);
    const page = await context.newPage();
    await page.goto(new URL(path, this.server.url).href);
    await online(page);
    return page;
  }

  // The status page of a server with --admin.
  async openStatus({ context, ...settings } = {}) {
    const url = await until('the admin listener', () => this.server.adminUrl);
    this.allow(url);
    const page = await (context ?? await this.context(settings)).newPage();
    await page.goto(url);
    await until('running', async () => (await stateOf(page)) === 'running');
    return page;
  }

  // Somebody who is in the room already when this returns: in wschat.v1, or with the tutorial's plain text.
  async peer(fields) {
    const peer = await this.textPeer({ ...fields, protocol: 'wschat.v1' });
    await until('a welcome', () => peer.lines.length);
    return peer;
  }

  async textPeer(fields) {
    const peer = await connect(this.server.port, fields);
    this.atEnd(() => peer.socket.destroy());
    return peer;
  }

  async proxy() {
    const proxy = await Proxy.start(this.server.port);
    this.atEnd(() => proxy.stop());
    this.allow(proxy.url);
    return proxy;
  }

  atEnd(work) {
    this.#ends.push(work);
  }

  async clear() {
    for (const context of this.#contexts) await context.close();
    for (const end of this.#ends.reverse()) await end();
    await this.server.kill();
  }

  #asked(url) {
    const { protocol, host } = new URL(url);
    if (!['data:', 'blob:', 'file:', 'about:'].includes(protocol) && !this.#hosts.has(host)) {
      this.errors.push(`the page asked another host: ${url}`);
    }
  }

  #watch(page) {
    page.on('pageerror', (error) => this.errors.push(`the page threw ${error.stack}`));
    page.on('dialog', (dialog) => {
      this.errors.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('websocket', (socket) => this.#asked(socket.url()));
    page.on('console', (message) => {
      // Chromium itself reports a connection that fails, and the question why; the page cannot prevent it.
      const isNews = !/^(WebSocket connection to|Failed to load resource: (net::ERR_|.*\b(403|404|405|429)\b))/.test(message.text());
      if (isNews && ['error', 'warning'].includes(message.type())) this.errors.push(`console: ${message.text()}`);
    });
  }
}

// options: of the server
export async function withStage(options, work) {
  const stage = new Stage(await Server.start(...options));
  try {
    await work(stage);
  } finally {
    await stage.clear();
  }
  assert.deepEqual(stage.errors, []);
}

// docs/api.md and docs/recipes, as they stand there: each line of curl is typed, each program is run.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { Server } from '../browser/server.mjs';

const { chromium } = createRequire(`${process.cwd()}/build/browser/`)('playwright-core');
const binary = process.env.WSCHAT_BIN ?? './wschat';
const python = process.env.PYTHON ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'wschat-recipes-'));
const keys = join(folder, 'keys');
const children = [];
let server, app, appUrl;

const token = (room, allow) => execFileSync(binary,
  ['token', '--key', keys, '--sub', 'bot', '--room', room, '--allow', allow, '--expires', '1h'], { encoding: 'utf8' }).trim();

// A program of the recipes. `said` grows; until(pattern) waits for it.
function run(command, args, env = {}) {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env } });
  const program = { child, said: '' };
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => { program.said += text; child.emit('said'); });
  }
  child.on('close', () => { program.hasEnded = true; child.emit('said'); });
  program.until = async (pattern) => {
    while (!pattern.test(program.said)) {
      assert.ok(!program.hasEnded, `${command} ended: ${program.said}`);
      await once(child, 'said');
    }
    return program.said.match(pattern);
  };
  return program;
}

// Types a line into a shell; fails where it fails. Returns what it printed.
const shell = (line, env = {}) => execFileSync('bash', ['-euc', line],
  { cwd: folder, encoding: 'utf8', env: { ...process.env, ...env }, stdio: 'pipe' });

before(async () => {
  cpSync('docs/recipes', folder, { recursive: true });
  writeFileSync(keys, '0123456789abcdef0123456789abcdef0123456789\n', { mode: 0o600 });
  app = run(python, ['-m', 'flask', '--app', 'login', 'run', '--port', '0'], { WSCHAT_KEY: keys });
  [, appUrl] = await app.until(/Running on (http:\/\/127\.0\.0\.1:\d+)/);
  server = await Server.start('--token-key', keys, '--allow-origin', appUrl);
  const page = join(folder, 'listen.html');
  writeFileSync(page, readFileSync(page, 'utf8').replace('127.0.0.1:8000', `127.0.0.1:${server.port}`));
});

after(async () => {
  children.forEach((child) => child.kill());
  await server?.kill();
  rmSync(folder, { recursive: true });
});

const listener = (room, as) =>
  run('curl', ['-sN', '-H', `Authorization: Bearer ${as}`, `${server.url}api/rooms/${room}/events`]);

// The lines of curl of docs/api.md, those that go on behind a backslash put together.
const typed = () => [...readFileSync('docs/api.md', 'utf8').replaceAll('\\\n', ' ').matchAll(/^curl .*$/gm)].map(([line]) =>
  line.replaceAll('127.0.0.1:8000', `127.0.0.1:${server.port}`).replace(/^curl /, 'curl -sS --fail-with-body '));

test('each line of curl in docs/api.md does what is said there', async () => {
  const TOKEN = token('*', 'sub,pub,prs,hst,mod,api');
  const env = { TOKEN, POS: '', BAN: '' };
  writeFileSync(join(folder, 'member'), TOKEN, { mode: 0o600 });
  const member = run(resolve(binary), ['join', server.url, '--id', '7', '--room', 'tea', '--token-file', 'member', '--json']);
  await member.until(/"welcome"/);
  const lines = typed();
  assert.ok(lines.length >= 9, 'they are found');
  for (const line of lines) {
    if (line.includes(' -N ')) {
      const stream = run('bash', ['-c', `exec ${line}`], env);
      await stream.until(/^event: welcome$/m);
      stream.child.kill();
      continue;
    }
    const said = shell(line.replace('00c0ffee00c0ffee', '$BAN'), env);
    const answer = said ? JSON.parse(said) : {};
    env.POS = answer.pos ?? env.POS;
    env.BAN = answer.ban ?? env.BAN;
  }
  await member.until(/put out of this room/);
});

test('docs/recipes/login.py: who knows the password reads and speaks in a browser, nobody else', async () => {
  assert.match(shell(`curl -sS -o wrong -w '%{http_code}' -d name=ada -d password=x ${appUrl}/login`), /^403$/);
  assert.match(shell(`curl -sS -o wrong -w '%{http_code}' -d name=bob -d password=x ${appUrl}/login`), /^403$/);
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--no-proxy-server'] });
  try {
    const context = await browser.newContext();
    await context.request.post(`${appUrl}/login`, { form: { name: 'ada', password: 'lovelace' } });
    const page = await context.newPage();
    const heard = page.waitForResponse(/events$/);
    await page.goto(`${appUrl}/`); // listen.html
    assert.equal((await heard).status(), 200);
    const told = token('tea', 'pub,api');
    shell(`./tell.sh tea 'Half past four.' >answer`, tellFrom(told));
    await page.getByText('0: Half past four.').waitFor();
  } finally {
    await browser.close();
  }
});

// What tell.sh needs.
function tellFrom(as) {
  writeFileSync(join(folder, 'token'), `Authorization: Bearer ${as}\n`, { mode: 0o600 });
  return { WSCHAT_URL: server.url.replace(/\/$/, ''), WSCHAT_TOKEN_FILE: 'token' };
}

test('docs/recipes/tell.sh: says what it is given, and fails where it may not', async () => {
  const ear = listener('a%2Fb', token('a/b', 'sub'));
  await ear.until(/event: welcome/);
  shell(`./tell.sh a/b 'quoted "so" \\ and ☕'`, tellFrom(token('a/b', 'pub,api')));
  await ear.until(/"text":"quoted \\"so\\" \\\\ and ☕"/);
  assert.throws(() => shell('./tell.sh elsewhere x', tellFrom(token('a/b', 'pub,api'))), /403/);
});

test('docs/recipes/game.py: tells all players where they are', async () => {
  const ear = listener('arena', token('arena', 'sub,prs'));
  await ear.until(/event: welcome/);
  const game = run(python, ['game.py', server.url.replace('http', 'ws').replace(/\/$/, ''), 'arena', token('arena', 'sub,pub,prs,api')]);
  await ear.until(/(?:"data":\{"players":\{\}\}[^]*){20}/);
  game.child.kill();
  await ear.until(/"type":"leave"/);
});

// The page over TLS through a proxy, with the address it has there: two tabs chat, rooms are links, a page that is loaded
// again goes on, the echo answers. Everything comes from below that address, and every WebSocket is wss:.
// Usage: node tests/browser/proxied.mjs URL SPKI
// SPKI: of the proxy's certificate, the SHA-256 of its public key in base64, the only one that is taken beside known ones
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { idOf, online, say, sees, until } from './stage.mjs';

const [url, spki] = process.argv.slice(2);
const { chromium } = createRequire(`${process.cwd()}/build/browser/`)('playwright-core');
const errors = [];
const sockets = [];

function watch(page) {
  page.on('pageerror', (error) => errors.push(`the page threw ${error.stack}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) errors.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith('data:')) errors.push(`it asked ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) errors.push(`${response.status()} for ${response.url()}`);
  });
  page.on('websocket', (socket) => sockets.push(socket.url()));
}

async function open(context, path) {
  const page = await context.newPage();
  await page.goto(url + path);
  await online(page);
  return page;
}

async function chat(context) {
  const one = await open(context, '');
  const two = await open(context, '');
  assert.equal(await one.evaluate(() => window.isSecureContext && location.protocol), 'https:');
  await say(one, 'hello from one');
  await sees(two, 'hello from one');
  await say(two, 'hello from two');
  await sees(one, 'hello from two');
  return [one, two];
}

async function walkToRoom(one, two) {
  await one.fill('#room-field', 'tea');
  await one.press('#room-field', 'Enter');
  await online(one);
  assert.equal(one.url(), `${url}?room=tea`);
  const link = await one.$eval('#rooms a[data-room=tea]', ({ href }) => href);
  assert.equal(link, one.url());
  await two.goto(link);
  await online(two);
  await say(one, 'tea is ready');
  await sees(two, 'tea is ready');
}

// The tab keeps its id, and what was said is shown again.
async function reload(one, two) {
  const id = await idOf(one);
  await one.reload();
  await online(one);
  await until('the same id', async () => (await idOf(one)) === id);
  await sees(one, 'tea is ready');
  await say(one, 'again');
  await sees(two, 'again');
  await one.click('#rooms a[data-room=lobby]');
  await online(one);
  assert.equal(one.url(), url);
  await sees(one, 'hello from two');
}

async function echo(page) {
  const links = await page.$$eval('a', (nodes) => nodes.map(({ href }) => href));
  assert.deepEqual(links.filter((link) => !link.startsWith(url)), []);
  await page.click('a[href=echo]');
  await online(page);
  assert.equal(page.url(), `${url}echo`);
  await say(page, 'x');
  await sees(page, 'Message text was: x');
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-proxy-server',
    `--ignore-certificate-errors-spki-list=${spki}`],
});
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(20000);
  context.on('page', watch);
  const [one, two] = await chat(context);
  await walkToRoom(one, two);
  await reload(one, two);
  await echo(one);
  await until('five WebSockets', () => sockets.length >= 5);
  const below = url.replace('https:', 'wss:');
  assert.deepEqual(sockets.filter((socket) => !socket.startsWith(`${below}ws`)), []);
  assert.deepEqual(errors, []);
} finally {
  await browser.close();
}

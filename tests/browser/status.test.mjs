// The status page of the admin listener: what it shows, and what it says when there is nothing to show.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { contains, scenario, stateOf, until } from './scenario.mjs';

const ADMIN = ['--admin', '127.0.0.1:0'];

// What the card with this title says, as { figures: ['3', '2 /s'], note }.
const card = (page, title) =>
  page.$$eval('.card', (cards, title) => {
    const found = cards.find((node) => node.querySelector('h2').textContent === title);
    const figures = [...found.querySelectorAll('.figure')].map((node) => `${node.querySelector('b').textContent} ${node.querySelector('.unit').textContent}`.trim());
    return { figures, note: found.querySelector('.note').textContent };
  }, title);

const shows = (page, title, test) => until(`${title} is shown`, async () => test(await card(page, title)));
const is = (page, state) => until(state, async () => (await stateOf(page)) === state);

scenario('status: figures follow what happens', ADMIN, async (stage) => {
  const page = await stage.openStatus();
  const [ada, bob] = [await stage.peer({ room: 'tea' }), await stage.textPeer({ room: 'tea' })];
  await shows(page, 'Clients', ({ figures, note }) => figures[0] === '2' && note.includes('rooms: 1'));
  ada.say('one', 'two', 'three');
  await until('heard', () => bob.lines.length === 3);
  await shows(page, 'Messages', ({ figures, note }) => /^[\d.]+ \/s$/.test(figures[0]) && note === '3 since the start');
  await shows(page, 'Delivery lag', ({ figures }) => figures.every((figure) => /^[\d.]+ (µs|ms|s)$/.test(figure)));
  await shows(page, 'Memory', ({ figures }) => /^[\d.]+ MiB$/.test(figures[0]));
  bob.socket.destroy();
  await until('an end is listed', async () => (await page.textContent('#closes')) === '1006connection lost1');
  assert.match(await page.textContent('#responses'), /101now a WebSocket2/);
  assert.match(await page.textContent('#facts'), /^Version \d+\.\d+\.\d+ · up /);
  assert.equal(await page.title(), '1 clients – wschat status');
  assert.match(await page.getAttribute('.card:nth-child(1) svg', 'aria-label'), /^Clients over the last five minutes, peak 2$/);
});

const titles = (page) => page.$$eval('.card:not([hidden]) h2', (nodes) => nodes.map((node) => node.textContent));

scenario('status: a server without a journal and Redis has no card for them', ADMIN, async (stage) => {
  const page = await stage.openStatus();
  await shows(page, 'Clients', ({ figures }) => figures[0] === '0');
  assert.ok(!(await titles(page)).some((title) => /^(Journal|Redis)/.test(title)));
  assert.ok(await page.isHidden('.card:last-child'));
});

scenario('status: the journal, its syncs and its failures', async (stage) => {
  const folder = mkdtempSync(`${tmpdir()}/journal-`);
  stage.atEnd(() => rmSync(folder, { recursive: true }));
  await stage.server.kill();
  stage.server.options = [...ADMIN, '--journal', folder];
  await stage.server.start();
  const page = await stage.openStatus();
  const ada = await stage.peer();
  const talk = setInterval(() => ada.say('on the disk'), 100);
  stage.atEnd(() => clearInterval(talk));
  await shows(page, 'Journal: syncs', ({ figures, note }) =>
    figures.every((figure) => /^[\d.]+ (µs|ms|s)$/.test(figure)) && /^[\d.]+ \S+ in 1 files · waiting: \d+ · failures: 0$/.test(note));
  assert.ok((await titles(page)).includes('Journal: syncs'));
  unlinkSync(`${folder}/0000000000000001`); // so that it cannot be written
  await shows(page, 'Journal: syncs', ({ note }) => note === 'cannot be written now: messages are refused');
});

scenario('status: Redis, how long it takes, and whether it is there', async (stage) => {
  const folder = mkdtempSync(`${tmpdir()}/redis-`);
  stage.atEnd(() => rmSync(folder, { recursive: true }));
  const redis = spawn('redis-server', ['--port', '0', '--unixsocket', `${folder}/redis.sock`, '--dir', folder, '--save', ''], { stdio: 'ignore' });
  stage.atEnd(() => redis.kill());
  await stage.server.kill();
  stage.server.options = [...ADMIN, '--redis', `unix:${folder}/redis.sock`];
  await stage.server.start();
  const page = await stage.openStatus();
  const ada = await stage.peer();
  const talk = setInterval(() => ada.say('by way of Redis'), 100);
  stage.atEnd(() => clearInterval(talk));
  await shows(page, 'Redis: round trips', ({ figures, note }) =>
    figures.every((figure) => /^[\d.]+ (µs|ms|s)$/.test(figure)) && /^up · waiting: \d+ · rooms: \d+ · connections lost: \d+$/.test(note));
  assert.ok((await titles(page)).includes('Redis: round trips'));
  clearInterval(talk);
  redis.kill('SIGKILL');
  await shows(page, 'Redis: round trips', ({ note }) => note.startsWith(`down: unix:${folder}/redis.sock · `));
});

scenario('status: it says when the server shuts down, is gone, and is back', [...ADMIN, '--shutdown-timeout', '60'], async (stage) => {
  const page = await stage.openStatus();
  await stage.peer();
  await shows(page, 'Clients', ({ figures }) => figures[0] === '1');
  stage.server.process.kill('SIGTERM');
  await is(page, 'stopping');
  assert.equal(await page.textContent('#state'), 'Shutting down');
  await stage.server.kill();
  await is(page, 'gone');
  assert.match(await page.textContent('#state'), /^No answer since \d\d:\d\d:\d\d$/);
  assert.equal(await page.title(), 'No answer – wschat status');
  stage.server.options = ['--admin', new URL(stage.server.adminUrl).host];
  await stage.server.start();
  await is(page, 'running');
  assert.equal(await page.textContent('#state'), 'Running');
  await shows(page, 'Messages', ({ figures, note }) => figures[0] === '0 /s' && note === '0 since the start');
});

scenario('status: charts begin with what the server remembers', ADMIN, async (stage) => {
  const context = await stage.context();
  await context.route(/\/past$/, async (route) => {
    const response = await route.fetch();
    const [first] = (await response.text()).split('\n\n');
    const now = new Date(response.headers().date).getTime();
    const past = Array.from({ length: 60 }, (_, i) => first.replace(/^time .*/, `time ${now - (60 - i) * 5000}`)
      .replace(/^wschat_clients .*/m, `wschat_clients ${i < 30 ? 7 : 3}`));
    await route.fulfill({ response, body: `${past.join('\n\n')}\n\n` });
  });
  const page = await stage.openStatus({ context });
  await shows(page, 'Clients', ({ figures }) => figures[0] === '0');
  assert.ok((await page.getAttribute('.card:nth-child(1) .line', 'd')).split('L').length > 55);
  assert.equal(await page.textContent('.card:nth-child(1) .peak'), 'peak 7');
  const { width, height } = await page.locator('.card:nth-child(1) svg').boundingBox();
  await page.hover('.card:nth-child(1) svg', { position: { x: width * 0.25, y: height / 2 } });
  await shows(page, 'Clients', ({ figures, note }) => figures[0] === '7' && /of \d.* rooms: 0/.test(note));
});

scenario('status: the busiest rooms, by name', ADMIN, async (stage) => {
  const [ada, bob] = [await stage.peer({ room: 'tea & <b>' }), await stage.peer({ room: 'quiet' })];
  await stage.peer({ room: 'quiet' });
  ada.say('one', 'two');
  await until('both', () => ada.said.length === 2);
  const page = await stage.openStatus();
  await contains(page, '#busiest', '# tea');
  assert.equal(await page.textContent('#busiest'), '# tea & <b>1 here2/min# quiet2 here0/min');
  bob.socket.destroy();
});

scenario('status: five minutes are kept, and any of them can be pointed at', ADMIN, async (stage) => {
  const context = await stage.context();
  await context.clock.install();
  const page = await stage.openStatus({ context });
  const step = async () => {
    const asked = page.waitForResponse(/metrics/);
    await context.clock.runFor(2000);
    await asked;
  };
  for (let i = 0; i < 60; i++) await step();
  await stage.peer();
  for (let i = 0; i < 30; i++) await step();
  await shows(page, 'Clients', ({ figures }) => figures[0] === '1');
  const points = () => page.getAttribute('.card:nth-child(1) .line', 'd').then((path) => path.split('L').length);
  assert.ok((await points()) > 85);
  const { width, height } = await page.locator('.card:nth-child(1) svg').boundingBox();
  await page.hover('.card:nth-child(1) svg', { position: { x: width * 0.6, y: height / 2 } });
  await shows(page, 'Clients', ({ figures }) => figures[0] === '0');
  assert.match(await page.textContent('#shown'), /^At \d\d:\d\d:\d\d$/);
  await page.mouse.move(1, 1);
  await shows(page, 'Clients', ({ figures }) => figures[0] === '1');
  for (let i = 0; i < 90; i++) await step();
  await until('old readings are gone', async () => (await points()) <= 151);
});

scenario('status: quantiles of a histogram', ADMIN, async (stage) => {
  const page = await stage.openStatus();
  const quantiles = await page.evaluate(async () => {
    const { parse, quantile } = await import('/status-metrics.js');
    const text = (...counts) => ['0.1', '0.2', '+Inf'].map((le, i) => `x_bucket{le="${le}"} ${counts[i]}\n`).join('');
    const [before, now] = [parse(text(5, 5, 5)), parse(`# HELP x Some.\n${text(15, 25, 25)}`)];
    const none = new Map();
    return [[0.25, now, before], [0.5, now, before], [0.99, now, before], [0.5, before, before], [1, parse(text(0, 0, 2)), none]]
      .map(([share, ...readings]) => quantile(share, 'x', ...readings));
  });
  const expected = [0.05, 0.1, 0.198, NaN, 0.2];
  quantiles.forEach((value, i) => assert.ok(Object.is(value, expected[i]) || Math.abs(value - expected[i]) < 1e-9, `${i}: ${value}`));
});

scenario('status: how figures are written', ADMIN, async (stage) => {
  const page = await stage.openStatus();
  const written = await page.evaluate(async () => {
    const { age, byteRate, bytes, count, duration, percent, rate } = await import('/status-text.js');
    return [count(0), count(12345), count(123456), count(NaN), rate(0.5), rate(1234.5), rate(2e6), bytes(1023), bytes(1023.9), bytes(1.5e9),
      byteRate(2048), duration(2e-5), duration(0.0123), duration(3), percent(0.0751), [age(3)], [age(3600 * 5 + 61)], [age(86400 * 3)]]
      .map((parts) => parts.join(' ').trim());
  });
  assert.deepEqual(written, ['0', '12,345', '123 k', '–', '0.5 /s', '1,235 /s', '2M /s', '1023 B', '1 KiB', '1.4 GiB',
    '2 KiB/s', '20 µs', '12.3 ms', '3 s', '7.51 %', '3 s', '5 h 1 min', '3 d 0 h']);
});

scenario('status: nothing sticks out at 360 px', ADMIN, async (stage) => {
  const page = await stage.openStatus();
  await page.setViewportSize({ width: 360, height: 640 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
});

// ---- In two languages ----

const sourceOf = (name) => readFileSync(`static/${name}`, 'utf8');

test('status: whatever is said has its Chinese, and nothing else has', () => {
  const code = readdirSync('static').filter((name) => /^status-?\w*\.js$/.test(name) && name !== 'status-words.js').map(sourceOf).join('');
  const tables = code.match(/const CLOSES[^]*?\n};|const STATUSES[^]*?\n};/g).join('');
  const said = [...code.matchAll(/\bt\('([^']+)'/g), ...tables.matchAll(/\d: '([^']+)'/g), ...sourceOf('status.html').matchAll(/ data-t>([^<]+)</g)];
  const words = sourceOf('status-words.js').match(/new Map\(`\n([^]*?)\n`/)[1].split('\n').map((line) => line.split('|'));
  assert.deepEqual([...new Set(said.map(([, text]) => text))].sort(), words.map(([text]) => text).sort());
  const valuesOf = (text) => (text.match(/\{\d\}/g) ?? []).sort();
  for (const [english, chinese, ...rest] of words) {
    assert.deepEqual(valuesOf(chinese), valuesOf(english), english);
    assert.deepEqual(rest, [], english);
  }
});

test('status: each status and close code that the server sends has a meaning', () => {
  const code = sourceOf('status-cards.js');
  const known = (table) => [...code.match(new RegExp(`const ${table}[^]*?\\n};`))[0].matchAll(/(\d+): '/g)].map(([, number]) => number);
  const statuses = readFileSync('src/proto/http/response.c', 'utf8').matchAll(/\{(\d{3}), "/g);
  const closes = readFileSync('docs/protocol.md', 'utf8').match(/\n## Close codes[^]*?\n\n1006/)[0].matchAll(/\n\| (\d{4}) /g);
  assert.deepEqual(known('STATUSES'), [...statuses].map(([, number]) => number));
  assert.deepEqual(known('CLOSES').filter((number) => !['1005', '1006'].includes(number)), [...closes].map(([, number]) => number));
});

// Names, units and addresses.
const ALWAYS = /wschat|WebSockets?|HTTP|CPU|UTF-8|metrics|healthz|Prometheus|English|[KMG]iB|[mµ]s/g;
const englishOf = (text) => text.replace(ALWAYS, ' ').match(/[A-Za-z]{2,}/g);

scenario('status: in Chinese by the language of the browser, in English by choice', ADMIN, async (stage) => {
  const context = await stage.context({ locale: 'zh-CN' });
  const page = await stage.openStatus({ context });
  const ada = await stage.peer();
  ada.socket.destroy();
  await until('an end is listed', async () => (await page.textContent('#closes')) === '1006连接中断1');
  await is(page, 'running');
  await shows(page, '消息', ({ note }) => note === '启动以来 0');
  assert.equal(await page.getAttribute('html', 'lang'), 'zh-Hans');
  assert.match(await page.title(), /^\d 个客户端 – wschat 状态$/);
  assert.match(await page.getAttribute('.card:nth-child(1) svg', 'aria-label'), /^最近五分钟：客户端/);
  assert.equal(englishOf(await page.innerText('body')), null);
  await page.setViewportSize({ width: 360, height: 640 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360));
  await page.selectOption('#language', 'en');
  await contains(page, '#state', 'Running');
  await page.reload();
  await contains(page, '#state', 'Running');
  assert.equal(await page.getAttribute('html', 'lang'), 'en');
  assert.equal(await page.inputValue('#language'), 'en');
});

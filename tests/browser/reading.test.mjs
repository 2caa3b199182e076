// How messages are read: where one left off, what is called, code, what is long, what is many.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { inflateSync } from 'node:zlib';
import { pixels } from '../../scripts/icon.mjs';
import { allSent, contains, hurry, isTold, offline, online, say, scenario, sees, texts, until } from './scenario.mjs';

const lookAway = (page, isAway) => page.evaluate((isAway) => {
  document.hasFocus = () => !isAway;
  dispatchEvent(new Event(isAway ? 'blur' : 'focus'));
}, isAway);
// The text behind the line that says where one left off.
const firstNew = (page) => page.$$eval('#messages .divider', (nodes) =>
  nodes.map((node) => node.nextElementSibling.querySelector('.text').textContent).join());

scenario('a line where one left off', async (stage) => {
  const peer = await stage.peer({ name: 'Ada' });
  peer.say('before');
  const proxy = await stage.proxy();
  const page = await stage.open(proxy.url);
  await sees(page, 'before');
  peer.say('seen');
  await sees(page, 'seen');
  assert.equal(await firstNew(page), '', 'nothing is new to who looks');
  await lookAway(page, true);
  peer.say('new 1', 'new 2');
  await sees(page, 'new 2');
  assert.equal(await firstNew(page), 'new 1');
  await lookAway(page, false);
  peer.say('read at once');
  await sees(page, 'read at once');
  assert.equal(await firstNew(page), 'new 1');
  await lookAway(page, true);
  peer.say('newer');
  await sees(page, 'newer');
  assert.equal(await firstNew(page), 'newer', 'there is one line');
  await lookAway(page, false);
  await say(page, 'mine');
  proxy.isRefusing = true;
  proxy.cut();
  await offline(page);
  peer.say('missed');
  await until('said', () => peer.said.includes('missed'));
  proxy.isRefusing = false;
  await hurry(page);
  await sees(page, 'missed');
  await until('what was missed is new', async () => (await firstNew(page)) === 'missed');
});

scenario('code, bold, links and large emoji, and nothing else', async (stage) => {
  const page = await stage.open();
  const lines = ['a `b <i>c</i>` d', '**bold `x` https://example.org/** but 2**3**4 and ** no **',
    '```c\nint x; // **no** `no` https://no.example/\n```\nafter', '🎉👏', '🎉 party', '```\n`', '****', '`<img src=x onerror=alert(1)>`'];
  for (const line of lines) await say(page, line);
  await allSent(page, lines.length);
  assert.deepEqual(await texts(page), ['a b <i>c</i> d', 'bold x https://example.org/ but 2**3**4 and ** no **',
    'int x; // **no** `no` https://no.example/after', '🎉👏', '🎉 party', '```\n`', '****', '<img src=x onerror=alert(1)>']);
  const count = (selector) => page.$$eval(`#messages ${selector}`, (nodes) => nodes.map((node) => node.textContent));
  assert.deepEqual(await count('code'), ['b <i>c</i>', 'x', 'int x; // **no** `no` https://no.example/', '<img src=x onerror=alert(1)>']);
  assert.deepEqual(await count('strong'), ['bold x https://example.org/']);
  assert.deepEqual(await count('pre'), ['int x; // **no** `no` https://no.example/']);
  assert.deepEqual(await count('a'), ['https://example.org/']);
  assert.deepEqual(await count('.big'), ['🎉👏']);
  assert.equal((await page.$$('#messages i, #messages img, #messages b:not(.who)')).length, 0);
  await say(page, '这是**重点**内容'); // no blanks there
  await allSent(page, lines.length + 1);
  assert.deepEqual((await count('strong')).slice(1), ['重点']);
});

scenario('no message takes the page long', ['--max-message', '64k'], async (stage) => {
  const peer = await stage.peer();
  const page = await stage.open();
  await say(page, '/name Ada');
  for (const part of ['**a', '@Ad', '@Ada ', '```', '`a', 'https://', 'https://a)))', '**a**', '\u0301@\u200b']) {
    peer.say(part.repeat(Math.floor(30000 / part.length)));
  }
  peer.say('the end');
  await sees(page, 'the end');
});

scenario('who is called sees it', async (stage) => {
  const peer = await stage.peer({ name: 'Bob' });
  const page = await stage.open();
  await say(page, '/name Ada Lovelace');
  peer.say('@Ada Lovelace, look', 'hello @ada  lovelace!', 'an address@Ada Lovelace', '@Ada Lovelaces', '@Bob', 'just Ada Lovelace');
  await sees(page, 'just Ada Lovelace');
  assert.deepEqual(await page.$$eval('mark', (nodes) => nodes.map((node) => node.textContent)), ['@Ada Lovelace', '@ada  lovelace']);
  assert.equal((await page.$$('.called')).length, 2);
  await say(page, '@Ada Lovelace, says Ada');
  await allSent(page, 1);
  assert.equal((await page.$$('.own mark')).length, 0, 'nobody calls herself');
});

scenario('who is called in Chinese sees it, where no blanks stand around names', async (stage) => {
  const peer = await stage.peer({ name: 'Bob' });
  const page = await stage.open();
  await say(page, '/name 小明');
  peer.say('你好@小明你看', '＠小明，看', '@小明ok', '@小', 'a@小明');
  await say(page, '/name Ada');
  await isTold(page, 'You took the name Ada');
  peer.say('谢谢@Ada你好', '@Adam', '@Adaé', 'the end');
  await sees(page, 'the end');
  assert.deepEqual(await page.$$eval('mark', (nodes) => nodes.map((node) => node.textContent)), ['@小明', '＠小明', '@小明', '@Ada']);
  for (const begun of ['你好@bo', '(@bo', '＠bo']) {
    await page.fill('#messageText', begun);
    await page.press('#messageText', 'Tab');
    assert.equal(await page.inputValue('#messageText'), `${begun.slice(0, -2)}Bob `);
  }
});

scenario('calls are counted apart: in the title, and where one jumps to the end', async (stage) => {
  const peer = await stage.peer({ name: 'Bob' });
  const page = await stage.open('', { viewport: { width: 800, height: 300 } });
  await say(page, '/name Ada');
  peer.say(...Array.from({ length: 20 }, (_, i) => `line ${i}`));
  await sees(page, 'line 19');
  await lookAway(page, true);
  await page.$eval('#messages', (list) => (list.scrollTop = 0));
  await until('scrolled', () => page.isVisible('#jump'));
  peer.say('to nobody', '@Ada, look', '@Bob, look');
  await until('the title counts', async () => (await page.title()) === '(@1 · 3) WebSocket Chat');
  assert.match(await page.textContent('#jump'), /: 3 · @1$/);
  await page.click('#jump');
  await lookAway(page, false);
  await until('all is seen', async () => (await page.title()) === 'WebSocket Chat');
  await lookAway(page, true);
  peer.say('and more');
  await until('the title counts anew', async () => (await page.title()) === '(1) WebSocket Chat');
});

const badge = async (page, room) => (await page.$$eval(`#rooms [data-room="${room}"] .unread`, (nodes) => nodes.map((node) => node.textContent))).join();
const look = (page) => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));

scenario('rooms that one has left have badges', ['--history', '200', '--rate', '0'], async (stage) => {
  const peer = await stage.peer({ name: 'Bob', room: 'tea' });
  peer.say('old');
  const page = await stage.open('?room=tea');
  await sees(page, 'old');
  await page.click('#rooms [data-room=lobby]');
  await online(page);
  peer.say('one', 'two');
  await until('a badge', async () => (await look(page), (await badge(page, 'tea')) === '2'));
  assert.equal(await badge(page, 'lobby'), '', 'the room that one is in has none');
  peer.say(...Array.from({ length: 110 }, (_, i) => `x ${i}`));
  await until('many', async () => (await look(page), (await badge(page, 'tea')) === '99+'));
  await page.reload();
  await until('it is known after a reload', async () => (await badge(page, 'tea')) === '99+');
  await page.click('#rooms [data-room=tea]');
  await online(page);
  assert.equal(await badge(page, 'tea'), '');
  await page.click('#rooms [data-room=lobby]');
  await online(page);
  await look(page);
  peer.say('last');
  await until('counted from there', async () => (await look(page), (await badge(page, 'tea')) === '1'));
});

scenario('names are completed behind an @', async (stage) => {
  await stage.peer({ name: 'Grace Hopper' });
  const page = await stage.open();
  await contains(page, '#people', 'Grace');
  await page.focus('#messageText');
  await page.keyboard.type('hi @gr');
  assert.match(await page.textContent('#call'), /@Grace Hopper/);
  await page.keyboard.press('Tab');
  assert.equal(await page.inputValue('#messageText'), 'hi @Grace Hopper ');
  assert.ok(await page.isHidden('#call'));
  await page.keyboard.type('and @G');
  await page.click('#call');
  assert.equal(await page.inputValue('#messageText'), 'hi @Grace Hopper and @Grace Hopper ');
  await page.keyboard.type('@x mail@gr');
  assert.ok(await page.isHidden('#call'));
  await page.keyboard.press('Tab');
  assert.ok(await page.evaluate(() => document.activeElement.id !== 'messageText'), 'Tab goes on where there is nothing to complete');
});

scenario('long messages and many comings and goings are folded', async (stage) => {
  const peer = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  peer.say('line\n'.repeat(20).trim(), 'line\n'.repeat(50).trim());
  await until('both', async () => (await texts(page)).length === 2);
  assert.equal((await page.$$('.folded')).length, 1);
  const height = () => page.$$eval('.bubble', (nodes) => nodes.at(-1).clientHeight);
  const before = await height();
  await page.click('.bubble .link');
  assert.ok((await height()) > before * 2);
  assert.equal((await page.$$('.bubble .link')).length, 0);
  const seen = () => page.$$eval('#messages .notice', (nodes) => nodes.filter((node) => !node.hidden).map((node) => node.textContent));
  const guests = [];
  for (let i = 0; i < 4; i++) guests.push(await stage.textPeer());
  await until('four', async () => (await seen()).length === 4);
  guests[0].close();
  await until('one line', async () => (await seen()).join() === '4 joined, 1 left');
  guests[1].close();
  await until('it counts on', async () => (await seen()).join() === '4 joined, 2 left');
  await page.click('.fold button');
  assert.equal((await seen()).length, 7);
  await page.click('.fold button');
  assert.equal((await seen()).length, 1);
  peer.say('hello');
  await sees(page, 'hello');
  await stage.textPeer();
  await until('a new one stands alone', async () => (await seen()).length === 2);
});

scenario('an invitation: the link, and what it is good for', async (stage) => {
  const context = await stage.context({ permissions: ['clipboard-read', 'clipboard-write'], acceptDownloads: true });
  const page = await stage.open('?room=tea%20room', { context });
  const peer = await stage.peer({ room: 'tea room', name: 'Ada' });
  peer.say('one\ntwo');
  await sees(page, 'one\ntwo');
  await page.click('#share');
  assert.equal(await page.inputValue('#link'), `${stage.server.url}?room=tea%20room`);
  await contains(page, '#link-why', 'Only this machine');
  await page.click('#copy');
  await contains(page, '#copy', 'Copied');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${stage.server.url}?room=tea%20room`);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
  assert.equal(download.suggestedFilename(), 'tea room.txt');
  assert.match(readFileSync(await download.path(), 'utf8'), /^20\S+Z Ada: one\ntwo\n$/);
  await page.keyboard.press('Escape');
  await until('the field has the focus', () => page.evaluate(() => document.activeElement.id === 'messageText'));
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error('no'));
    document.execCommand = () => false;
  });
  await page.click('#share');
  await page.click('#copy');
  await contains(page, '#copy', 'did not allow');
});

scenario('a reader of QR codes reads the invitation', async (stage) => {
  for (const [room, colorScheme] of [['lobby', 'light'], ['茶水间 & co', 'dark'], ['r'.repeat(64), 'light']]) {
    const page = await stage.open(`?room=${encodeURIComponent(room)}`, { colorScheme });
    await page.click('#share');
    await until('drawn', () => page.$eval('#qr', (image) => image.complete && image.naturalWidth));
    const path = `${process.env.TMPDIR ?? '/tmp'}/qr-${room.length}.png`;
    await page.locator('#qr').screenshot({ path, scale: 'css' });
    const read = spawnSync('zbarimg', ['-q', '--raw', path], { encoding: 'utf8' });
    assert.equal(read.stdout.trim(), await page.inputValue('#link'));
  }
});

scenario('the page can be put on a home screen', async (stage) => {
  const page = await stage.open();
  const href = await page.$eval('link[rel=manifest]', (link) => link.href);
  const response = await fetch(href);
  assert.match(response.headers.get('content-type'), /manifest\+json/);
  const { name, icons, start_url: start } = await response.json();
  assert.equal(name, 'WebSocket Chat');
  assert.equal(new URL(start, href).href, stage.server.url);
  for (const { src, type } of icons) {
    const icon = await fetch(new URL(src, href));
    assert.deepEqual([icon.status, icon.headers.get('content-type')], [200, type]);
  }
  assert.equal(await page.$eval('link[rel=apple-touch-icon]', (link) => link.href), new URL('icon.png', href).href);
  const size = await page.evaluate(async () => {
    const image = Object.assign(new Image(), { src: 'icon.png' });
    await image.decode();
    return [image.naturalWidth, image.naturalHeight].join('x');
  });
  assert.equal(size, icons[1].sizes);
});

test('the icon is what its script draws', () => {
  const png = readFileSync('static/icon.png');
  const start = png.indexOf('IDAT');
  assert.deepEqual(inflateSync(png.subarray(start + 4, start + 4 + png.readUInt32BE(start - 4))), pixels());
});

const TITLE = `<i>Tea</i> & "ink" 'n' a long title of a room 茶`;

scenario('a title of one\'s own', ['--title', TITLE], async (stage) => {
  for (const width of [1440, 360]) {
    const page = await stage.open('', { viewport: { width, height: 640 } });
    assert.equal(await page.title(), TITLE);
    assert.equal(await page.textContent('h1'), TITLE);
    const [edge, next] = await page.evaluate(() => [document.querySelector('h1').getBoundingClientRect().right,
      document.querySelector(innerWidth > 720 ? '#where' : '#share').getBoundingClientRect().left]);
    assert.ok(edge <= next, `${edge} of ${next}`);
    await say(page, '/room ink');
    await until('the room is in front', async () => (await page.title()) === `ink · ${TITLE}`);
  }
  assert.equal((await (await fetch(new URL('chat.webmanifest', stage.server.url))).json()).name, TITLE);
});

scenario('a print has the messages and little else', async (stage) => {
  const page = await stage.open();
  await say(page, 'line\n'.repeat(60));
  await allSent(page, 1);
  await page.emulateMedia({ media: 'print' });
  for (const part of ['#nav', '#dock', '#share']) assert.ok(await page.isHidden(part), part);
  assert.ok(await page.$eval('#messages', (list) => list.scrollHeight <= list.clientHeight + 1 && list.clientHeight > innerHeight), 'all of it');
});

// Who may come in, and who keeps order: tokens, passwords, the link of a moderator, commands and menus.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { allSent, contains, idOf, isTold, notices, online, say, scenario, sees, stateOf, texts, until } from './scenario.mjs';

const SECRET = '0123456789abcdef0123456789abcdef';
const folder = mkdtempSync(`${tmpdir()}/wschat-door-`);
const [keys, words, link] = ['keys', 'words', 'link'].map((name) => `${folder}/${name}`);
writeFileSync(keys, SECRET, { mode: 0o600 });
writeFileSync(words, 'mellon, friend\n', { mode: 0o600 });

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function tokenOf(sub, allow, seconds = 3600) {
  const claims = { sub, exp: Math.floor(Date.now() / 1000) + seconds, caps: [{ rooms: ['lobby'], allow }] };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

const ALL = ['sub', 'pub', 'prs', 'hst', 'dir'];

// A page that may stay outside, and how often it has knocked.
async function knock(stage, path = '') {
  const page = await (await stage.context()).newPage();
  page.sockets = 0;
  page.on('websocket', () => page.sockets++);
  await page.goto(new URL(path, stage.server.url).href);
  return page;
}

const stands = (page, state) => until(state, async () => (await stateOf(page)) === state);

scenario('without a token one is told why, and the link of a moderator opens', ['--token-key', keys], async (stage) => {
  const page = await knock(stage);
  await stands(page, 'token');
  await contains(page, '#banner', 'nobody enters without a token');
  assert.equal(page.sockets, 1, 'it does not knock for ever');
  await until('the log tells', () => stage.server.log.includes('nobody enters without a token'));
  await say(page, 'kept until there is a token');
  const token = tokenOf('ada', ALL);
  await page.goto(`${stage.server.url}#token=${token}`);
  await online(page);
  assert.equal(page.url(), stage.server.url);
  await allSent(page, 1);
  await page.reload();
  await online(page);
  await page.click('#wire-open');
  assert.ok(!(await page.content()).includes(token));
});

scenario('who is put out is told, and does not come again', ['--token-key', keys], async (stage) => {
  const teacher = await stage.open(`#token=${tokenOf('teacher', [...ALL, 'mod'])}`);
  const pupil = await knock(stage, `#token=${tokenOf('pupil', ALL)}`);
  await online(pupil);
  await say(pupil, '/name Bob');
  await isTold(teacher, 'Bob');
  await say(pupil, '/kick Bob');
  await isTold(pupil, 'The server says');
  await say(teacher, '/kick Bob too loud');
  await stands(pupil, 'forbidden');
  await contains(pupil, '#banner', 'put out');
  await isTold(pupil, 'too loud');
  await isTold(teacher, 'Bob left the chat');
  assert.equal(pupil.sockets, 1);
  await pupil.click('#banner-act');
  await online(pupil);
});

async function answerDoor(page, password) {
  await until('the dialog', () => page.isVisible('#door'));
  await page.fill('#password', password);
  await page.press('#password', 'Enter');
}

scenario('a classroom: a password for all, and a link for who keeps order', ['--password-file', words, '--moderator', link], async (stage) => {
  const pupil = await knock(stage);
  await answerDoor(pupil, 'melon');
  await contains(pupil, '#door-why', 'That was wrong.');
  await answerDoor(pupil, 'mellon, friend');
  await online(pupil);
  await say(pupil, '/name Bob');
  const teacher = await knock(stage, readFileSync(link, 'utf8').trim());
  await online(teacher);
  await contains(teacher, '#people', 'Bob');
  await say(pupil, 'rude');
  await sees(teacher, 'rude');
  await teacher.hover('#messages .other');
  await teacher.click('#messages .other .more');
  await teacher.click('#menu [value=retract]');
  await sees(pupil, 'taken back');
  await say(teacher, '/slow 3600');
  await isTold(pupil, 'one message in 3600 s for each');
  await say(pupil, 'once');
  await sees(teacher, 'once');
  await say(pupil, 'twice');
  await contains(pupil, '#messages', 'this room is slow');
  await say(teacher, 'I need not wait');
  await say(teacher, 'at all');
  await allSent(teacher, 2);
  await say(teacher, '/ban Bob 10 until tomorrow');
  await isTold(teacher, 'Bob may not come in again.');
  await stands(pupil, 'forbidden');
  await contains(pupil, '#banner', 'You may not be in # lobby: ');
  await isTold(pupil, 'until tomorrow');
  await pupil.reload();
  await stands(pupil, 'forbidden');
  await contains(pupil, '#banner', 'banned');
});

scenario('a token that ends is renewed by the password, and nothing is lost', ['--token-key', keys, '--password-file', words], async (stage) => {
  const page = await knock(stage, `#token=${tokenOf('ada', ALL, 2)}`);
  await until('the dialog', () => page.isVisible('#door'));
  await contains(page, '#banner', 'expired');
  await page.evaluate(() => document.querySelector('#door').close());
  await say(page, 'said meanwhile');
  await page.click('#banner-act');
  await answerDoor(page, 'mellon, friend');
  await online(page);
  await allSent(page, 1);
});

// A server that has a moderator in it, played by the test.
async function play(stage, welcome, answer) {
  const page = await (await stage.context()).newPage();
  const heard = [];
  await page.routeWebSocket(/\/ws\//, (socket) => {
    const id = Number(socket.url().match(/\/ws\/(\d+)/)[1]);
    page.tell = (frame) => socket.send(JSON.stringify(frame));
    page.shut = (code, reason) => socket.close({ code, reason });
    socket.onMessage((data) => {
      const frame = JSON.parse(data);
      if (frame.to === id) return page.tell({ ...frame, type: 'direct', from: id, name: '', ts: 1 });
      if (frame.type === 'say') return page.tell({ ...frame, type: 'message', from: id, name: '', ts: Date.now(), pos: `p${heard.length}` });
      heard.push(frame);
      answer?.(frame, page);
    });
    page.tell({ type: 'welcome', id, room: 'lobby', name: '', pos: 'p', recovered: false, key: 'K', count: 2,
      members: [{ id, name: '' }, { id: 5, name: 'Bob' }], limits: { message: 65536 }, ...welcome });
  });
  await page.goto(stage.server.url);
  await online(page);
  return { page, heard };
}

const bare = ({ ref, ...frame }) => assert.ok(ref) ?? frame;

scenario('a moderator has commands and menus', async (stage) => {
  const { page, heard } = await play(stage, { mod: true }, ({ type, ref, id }, { tell }) => type === 'ban' && tell({ type, ban: 'B', id, ref }));
  const sent = (count) => until(`${count} commands`, () => heard.length === count);
  page.tell({ type: 'message', pos: 'm1', ts: Date.now(), from: 5, name: 'Bob', text: 'rude' });
  await sees(page, 'rude');
  for (const line of ['/kick Bob why not', '/ban Bob 10 rude words', '/ban #5', '/slow 20']) await say(page, line);
  await sent(4);
  assert.deepEqual(heard.map(bare), [
    { type: 'kick', id: 5, reason: 'why not' }, { type: 'ban', id: 5, seconds: 600, reason: 'rude words' },
    { type: 'ban', id: 5, reason: '' }, { type: 'slow', seconds: 20 }]);
  await isTold(page, 'Bob may not come in again.');
  for (const line of ['/kick', '/slow soon', '/ban Nobody']) await say(page, line);
  await isTold(page, '/ban WHO MINUTES');
  await isTold(page, 'Nobody here is called Nobody.');
  await page.fill('#messageText', '');
  await page.hover('#messages .other');
  await page.click('#messages .other .more');
  assert.equal(await page.textContent('#menu-who'), 'Bob');
  await page.click('#menu [value=retract]');
  await sent(5);
  assert.deepEqual(bare(heard[4]), { type: 'retract', of: 'm1' });
  await page.hover('#people li:nth-child(2)');
  await page.click('#people .more');
  assert.ok(await page.isHidden('#menu [value=retract]'));
  await page.click('#menu [value=hour]');
  await sent(6);
  assert.deepEqual(bare(heard[5]), { type: 'ban', id: 5, seconds: 3600 });
  await page.click('#people .more', { force: true });
  await page.keyboard.press('Escape');
  await say(page, '/slow 0');
  await sent(7);
  page.tell({ type: 'slow', pos: 's1', ts: Date.now(), from: 5, name: 'Bob', seconds: 20 });
  await isTold(page, 'Bob: one message in 20 s for each');
  page.tell({ type: 'slow', pos: 's2', ts: Date.now(), from: 5, name: 'Bob', seconds: 0 });
  await isTold(page, 'Bob: as many messages as you like');
});

scenario('a message is taken back', async (stage) => {
  const { page, heard } = await play(stage);
  await say(page, 'too quick');
  await allSent(page, 1);
  page.tell({ type: 'message', pos: 'm1', ts: Date.now(), from: 5, name: 'Bob', text: 'rude' });
  page.tell({ type: 'message', pos: 'm2', ts: Date.now(), from: 5, name: 'Bob', text: '', retracted: true });
  await sees(page, 'taken back');
  assert.ok(await page.isHidden('#messages .retracted .more'));
  await page.hover('#messages .other .bubble >> nth=0');
  await page.click('#messages .other .more >> nth=0');
  assert.ok(await page.isVisible('#menu [value=reply]'));
  assert.ok(await page.isHidden('#menu [value=retract]'), 'only for who may');
  await page.keyboard.press('Escape');
  await say(page, '/retract');
  await until('asked for', () => heard.length === 1);
  assert.deepEqual(bare(heard[0]), { type: 'retract', of: 'p0' });
  page.tell({ type: 'retract', pos: 'r1', ts: Date.now(), from: 5, name: 'Bob', of: 'm1' });
  await until('it is gone', async () => !(await texts(page)).includes('rude'));
  assert.deepEqual(await texts(page), ['too quick', 'taken back', 'taken back']);
  page.tell({ type: 'error', code: 'slow', text: 'not so fast', ref: 'unknown' });
  await isTold(page, 'not so fast');
});

scenario('a password is asked for, until it is right', ['--token-key', keys], async (stage) => {
  const context = await stage.context();
  const asked = [];
  await context.route('**/api/password', (route) => {
    if (route.request().method() === 'GET') return route.fulfill({ status: 204 });
    const { password } = route.request().postDataJSON();
    asked.push(password);
    if (asked.length === 2) return route.fulfill({ status: 429, headers: { 'Retry-After': '7' } });
    return password === 'mellon' ? route.fulfill({ json: { token: tokenOf('guest', ALL), expires: 1 } }) : route.fulfill({ status: 403 });
  });
  const page = await context.newPage();
  await page.goto(stage.server.url);
  await until('the dialog', () => page.isVisible('#door'));
  for (const [password, told] of [['wrong', 'That was wrong.'], ['again', 'try again in 7 s']]) {
    await page.fill('#password', password);
    await page.press('#password', 'Enter');
    await contains(page, '#door-why', told);
  }
  await page.fill('#password', 'mellon');
  await page.press('#password', 'Enter');
  await online(page);
  assert.ok(await page.isHidden('#door'));
  assert.deepEqual(asked, ['wrong', 'again', 'mellon']);
  await page.reload();
  await online(page);
  assert.equal(asked.length, 3, 'it is asked for once');
});

// A page of another origin that uses the library, or has a worker that does.
async function foreign(stage, hasWorker = false) {
  const script = `import { connect } from '${stage.server.url}wschat.js';
    globalThis.chat = connect('${stage.server.url}', { room: 'tea', name: 'Ada' });`;
  const site = http.createServer(({ url }, response) => {
    const isScript = url === '/worker.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? `${script} chat.say('from a worker');` : `<!doctype html><link rel="icon" href="data:,"><script type="module">
      ${hasWorker ? "new Worker('worker.js', { type: 'module' });" : script}
    </script>`);
  });
  await once(site.listen(0, '127.0.0.1'), 'listening');
  stage.atEnd(() => site.close());
  const url = `http://127.0.0.1:${site.address().port}/`;
  stage.allow(url);
  const page = await (await stage.context()).newPage();
  await page.goto(url);
  return page;
}

scenario('the library in a page of another origin that is refused', async (stage) => {
  const page = await foreign(stage);
  const why = await until('closed', () => page.evaluate(() => window.chat?.why));
  assert.deepEqual([why.code, /--allow-origin/.test(why.text)], ['refused', true]);
});

scenario('the library in a page of another origin that is allowed', ['--allow-origin', '*'], async (stage) => {
  const page = await foreign(stage);
  await until('loaded', () => page.evaluate(() => window.chat !== undefined));
  assert.equal(await page.evaluate(async () => (await window.chat.say('hello')).text), 'hello');
});

scenario('the library in a worker', ['--allow-origin', '*'], async (stage) => {
  const page = await stage.open('?room=tea');
  await foreign(stage, true);
  await sees(page, 'from a worker');
});

scenario('the echo page without a token', ['--token-key', keys], async (stage) => {
  const page = await knock(stage, 'echo');
  await contains(page, '#status', 'Needs a token');
  assert.equal(page.sockets, 1);
});

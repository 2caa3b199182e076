// The library static/wschat.js under Node, against the real server: connections that break, tokens, refusals, ends.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { Chat, connect, parseFrame, sayFrame } from '../../static/wschat.js';
import * as client from './client.mjs';
import { Proxy } from './proxy.mjs';
import { Server } from './server.mjs';
import { until } from './until.mjs';

const SECRET = '0123456789abcdef0123456789abcdef';
const folder = mkdtempSync(`${tmpdir()}/wschat-library-`);
const keys = `${folder}/keys`;
writeFileSync(keys, SECRET, { mode: 0o600 });

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// For the rooms "tea" and "green".
function tokenOf(allow, seconds = 3600) {
  const claims = { sub: 'ada', exp: Math.floor(Date.now() / 1000) + seconds, caps: [{ rooms: ['tea', 'green'], allow }] };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

const ALL = ['sub', 'pub', 'prs', 'hst', 'dir'];

// work({server, open(options, url), peer(), proxy()}) on a server of its own; all ends with it.
function trial(name, options, work) {
  test(name, { timeout: 60000 }, async () => {
    const server = await Server.start(...options);
    const ends = [() => server.kill()];
    const open = (given, url = server.url) => {
      const chat = connect(url, { room: 'tea', ...given });
      chat.texts = [];
      chat.states = [];
      chat.on('message', ({ text }) => chat.texts.push(text));
      chat.on('state', ({ state }) => chat.states.push(state));
      ends.push(() => chat.close());
      return chat;
    };
    const peer = async (fields) => {
      const made = await client.connect(server.port, { protocol: 'wschat.v1', room: 'tea', ...fields });
      ends.push(() => made.socket.destroy());
      await until('a welcome', () => made.lines.length);
      return made;
    };
    const proxy = async () => {
      const made = await Proxy.start(server.port);
      ends.push(() => made.stop());
      return made;
    };
    try {
      await work({ server, open, peer, proxy });
    } finally {
      for (const end of ends.reverse()) await end();
    }
  });
}

const online = (chat) => until('online', () => chat.state === 'online' && !chat.isReplaying);

test('frames: ids as strings, data and texts as they are', () => {
  const big = '9223372036854775807';
  const { from, text, data, reactions } = parseFrame(
    `{"type":"message","from":${big},"text":"\\"id\\":${big}, [${big}] \\\\","data":{"id":7,"x":[1.5e300,12345]},"reactions":{"👍":[7,${big}]}}`);
  assert.equal(from, big);
  assert.equal(text, `"id":${big}, [${big}] \\`);
  assert.deepEqual(data, { id: 7, x: [1.5e300, 12345] });
  assert.deepEqual(reactions, { '👍': ['7', big] });
  assert.equal(sayFrame({ text: 'a\ud800', to: big, ref: 'r' }), `{"to":${big},"type":"say","text":"a\ufffd","ref":"r"}`);
  assert.throws(() => sayFrame({ text: 'a', to: '7,"x":1' }));
});

// As in Node 20 without its flag.
trial('without a WebSocket it says what it needs, and takes one', [], async ({ open }) => {
  const { WebSocket: Global } = globalThis;
  const opened = [];
  class Given extends Global {
    constructor(url, protocols, { origin }) {
      super(url, { protocols, headers: { origin } });
      opened.push(origin);
    }
  }
  delete globalThis.WebSocket;
  try {
    assert.throws(() => connect('http://127.0.0.1:1/'), /Node 22, or connect\(url, \{ WebSocket \}\)/);
    const chat = open({ WebSocket: Given });
    await chat.say('hello');
    assert.deepEqual(opened, [new URL(chat.base).origin]);
  } finally {
    globalThis.WebSocket = Global;
  }
});

trial('people, names, direct messages, rooms, the end', [], async ({ open, peer }) => {
  const bob = await peer({ id: '9223372036854775807', name: 'Bob' });
  const ada = open({ name: 'Ada', id: 7 });
  const told = await ada.say('hello');
  assert.deepEqual([told.text, told.name, told.from, told.isOwn], ['hello', 'Ada', '7', true]);
  assert.deepEqual([...ada.members], [['7', 'Ada'], [bob.id, 'Bob']]);
  assert.equal(ada.count, 2);
  const direct = await ada.say('psst', { to: bob.id });
  assert.equal(direct.to, bob.id);
  await assert.rejects(ada.say('psst', { to: 8 }), { code: 'no-such-client' });
  const { data } = await ada.say(undefined, { data: { id: 5 }, re: told.pos });
  assert.deepEqual(data, { id: 5 });
  ada.rename('Ada L.');
  await until('the new name', () => ada.members.get('7') === 'Ada L.');
  const { events, end } = await ada.older(ada.since);
  assert.deepEqual([events.map(({ text }) => text), end], [['hello', undefined], true]);
  await assert.rejects(ada.older('nonsense'), { code: 'bad-before' });
  const before = ada.key;
  await ada.enter('green');
  await ada.say('in green');
  assert.notEqual(ada.key, before);
  await until('it left', () => bob.ofType('leave').length);
  await ada.close();
  assert.deepEqual([ada.state, ada.why.code], ['closed', 'closed']);
  await assert.rejects(ada.command({ type: 'ping' }), { code: 'offline' });
});

trial('breaks: nothing is lost, nothing comes twice', ['--leave-grace', '60'], async ({ open, peer, proxy }) => {
  const way = await proxy();
  const bob = await peer();
  const chat = open({}, way.url);
  await chat.say('one');
  const { id, key } = chat;
  way.stallDown();
  const lost = chat.say('its answer is lost');
  await until('it arrived', () => bob.said.includes('its answer is lost'));
  way.cut();
  await lost;
  way.stallUp();
  const again = chat.say('lost on the way');
  way.isRefusing = true;
  way.cut();
  await until('offline', () => chat.state === 'offline');
  const waits = chat.say('said without a connection');
  bob.say('meanwhile');
  await until('that is said', () => bob.said.includes('meanwhile'));
  way.isRefusing = false;
  assert.deepEqual((await Promise.all([again, waits])).map(({ text }) => text), ['lost on the way', 'said without a connection']);
  const all = ['one', 'its answer is lost', 'meanwhile', 'lost on the way', 'said without a connection'];
  assert.deepEqual(chat.texts, all);
  await until('the peer has them', () => bob.said.length === all.length);
  assert.deepEqual(bob.said, all);
  assert.deepEqual([chat.id, chat.key], [id, key]);
  assert.deepEqual(bob.ofType('leave'), [], 'nobody notices the breaks');
  assert.equal(chat.place.entries.length, 0);
});

trial('a direct message whose fate is unknown is not said again', [], async ({ open, peer, proxy }) => {
  const way = await proxy();
  const bob = await peer();
  const chat = open({}, way.url);
  await online(chat);
  way.stallDown();
  const promise = chat.say('psst', { to: bob.id });
  await until('it arrived', () => bob.ofType('direct').length);
  way.cut();
  await assert.rejects(promise, { code: 'unsure' });
  await chat.say('last');
  await until('the last', () => bob.said.includes('last'));
  assert.equal(bob.ofType('direct').length, 1);
});

trial('a message that is too long fails alone', ['--max-message', '1k'], async ({ open }) => {
  const chat = open();
  const long = chat.say('x'.repeat(2000)); // before the limit is known
  const short = chat.say('short');
  await assert.rejects(long, { code: 'too-long' });
  await short;
  assert.deepEqual(chat.texts, ['short']);
});

trial('a seat goes on in another program by its key and position', ['--leave-grace', '60'], async ({ open, peer }) => {
  const bob = await peer();
  const one = open();
  await one.say('one');
  const { id, key, since } = one;
  bob.say('two');
  await until('two', () => one.texts.includes('two'));
  const two = open({ id, key, since });
  await two.say('three');
  assert.deepEqual(two.texts, ['two', 'three']);
  await until('replaced', () => one.why?.code === 'replaced');
  assert.equal(one.state, 'closed');
  assert.deepEqual(bob.ofType('leave'), []);
});

trial('an id in use: another one', [], async ({ open, peer }) => {
  const bob = await peer();
  const chat = open({ id: bob.id });
  await chat.say('hello');
  assert.notEqual(chat.id, bob.id);
});

trial('without a token nobody gets in, and nobody knocks for ever', ['--token-key', keys], async ({ server, open }) => {
  const stranger = open();
  const waits = stranger.say('hello');
  await assert.rejects(waits, { code: 'token' });
  assert.match(stranger.why.text, /without a token/);
  assert.equal(stranger.states.at(-1), 'closed');
  await until('the log tells', () => server.log.includes('nobody enters without a token'));
  stranger.setToken(tokenOf(ALL));
  await online(stranger);
  await until('what waited is said', () => stranger.texts.includes('hello'));
  const guest = open({ token: tokenOf(['sub']) });
  await online(guest);
  await assert.rejects(guest.say('no right'), { code: 'forbidden' });
  const elsewhere = open({ room: 'black', token: tokenOf(ALL) });
  await until('closed', () => elsewhere.state === 'closed');
  assert.equal(elsewhere.why.code, 'forbidden');
  const broken = open({ token: 'a b\r\n' });
  await until('closed', () => broken.state === 'closed');
  assert.equal(broken.why.code, 'token');
});

trial('a token that ends is renewed, and nothing is lost', ['--token-key', keys, '--leave-grace', '60'], async ({ open, peer }) => {
  const asked = [];
  const chat = open({ token: tokenOf(ALL, 2), askToken: async (refused) => asked.push(refused) && tokenOf(ALL) });
  await chat.say('one');
  await until('its token ends', () => asked.length);
  await chat.say('two');
  assert.deepEqual(chat.texts, ['one', 'two']);
  assert.match(asked[0].text, /expired/);
  chat.setToken(tokenOf(['sub']));
  await assert.rejects(chat.say('three'), { code: 'forbidden' });
});

trial('who asks for a token and gets the same again is not asked for ever', ['--token-key', keys], async ({ open }) => {
  let asked = 0;
  const chat = open({ token: 'x.y.z', askToken: () => ++asked && 'x.y.z' });
  await assert.rejects(chat.say('hello'), { code: 'token' });
  assert.deepEqual([asked, chat.state], [1, 'closed']);
});

trial('who is put out is told, and does not come again', ['--token-key', keys], async ({ open }) => {
  const chat = open({ token: tokenOf(ALL) });
  await online(chat);
  const errors = [];
  chat.on('error', (error) => errors.push(error));
  const teacher = open({ token: tokenOf([...ALL, 'mod']) });
  await online(teacher);
  teacher.kick(chat.id, 'noise');
  await until('closed', () => chat.state === 'closed');
  assert.equal(chat.why.code, 'forbidden');
  assert.deepEqual(errors.map(({ code, text }) => [code, text]), [['kicked', 'noise']]);
  assert.deepEqual([...teacher.members.keys()], [teacher.id]);
});

trial('a wrong path is told, and not tried again', [], async ({ server, open }) => {
  const chat = open({}, `${server.url}nowhere/`);
  await assert.rejects(chat.say('hello'), { code: 'refused' });
});

trial('a server that is away is tried again', [], async ({ server, open }) => {
  await server.kill();
  const chat = open();
  const waits = chat.say('hello');
  await until('a pause', () => chat.states.includes('offline'));
  await server.start();
  await waits;
});

test('the ten lines of the README', { timeout: 60000 }, async () => {
  const readme = readFileSync('README.md', 'utf8');
  const [, lines] = readme.match(/```js\n(import \{ connect \}[^]*?)```/);
  assert.ok(lines.trimEnd().split('\n').length <= 10);
  const server = await Server.start();
  // On this port, from this folder, and with what Node 20 needs.
  const script = `${folder}/ten.mjs`;
  writeFileSync(script, lines.replace('http://127.0.0.1:8000/wschat.js', './wschat.mjs').replaceAll('http://127.0.0.1:8000/', server.url));
  writeFileSync(`${folder}/wschat.mjs`, await (await fetch(`${server.url}wschat.js`)).text());
  const bob = await client.connect(server.port, { protocol: 'wschat.v1', room: 'tea', name: 'Bob' });
  try {
    await until('a welcome', () => bob.lines.length);
    const child = spawn(process.execPath, [...process.execArgv, script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (out += text));
    await until('it said hello', () => bob.said.includes('hello'));
    bob.say('bye');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
    assert.match(out, /Ada: hello\n/);
    assert.match(out, /Bob: bye\n/);
  } finally {
    bob.socket.destroy();
    await server.kill();
  }
});

test('the package and the types are those of the library', () => {
  const made = JSON.parse(readFileSync('static/package.json', 'utf8'));
  assert.match(readFileSync('Makefile', 'utf8'), new RegExp(`^VERSION = ${made.version}$`, 'm'));
  const types = readFileSync('static/wschat.d.ts', 'utf8');
  const names = Object.getOwnPropertyNames(Chat.prototype);
  const forConnection = ['constructor', 'question', 'url', 'protocols', 'onState', 'onClose', 'onFrame', 'renew'];
  for (const name of names) assert.equal(forConnection.includes(name), !new RegExp(`^  (readonly )?${name}[?(:<]`, 'm').test(types) || name === 'constructor', name);
});

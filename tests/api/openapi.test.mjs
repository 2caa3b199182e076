// Asks a real server for each operation of docs/openapi.json, with each answer that it describes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Server } from '../browser/server.mjs';
import { address, checkAnswer, checkBody, checkDescription, description, operations, send, unseen } from './description.mjs';

const folder = mkdtempSync(join(tmpdir(), 'wschat-api-'));
const keys = join(folder, 'keys');
const words = join(folder, 'words');
const SECRET = '0123456789abcdef0123456789abcdef0123456789';
const json = { 'Content-Type': 'application/json' };
const LONG = 'x'.repeat(65536 * 6 + 4097); // one byte more than a body may have
let server, open; // the other one asks for no password, and takes one member of an address

const token = (...options) => execFileSync(process.env.WSCHAT_BIN ?? './wschat',
  ['token', '--key', keys, '--sub', 'bot', '--expires', '1h', ...options], { encoding: 'utf8' }).trim();

let all, reader, expired;

before(async () => {
  writeFileSync(keys, `${SECRET}\n`, { mode: 0o600 });
  writeFileSync(words, 'open sesame\n', { mode: 0o600 });
  server = await Server.start('--token-key', keys, '--password-file', words);
  open = await Server.start('--token-key', keys, '--max-clients-per-ip', '1');
  all = token('--room', '*', '--allow', 'sub,pub,prs,hst,dir,mod,api');
  reader = token('--room', 'tea*', '--allow', 'sub');
  expired = jwt({ sub: 'late', exp: 1 });
});

after(async () => {
  await Promise.all([server.kill(), open.kill()]);
  rmSync(folder, { recursive: true });
});

// A token that `wschat token` does not make.
function jwt(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
}

// Makes a request from an operation, and checks the answer against it. `body`: what is sent as JSON; `raw`: as it is.
async function ask(id, status, { parameters, body, raw, hasNoLength, headers = {}, as = all, at = server } = {}) {
  const operation = operations[id];
  const made = address(operation, parameters);
  const fields = { ...made.headers, ...(as ? { Authorization: `Bearer ${as}` } : {}), ...headers };
  if (body !== undefined) Object.assign(fields, json, headers);
  if (body !== undefined && status < 300) checkBody(operation, body);
  const answer = await send(at.port, {
    method: operation.method, path: made.path, headers: fields, body: raw ?? (body && JSON.stringify(body)), hasNoLength,
  });
  assert.equal(answer.status, status, `${id}: ${answer.text}`);
  return checkAnswer(operation, answer);
}

const room = 'tea';
const inTea = { parameters: { room } };

// A member of the room, by hand: HTTP's client ends where the protocol changes.
async function member(id, at = server) {
  const socket = connect(at.port, '127.0.0.1');
  socket.write(`GET /ws/${id}?room=${room}&name=ada HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wschat.v1\r\n` +
    `Authorization: Bearer ${all}\r\n\r\n`);
  let text = '';
  await new Promise((resolve) => {
    socket.on('data', (part) => {
      text += part;
      if (text.includes('"welcome"')) resolve();
    });
  });
  return socket;
}

test('docs/openapi.json is valid OpenAPI 3.1', checkDescription);

test('each path knows the methods that are described, and no other', async () => {
  for (const path of Object.keys(description.paths)) {
    const real = path.replaceAll(/\{[^}]*\}/g, '1');
    const known = Object.values(operations).filter((one) => one.path === path).map((one) => one.method);
    const want = ['OPTIONS', ...known, ...(known.includes('GET') ? ['HEAD'] : [])].sort();
    const answer = await send(server.port, { method: 'OPTIONS', path: real });
    assert.equal(answer.status, 204, path);
    assert.deepEqual(answer.headers.allow.split(', ').sort(), want, path);
    const wrong = await send(server.port, { method: 'PUT', path: real });
    assert.equal(wrong.status, 405, path);
  }
});

test('who has no token is 401 everywhere', async () => {
  for (const [id, operation] of Object.entries(operations).filter(([, { security }]) => security?.length !== 0)) {
    const made = operation.path.replaceAll(/\{[^}]*\}/g, '1');
    const answer = await send(server.port, { method: operation.method, path: made });
    assert.equal(answer.status, 401, id);
    checkAnswer(operation, answer);
  }
});

test('what needs a right in a room is 403 without it', async () => {
  for (const id of ['listMembers', 'listMessages']) await ask(id, 403, { ...inTea, as: reader });
  await ask('postMessage', 403, { ...inTea, as: reader, body: { text: 'x' } });
  await ask('kickMember', 403, { parameters: { room, id: 1 }, as: reader });
  await ask('listen', 403, { parameters: { room: 'coffee' }, as: reader });
});

test('bodies that are none', async () => {
  for (const id of ['postMessage', 'postMessages', 'ban', 'givePassword']) {
    const parameters = operations[id].path.includes('{room}') ? { room } : {};
    await ask(id, 411, { parameters, headers: json, hasNoLength: true });
    await ask(id, 413, { parameters, raw: LONG, headers: { ...json, 'Content-Length': LONG.length } });
    await ask(id, 415, { parameters, raw: '{}', headers: { 'Content-Type': 'text/plain', 'Content-Length': 2 } });
    await ask(id, 422, { parameters, raw: '{', headers: { ...json, 'Content-Length': 1 } });
  }
});

test('messages are said once, told and read', async () => {
  for (const { value } of Object.values(operations.postMessage.requestBody.content['application/json'].examples))
    await ask('postMessage', 200, { ...inTea, body: value });
  const key = { room, 'Idempotency-Key': 'tea-at-four' };
  const first = await ask('postMessage', 200, { parameters: key, body: { text: 'Four.' } });
  assert.deepEqual(await ask('postMessage', 200, { parameters: key, body: { text: 'Four.' } }), first);
  await ask('postMessage', 422, { parameters: key, body: { text: 'Five.' } });
  await ask('postMessage', 400, { parameters: { ...key, 'Idempotency-Key': 'x'.repeat(256) }, body: { text: 'x' } });

  const { value } = operations.postMessages.requestBody.content['application/json'].examples.two;
  assert.deepEqual((await ask('postMessages', 200, { body: value })).map((one) => one.status), [200, 200]);
  const mixed = await ask('postMessages', 200, {
    as: token('--room', 'tea', '--allow', 'pub,api'), body: [{ room: 'tea', text: 'a' }, { room: 'coffee', text: 'b' }],
  });
  assert.deepEqual(mixed.map((one) => one.status), [200, 403]);
  await ask('postMessages', 422, { headers: { 'Idempotency-Key': 'x' }, body: value });

  const page = await ask('listMessages', 200, { parameters: { room, last: 2 } });
  assert.equal(page.events.length, 2);
  const rest = await ask('listMessages', 200, { parameters: { room, since: first.pos, limit: 1 } });
  assert.deepEqual([rest.recovered, rest.more, rest.events.length], [true, true, 1]);
  await ask('listMessages', 400, { parameters: { room, limit: 0 } });
  assert.deepEqual((await ask('listMessages', 200, { parameters: { room: 'nowhere' } })).events, []);

  assert.deepEqual((await ask('listRooms', 200, { parameters: { prefix: 'tea', limit: 1 } })).more, true);
  assert.deepEqual((await ask('listRooms', 200, { parameters: { after: 'tea' } })).rooms.map((one) => one.room), ['teapot']);
  await ask('listRooms', 400, { parameters: { limit: 1001 } });
});

test('members are listed and put out', async () => {
  const socket = await member(7);
  assert.deepEqual((await ask('listMembers', 200, inTea)).members, [{ id: 7, name: 'ada' }]);
  await ask('kickMember', 204, { parameters: { room, id: 7 } });
  await ask('kickMember', 404, { parameters: { room, id: 7 } });
  socket.destroy();
});

test('an event stream begins with a welcome', async () => {
  const text = await ask('listen', 200, { parameters: { room, last: 0 } });
  assert.match(text, /^retry: \d+\n[\s\S]*event: welcome\ndata: \{"type":"welcome",/);
  await ask('listen', 204, { ...inTea, as: expired });
  await ask('listen', 400, { parameters: { room, last: 'x' } });
  const socket = await member(7, open);
  await ask('listen', 429, { ...inTea, at: open });
  socket.destroy();
});

test('bans are made, listed and lifted', async () => {
  const made = [];
  for (const { value } of Object.values(operations.ban.requestBody.content['application/json'].examples))
    made.push(await ask('ban', 201, { body: value }));
  const page = await ask('listBans', 200, { parameters: { limit: 1 } });
  assert.equal(page.more, true);
  await ask('listBans', 200, { parameters: { after: page.bans[0].ban } });
  await ask('listBans', 400, { parameters: { limit: 0 } });
  await ask('listBans', 403, { as: reader });
  await ask('ban', 403, { as: token('--room', 'tea', '--allow', 'mod,api'), body: { rooms: ['*'], sub: 'eve' } });
  const tea = token('--room', 'tea', '--sub', 'many', '--allow', 'mod,api');
  for (let i = 0; i < 90; i++) // a tenth of the 998 that are left
    made.push(await ask('ban', 201, { as: tea, body: { rooms: ['tea'], sub: `eve${i}` } }));
  assert.equal(made.at(-1).by, 'many');
  for (let i = 0; i < 2; i++) await ask('ban', i ? 409 : 201, { as: tea, body: { rooms: ['tea'], sub: `more${i}`, seconds: 1 } });
  for (const { ban } of made) await ask('liftBan', 204, { parameters: { ban } });
  await ask('liftBan', 404, { parameters: { ban: made[0].ban } });
});

test('who knows the password gets a token that opens rooms; guesses are slowed down', async () => {
  const { value } = operations.givePassword.requestBody.content['application/json'].examples.words;
  for (const id of ['askPassword', 'givePassword'])
    await ask(id, 404, { at: open, as: '', body: id === 'givePassword' ? value : undefined });
  await ask('askPassword', 204, { as: '' });
  const { token: guest } = await ask('givePassword', 200, { as: '', body: value });
  await ask('listen', 200, { ...inTea, as: guest });
  await ask('listMessages', 403, { ...inTea, as: guest });
  for (let i = 0; i < 5; i++) await ask('givePassword', 403, { as: '', body: { password: 'x' } });
  await ask('givePassword', 429, { as: '', body: value });
});

// 503 takes a full disk or a lost Redis: tests/integration has them.
test('each answer that is described was seen', () =>
  assert.deepEqual(unseen().filter((what) => !what.endsWith(' 503')), []));

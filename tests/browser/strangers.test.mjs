// Strangers choose ids, names and words. None of them may pass for somebody else, or for the page itself.
import assert from 'node:assert/strict';
import { connect } from './client.mjs';
import { allSent, contains, hurry, idOf, isTold, notices, offline, online, say, scenario, sees, texts, until } from './scenario.mjs';

const own = (page) => texts(page, '.own');
const authors = (page) => page.$$eval('#messages .other:not(.grouped) .who', (nodes) => nodes.map((node) => node.textContent));

// The page loses its seat for good, and somebody else takes its id; it cannot come back before the test lets it.
async function takeId(stage, options = {}) {
  const proxy = await stage.proxy();
  const page = await stage.open(proxy.url);
  await say(page, 'truly mine');
  await allSent(page, 1);
  const id = await idOf(page);
  proxy.isRefusing = true;
  proxy.cut();
  await offline(page);
  if (options.restart) {
    await stage.server.kill();
    await stage.server.start();
  }
  const thief = await until('the id is free', () => connect(stage.server.port, { id, protocol: 'wschat.v1', name: 'thief' })
    .then(async (peer) => {
      await until('an answer', () => peer.closed || peer.lines.length);
      return peer.closed ? undefined : peer;
    }));
  thief.say('not mine');
  await until('said', () => thief.said.includes('not mine'));
  return { page, thief, id, proxy };
}

for (const restart of [false, true]) {
  const how = restart ? 'a restart' : 'a break longer than the grace';
  scenario(`whoever takes the id after ${how} is not "You"`, ['--leave-grace', '1'], async (stage) => {
    const { page, thief, id, proxy } = await takeId(stage, { restart });
    proxy.isRefusing = false;
    await hurry(page);
    await sees(page, 'not mine');
    assert.deepEqual(await own(page), ['truly mine']);
    assert.notEqual(await idOf(page), id);
    thief.say('nor this');
    await sees(page, 'nor this');
    await say(page, 'mine again');
    await allSent(page, 2);
    assert.deepEqual(await own(page), ['truly mine', 'mine again']);
    await page.reload();
    await online(page);
    assert.deepEqual(await own(page), ['truly mine', 'mine again']);
    assert.deepEqual(await texts(page, '.other'), ['not mine', 'nor this']);
  });
}

scenario('a thief who goes again before the page is back', ['--leave-grace', '1'], async (stage) => {
  const { page, thief, id, proxy } = await takeId(stage);
  const peer = await stage.peer();
  thief.send(JSON.stringify({ type: 'rename', name: 'another' }));
  thief.close();
  await until('the id is free again', () => peer.ofType('leave').length);
  peer.say('after it');
  proxy.isRefusing = false;
  await hurry(page);
  await sees(page, 'after it');
  assert.equal(await idOf(page), id, 'the id was free');
  assert.deepEqual(await own(page), ['truly mine']);
  assert.ok(!(await notices(page)).some((notice) => notice.startsWith('You')));
  await until('both are here', async () => (await page.$$('#people li')).length === 2);
});

scenario('who copies a ref does not become the author', async (stage) => {
  const peer = await stage.peer();
  const proxy = await stage.proxy();
  const page = await stage.open(proxy.url);
  await say(page, 'first');
  await allSent(page, 1);
  await until('heard', () => peer.said.length);
  proxy.stallUp();
  await say(page, 'on its way');
  const { ref } = await page.evaluate(() => JSON.parse(sessionStorage['wschat.out.lobby'])[0]);
  peer.send(JSON.stringify({ type: 'say', text: 'forged', ref }));
  await sees(page, 'forged');
  proxy.cut();
  await allSent(page, 2);
  assert.deepEqual(await own(page), ['first', 'on its way']);
  assert.deepEqual(peer.said, ['first', 'forged', 'on its way']);
});

scenario('what was typed under an id that is taken now is sent once', ['--leave-grace', '1'], async (stage) => {
  const proxy = await stage.proxy();
  const page = await stage.open(proxy.url);
  const id = await idOf(page);
  proxy.isRefusing = true;
  proxy.cut();
  await offline(page);
  await say(page, 'kept');
  const thief = await until('the id is free', () => connect(stage.server.port, { id, protocol: 'wschat.v1' })
    .then(async (peer) => (await until('an answer', () => peer.closed || peer.lines.length), !peer.closed && peer)));
  proxy.isRefusing = false;
  await hurry(page);
  await allSent(page, 1);
  await page.reload();
  await online(page);
  await say(page, 'last');
  await until('the last', () => thief.said.includes('last'));
  assert.deepEqual(thief.said, ['kept', 'last']);
});

scenario('two who look the same are told apart wherever a name stands', async (stage) => {
  const ada = await stage.peer({ name: 'Ada', id: 1700000001111 });
  const page = await stage.open();
  ada.say('I am Ada');
  await sees(page, 'I am Ada');
  assert.deepEqual(await authors(page), ['Ada'], 'one alone has no number');
  const twins = ['A\u200bda', 'Аda', 'ADA', 'Ada\u2800', 'A\u0301da', '\u202eadA', 'Ada\u{E0041}', 'Ａda'];
  for (const [i, name] of twins.entries()) {
    const twin = await stage.peer({ name, id: 1700000002200 + i });
    await isTold(page, `#${2200 + i} joined`);
    twin.say(`I am Ada, too ${i}`);
    await sees(page, `I am Ada, too ${i}`);
  }
  assert.match((await authors(page))[0], /^Ada #1111$/, 'what stands there already is marked');
  for (const [i, author] of (await authors(page)).slice(1).entries()) assert.match(author, new RegExp(` #${2200 + i}$`));
  const people = await page.$$eval('#people button small', (nodes) => nodes.map((node) => node.textContent));
  assert.equal(new Set(people).size, twins.length + 1);
  const sameEnd = await stage.peer({ name: 'Ada', id: 1600000001111 });
  sameEnd.say('and my number ends like hers');
  await sees(page, 'and my number ends like hers');
  await until('longer numbers', async () => (await authors(page))[0] === 'Ada #700000001111');
});

scenario('nobody is called like the page itself', async (stage) => {
  const page = await stage.open();
  for (const [i, name] of ['You', 'Yоu', 'y\u200bou', 'Client #42', 'Ada #1111', '你'].entries()) {
    const peer = await stage.peer({ name, id: 1700000003300 + i });
    peer.say(`line ${i}`);
    await sees(page, `line ${i}`);
    assert.match((await authors(page)).at(-1), new RegExp(` #${3300 + i}$`), name);
  }
});

const INVISIBLE = ['\u200b', '\u2060', '\u200e', '\u00ad', '\u{E0041}\u{E0042}', '\u2800', ' ', '\u00a0', '\u3000', '\u2028',
  '\u3164', '\uffa0', '\u115f', '\u034f', '\u206a', '\u202e', '\ufeff', '\u180e', '\u0301', '\ufe0f'];

scenario('who has no visible name is shown by id', async (stage) => {
  const page = await stage.open();
  for (const [i, name] of INVISIBLE.entries()) {
    const peer = await stage.peer({ name, id: 1700000004400 + i });
    await isTold(page, `Client #${peer.id} joined`);
    peer.say(`line ${i}`);
    await sees(page, `line ${i}`);
    assert.equal((await authors(page)).at(-1), `Client #${peer.id}`, JSON.stringify(name));
    assert.equal(await page.$eval('#messages li:last-child .avatar', (node) => node.dataset.initials), peer.id.slice(-2));
  }
});

scenario('initials are whole signs', async (stage) => {
  const page = await stage.open();
  const names = { '👩‍👩‍👧 Family': '👩‍👩‍👧F', '🇨🇭': '🇨🇭', 'e\u0301lan vital': 'E\u0301V', 'कि': 'कि', '\u202eabc def': 'AD', '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}': '🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}' };
  for (const [name, initials] of Object.entries(names)) {
    const peer = await stage.peer({ name });
    peer.say(`I am ${name}`);
    await until('said', () => page.$('#messages .other'));
    await until(name, async () => (await page.$eval('#messages li:last-child .avatar', (node) => node.dataset.initials).catch(() => '')) === initials);
  }
});

scenario('a name or a room turns no words of the page round', async (stage) => {
  const room = '\u202etea\u200b';
  const page = await stage.open(`?room=${encodeURIComponent(room)}`);
  const peer = await stage.peer({ room, name: '\u202eevil\u2067' });
  await isTold(page, 'evil joined');
  const turning = /[\u202a-\u202e\u2066-\u2069\u200e\u200f]/;
  assert.doesNotMatch(await page.title(), turning);
  assert.doesNotMatch(await page.evaluate(() => document.body.innerText), turning);
  assert.doesNotMatch(await page.getAttribute('#messageText', 'placeholder'), turning);
  await contains(page, '#room-name', '⟨U+202E⟩tea⟨U+200B⟩');
  await contains(page, '#rooms', '⟨U+202E⟩tea⟨U+200B⟩');
  peer.say('\u202eseulb');
  await sees(page, '\u202eseulb');
  const isolated = await page.$eval('#messages .other .text', (node) => getComputedStyle(node).unicodeBidi);
  assert.match(isolated, /isolate/);
});

scenario('a name that reads like words of ours is told from them', async (stage) => {
  const page = await stage.open();
  const liar = await stage.peer({ name: 'bob joined' });
  await isTold(page, '“bob joined” joined');
  const weight = await page.$eval('#messages .notice bdi', (node) => getComputedStyle(node).fontWeight);
  assert.ok(weight > 500, 'and has a weight of its own, for those who write without blanks');
  liar.say('hello');
  await sees(page, 'hello');
  await say(page, `/msg #${liar.id} psst`);
  await contains(page, '#messages .direct small', 'to “bob joined”');
  await page.click('#messages .other .more');
  await page.click('#menu [value=reply]');
  await contains(page, '#to', '“bob joined”: hello');
  for (const [name, shown] of Object.entries({
    'x” left the chat “y': '“x" left the chat "y”', 'bob: hi': '“bob: hi”', 'bob,eve': '“bob,eve”', '小明：你好': '“小明：你好”',
    "O'Neil-2_b": "O'Neil-2_b", '👩‍👩‍👧': '👩‍👩‍👧', 'e\u0301lan': 'e\u0301lan', '李四': '李四',
  })) {
    await stage.peer({ name });
    await isTold(page, `${shown} joined`);
    assert.ok((await notices(page)).includes(`${shown} joined`), name);
  }
});

scenario('stacked marks stay in their own line', async (stage) => {
  const peer = await stage.peer({ name: `Z${'\u0301'.repeat(30)}` });
  const page = await stage.open();
  peer.say(`Z${'\u0335\u0301\u0300'.repeat(200)}algo`);
  await until('said', () => page.$('#messages .other'));
  for (const part of ['.other .bubble', '.notice', '#people .person']) {
    if (await page.$(part)) assert.match(await page.$eval(part, (node) => getComputedStyle(node).overflow), /clip|hidden/, part);
  }
  assert.equal(await page.$eval('#messages .who', (node) => [...node.textContent].length), 5, 'a name keeps four');
});

scenario('links show their true host', async (stage) => {
  const page = await stage.open();
  await say(page, 'https://good.example@evil.example/x https://аpple.example/ https://plain.example/a HTTPS://UP.example ' +
    'http://0x7f.1/ \u202ehttps://moc.example/');
  await allSent(page, 1);
  const links = await page.$$eval('#messages a', (nodes) => nodes.map((node) =>
    [node.host, node.dataset.host ?? '', getComputedStyle(node, '::after').content, getComputedStyle(node).unicodeBidi]));
  assert.deepEqual(links.map(([host, shown]) => [host, shown]), [['evil.example', 'evil.example'], ['xn--pple-43d.example', 'xn--pple-43d.example'],
    ['plain.example', ''], ['up.example', ''], ['127.0.0.1', '127.0.0.1'], ['moc.example', '']]);
  assert.match(links[0][2], /evil\.example/);
  for (const link of links) assert.match(link[3], /isolate/);
});

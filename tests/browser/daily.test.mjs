// What people meet every day.
import assert from 'node:assert/strict';
import { allSent, contains, hurry, idOf, isTold, notices, offline, online, say, scenario, sees, texts, until } from './scenario.mjs';

const atEnd = (page) => page.$eval('#messages', (list) => list.scrollHeight - list.clientHeight - list.scrollTop < 3);
const people = (page) => page.$$eval('#people bdi', (nodes) => nodes.map((node) => node.textContent));

scenario('after a reload one is among the people', async (stage) => {
  await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  const id = await idOf(page);
  await say(page, 'before');
  await allSent(page, 1);
  await page.fill('#room-field', 'tea'); // a clean goodbye, which the replay tells of
  await page.press('#room-field', 'Enter');
  await online(page);
  await page.goBack();
  await online(page);
  for (let i = 0; i < 2; i++) {
    await until('both', async () => (await people(page)).length === 2);
    assert.deepEqual(await people(page), [`Client #${id}`, 'Ada']);
    await contains(page, '#here', '2 here');
    await page.reload();
    await online(page);
  }
});

scenario('a long text in the field leaves the chat at its end', async (stage) => {
  const peer = await stage.peer();
  const page = await stage.open('', { viewport: { width: 800, height: 600 } });
  peer.say(...[...Array(60).keys()].map((i) => `line ${i}`));
  await sees(page, 'line 59');
  for (const text of ['a\nb\nc\nd\ne\nf\ng\nh', 'word '.repeat(400), '', 'x\ny']) {
    await page.fill('#messageText', text);
    await until(`at the end with ${text.length} characters`, () => atEnd(page));
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.ok(await atEnd(page));
    assert.ok(await page.isHidden('#jump'));
  }
  await page.focus('#messageText');
  for (let i = 0; i < 9; i++) await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('and so on');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.ok(await atEnd(page));
  await page.setViewportSize({ width: 500, height: 400 });
  await until('at the end of a small window', () => atEnd(page));
  await page.$eval('#messages', (list) => (list.scrollTop = 0));
  await until('who scrolls stays there', () => page.isVisible('#jump'));
});

scenario('a private word is never said to all', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  await contains(page, '#people', 'Ada');
  const privately = [' /msg Ada one', '\n/msg Ada two', '\u200b/msg Ada three', '／msg Ada four', '/MSG Ada five', '\u00a0 /msg ada\nsix',
    '/msg @Ada seven', '\u3000／msg Ada eight'];
  for (const line of privately) await say(page, line);
  await until('all of them', () => ada.ofType('direct').length === privately.length);
  for (const line of [' /nope Ada secret', '/ msg Ada secret', '/msg @', '/msgAda secret', ' /msg', '/msg nobody secret', '／']) {
    await say(page, line);
    assert.equal(await page.inputValue('#messageText'), line, 'it is kept');
  }
  await say(page, '//etc/motd');
  await say(page, ' ／／x');
  await say(page, 'and/or');
  await until('the last', () => ada.said.includes('and/or'));
  assert.deepEqual(ada.said, ['/etc/motd', '／x', 'and/or']);
  assert.deepEqual(ada.ofType('direct').map(({ text }) => text), ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']);
});

scenario('somebody is chosen, then another', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const bob = await stage.peer({ name: 'Bob' });
  const page = await stage.open();
  await contains(page, '#people', 'Bob');
  await page.fill('#messageText', 'psst');
  await page.click('#people button >> text=Ada');
  await page.click('#people button >> text=Bob');
  assert.equal(await page.inputValue('#messageText'), 'psst');
  assert.equal(await page.textContent('#to'), 'to Bob ✕');
  await page.press('#messageText', 'Enter');
  await until('Bob has it', () => bob.ofType('direct').length);
  await say(page, 'still to Bob');
  await until('both', () => bob.ofType('direct').length === 2);
  await page.reload();
  await online(page);
  await contains(page, '#to', 'to Bob ✕'); // a reload makes nothing public
  await page.click('#to');
  await say(page, 'to all');
  await until('Ada has it', () => ada.said.length);
  assert.deepEqual(ada.said, ['to all']);
  await say(page, '/msg Ada');
  assert.equal(await page.textContent('#to'), 'to Ada ✕', 'a command without a text chooses, too');
  await page.press('#messageText', 'Backspace');
  assert.ok(await page.isHidden('#to'));
  assert.equal(ada.ofType('direct').length, 0);
});

scenario('who has left keeps the name', ['--leave-grace', '0'], async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  await say(page, 'hello');
  await allSent(page, 1);
  ada.send(JSON.stringify({ type: 'react', to: ada.ofType('message').at(-1).pos, emoji: '👍', on: true }));
  await until('a reaction', () => page.$('.reacts button'));
  await page.click('#people button >> text=Ada');
  ada.socket.destroy();
  await isTold(page, 'Ada left the chat');
  await say(page, 'are you there?');
  await contains(page, '.own.direct', 'Not sent');
  assert.match(await page.textContent('.own.direct small'), /to Ada$/);
  assert.equal(await page.textContent('#to'), 'to Ada ✕');
  await page.reload();
  await online(page);
  assert.equal(await page.getAttribute('.reacts button', 'title'), 'Ada');
});

scenario('/msg takes a name as it is shown, in quotes', async (stage) => {
  const bob = await stage.peer({ name: 'Bob Lee' });
  const page = await stage.open();
  await contains(page, '#people', 'Bob Lee');
  for (const line of ['/msg “Bob Lee” one', '/msg @"Bob Lee" "two"', '/msg Bob Lee “three”']) await say(page, line);
  await until('all', () => bob.ofType('direct').length === 3);
  assert.deepEqual(bob.ofType('direct').map(({ text }) => text), ['one', '"two"', '“three”']);
});

scenario('two of one name: /msg asks which', async (stage) => {
  const ada = await stage.peer({ name: 'Ada', id: 1700000005501 });
  const twin = await stage.peer({ name: 'A\u200bda', id: 1700000005502 });
  const page = await stage.open();
  await until('both', async () => (await people(page)).length === 3);
  await say(page, '/msg Ada secret');
  await isTold(page, 'Ada #5501, Ada #5502');
  await say(page, '/msg Ada #5501 secret');
  await until('Ada has it', () => ada.ofType('direct').length);
  await say(page, '/msg #5502 for you');
  await until('the twin has it', () => twin.ofType('direct').length);
  assert.deepEqual([ada, twin].map((peer) => peer.ofType('direct').map(({ text }) => text)), [['secret'], ['for you']]);
});

scenario('Escape changes no name', async (stage) => {
  const page = await stage.open();
  await say(page, '/name Ada');
  await isTold(page, 'Ada');
  for (const leave of [() => page.keyboard.press('Escape'), () => page.press('#name', 'Escape')]) {
    await page.click('#me');
    await page.fill('#name', 'Somebody');
    await leave();
    await until('closed', () => page.isHidden('#settings'));
  }
  assert.equal(await page.getAttribute('#me', 'title'), 'Ada');
  await page.click('#wire-open');
  await page.click('#settings-open');
  await page.keyboard.press('Escape');
  await until('closed', () => page.isHidden('#settings'));
  assert.ok(await page.isVisible('#wire'), 'one Escape closes one thing');
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('#wire'));
  await page.click('#me');
  assert.equal(await page.inputValue('#name'), 'Ada');
});

scenario('names are cut between characters, and it is said', async (stage) => {
  const peer = await stage.peer();
  const page = await stage.open();
  const family = '👩‍👩‍👧'; // 18 bytes
  await page.click('#me');
  await page.fill('#name', family.repeat(4));
  await contains(page, '#name-why', 'Too long by 8 bytes');
  await page.press('#name', 'Enter');
  await isTold(page, `it is now ${family.repeat(3)}`);
  await until('the others see it', () => peer.ofType('rename').length);
  assert.equal(peer.ofType('rename')[0].name, family.repeat(3));
  await say(page, `/name ${'é'.repeat(33)}`);
  await isTold(page, `it is now ${'é'.repeat(32)}`);
  await say(page, `/room ${'r'.repeat(65)}`);
  await online(page);
  await isTold(page, `it is now ${'r'.repeat(64)}`);
  const other = await stage.open(`?room=${'s'.repeat(65)}`);
  await isTold(other, `it is now ${'s'.repeat(64)}`);
  const whole = await stage.open(`?room=${'s'.repeat(64)}`);
  assert.ok(!(await notices(whole)).some((notice) => notice.includes('too long')));
});

scenario('copied text has no hidden names in it', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  ada.say('one', `two${'\n'.repeat(25)}lines`);
  await until('both', async () => (await texts(page)).length === 2);
  await say(page, 'mine');
  await allSent(page, 1);
  ada.send(JSON.stringify({ type: 'react', to: ada.ofType('message').at(-1).pos, emoji: '👍', on: true }));
  await until('a reaction', () => page.$('.reacts button'));
  const copied = await page.evaluate(() => {
    const selection = getSelection();
    selection.selectAllChildren(document.getElementById('messages'));
    return selection.toString();
  });
  assert.deepEqual(copied.split('\n').map((line) => line.trim()).filter(Boolean).slice(1), ['Ada', 'one', 'two', 'lines', 'mine']);
});

scenario('the wire view has the Close of the server', async (stage) => {
  const page = await stage.open();
  await page.click('#wire-open');
  await page.fill('#room-field', 'tea');
  await page.press('#room-field', 'Enter');
  await online(page);
  await until('both closes', () => page.$$eval('#frames li', (items) =>
    ['in', 'out'].every((way) => items.some((item) => item.querySelector(`details.${way}`) && item.textContent.includes(' close ')))));
});

scenario('rooms: typed in any way, seen whole, and removed', async (stage) => {
  const page = await stage.open();
  const go = async (text) => {
    await page.fill('#room-field', text);
    await page.press('#room-field', 'Enter');
    await online(page);
  };
  const rooms = () => page.$$eval('#rooms a', (links) => links.map((link) => link.dataset.room));
  await go('#tea');
  assert.equal(new URL(page.url()).searchParams.get('room'), 'tea');
  await go('design');
  await say(page, '/room #milk');
  await online(page);
  await say(page, '/room ＃milk');
  assert.deepEqual(await rooms(), ['lobby', 'tea', 'design', 'milk']);
  await say(page, '/room');
  await isTold(page, 'which one?');
  assert.ok(await page.isHidden('#settings'));
  await page.fill('#messageText', '');
  const long = 'a long name '.repeat(5).trim();
  await go(long);
  const link = `#rooms a[data-room="${long}"]`;
  assert.equal(await page.$eval(link, (node) => getComputedStyle(node.querySelector('bdi')).textOverflow), 'ellipsis');
  assert.ok(await page.$eval(link, ({ parentNode }) => {
    const name = parentNode.querySelector('bdi');
    return name.scrollWidth > name.clientWidth && name.getBoundingClientRect().right <= parentNode.querySelector('.forget').getBoundingClientRect().left + 1;
  }), 'cut in front of the button');
  const forget = async (name) => {
    await page.hover(`#rooms a[data-room="${name}"]`);
    await page.click(`#rooms a[data-room="${name}"] + .forget`);
  };
  await forget('tea');
  assert.deepEqual(await rooms(), ['lobby', 'design', 'milk', long]);
  await forget(long);
  await online(page);
  assert.equal(page.url(), stage.server.url, 'the one that is open');
  await page.reload();
  await online(page);
  assert.deepEqual(await rooms(), ['lobby', 'design', 'milk']);
});

scenario('what waits in another room is told of, and sent there', async (stage) => {
  const tea = await stage.peer({ room: 'tea' });
  const lobby = await stage.peer();
  const proxy = await stage.proxy();
  const page = await stage.open(`${proxy.url}?room=tea`);
  proxy.isRefusing = true;
  proxy.cut();
  await offline(page);
  await say(page, 'for tea 1');
  await say(page, 'for tea 2');
  await page.click('#rooms a[data-room=lobby]');
  await isTold(page, 'Not sent yet: 2 in # tea');
  await contains(page, '#rooms a[data-room=tea]', '2 waiting');
  proxy.isRefusing = false;
  await hurry(page);
  await say(page, 'for the lobby');
  await until('the lobby has it', () => lobby.said.length);
  await page.reload();
  await online(page);
  await isTold(page, 'Not sent yet: 2 in # tea');
  await page.hover('#rooms a[data-room=tea]');
  await page.click('#rooms a[data-room=tea] + .forget');
  await contains(page, '#rooms a[data-room=tea]', '2 waiting');
  await page.click('#rooms a[data-room=tea]');
  await until('sent', () => tea.said.length === 2);
  assert.deepEqual(tea.said, ['for tea 1', 'for tea 2']);
  assert.deepEqual(lobby.said, ['for the lobby']);
  await page.click('#rooms a[data-room=lobby]');
  await online(page);
  assert.ok(!(await page.textContent('#rooms')).includes('waiting'));
});

scenario('a newcomer is asked for a name once', async (stage) => {
  const peer = await stage.peer();
  const context = await stage.context();
  const page = await stage.open('', { context });
  await until('asked', () => page.isVisible('#welcome'));
  const guest = await page.inputValue('#guest');
  assert.match(guest, /^[A-Z][a-z]+-\d\d$/);
  await page.press('#messageText', 'Enter'); // nothing typed: the friendly name
  await until('a guest', () => peer.ofType('rename').length);
  assert.equal(peer.ofType('rename')[0].name, guest);
  assert.ok(await page.isHidden('#welcome'));
  const second = await stage.open('', { context });
  assert.ok(await second.isHidden('#welcome'), 'once in a browser');

  const other = await stage.open();
  await other.fill('#guest', 'Ada');
  await other.press('#guest', 'Enter');
  await until('Ada', () => peer.ofType('rename').some(({ name }) => name === 'Ada'));
  await until('the field has the focus', () => other.evaluate(() => document.activeElement.id === 'messageText'));

  const silent = await stage.open();
  await silent.click('#guest-no');
  await silent.reload();
  await online(silent);
  assert.ok(await silent.isHidden('#welcome'), 'who wants none is not asked again');
  const busy = await stage.open();
  await say(busy, 'hello');
  await allSent(busy, 1);
  assert.ok(await busy.isHidden('#welcome'));
  await busy.reload();
  assert.ok(await busy.isHidden('#welcome'));
  assert.equal(peer.ofType('message').at(-1).name, '', 'who just talks keeps the number');
});

scenario('people as people count, all of them, and found', async (stage) => {
  for (const name of ['Bob 10', 'Bob 2', 'émile', 'Emil', 'zoe', 'Ada', 'Frank', '']) await stage.peer({ name });
  const page = await stage.open();
  await until('all', async () => (await people(page)).length === 9);
  assert.deepEqual((await people(page)).slice(1, 8), ['Ada', 'Bob 2', 'Bob 10', 'Emil', 'émile', 'Frank', 'zoe']);
  await page.fill('#people-filter', 'bob');
  assert.deepEqual(await people(page), ['Bob 2', 'Bob 10']);
  await page.fill('#people-filter', '');
  for (let i = 0; i < 250; i++) await stage.textPeer();
  await until('all of many', async () => (await people(page)).length === 259);
});

scenario('notifications on plain http in a network say what they need', async (stage) => {
  const context = await stage.context();
  await context.addInitScript(() => Object.defineProperty(window, 'isSecureContext', { value: false }));
  const page = await stage.open('', { context });
  await page.click('#settings-open');
  await page.click('#notify');
  await contains(page, '#notify-why', 'only on https pages');
  assert.equal(await page.isChecked('#notify'), false);
});

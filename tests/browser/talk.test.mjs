// People talk: in tabs, in rooms, with names, alone with somebody, and with the tutorial's own page.
import assert from 'node:assert/strict';
import { hasLine, openTutorial, tutorialLines, tutorialSite } from './tutorial.mjs';
import { allSent, contains, idOf, isTold, notices, online, say, scenario, sees, texts, until } from './scenario.mjs';

const numbers = (count, word) => [...Array(count).keys()].map((i) => `${word} ${i}`);

// The browser unpacks by itself; what the room says is packed once the window has something to go back to.
scenario('a room that is compressed', ['--deflate', 'on', '--admin', '127.0.0.1:0'], async (stage) => {
  const one = await stage.open('');
  const two = await stage.open('');
  const said = numbers(20, 'a line that says again what the one before has said, number');
  for (const text of said) await say(one, text);
  await sees(two, said.at(-1));
  await allSent(one, said.length);
  assert.deepEqual(await texts(two), said);
  assert.deepEqual(await texts(one), said);
  const metrics = await (await fetch(new URL('metrics', await until('the admin listener', () => stage.server.adminUrl)))).text();
  const count = (name) => Number(metrics.match(new RegExp(`^wschat_deflated_${name}_total (\\d+)$`, 'm'))[1]);
  assert.ok(count('messages') >= 10, metrics);
  assert.ok(count('after_bytes') < count('before_bytes') / 2);
});

scenario('two tabs and the page of the tutorial in one room', ['--allow-origin', '*'], async (stage) => {
  const site = await tutorialSite(stage);
  const context = await stage.context();
  const one = await stage.open('', { context });
  const two = await stage.open('', { context });
  const text = await openTutorial(context, site);
  const [idOne, idTwo, idText] = [await idOf(one), await idOf(two), await idOf(text)];
  assert.equal(new Set([idOne, idTwo, idText]).size, 3);
  assert.match(idOne, /^\d{13}$/);
  assert.equal(await one.textContent('h1'), 'WebSocket Chat');

  await say(one, 'hello from one');
  await sees(two, 'hello from one');
  await hasLine(text, `Client #${idOne} says: hello from one`);
  await say(text, 'hello from text');
  await hasLine(text, 'You wrote: hello from text');
  await sees(one, 'hello from text');
  await contains(two, '#messages', `Client #${idText}`);
  await two.fill('#messageText', 'by the button');
  await two.click('#send');
  await hasLine(text, `Client #${idTwo} says: by the button`);
  await sees(one, 'by the button');
  await until('the field has the focus', () => two.evaluate(() => document.activeElement.id === 'messageText'));
  const all = ['hello from one', 'hello from text', 'by the button'];
  assert.deepEqual(await texts(one), all);
  assert.deepEqual(await texts(two), all);

  await text.close();
  await isTold(one, `Client #${idText} left the chat`);
  const again = await openTutorial(context, site);
  await two.close();
  await isTold(one, `Client #${idTwo} left the chat`);
  await hasLine(again, `Client #${idTwo} left the chat`);
  assert.equal((await tutorialLines(again)).length, 1);
});

scenario('the echo page', async (stage) => {
  const page = await stage.open('echo');
  await say(page, 'hello <b>');
  await sees(page, 'Message text was: hello <b>');
});

scenario('names', async (stage) => {
  const context = await stage.context();
  const one = await stage.open('', { context });
  const two = await stage.open();
  const id = await idOf(one);
  await say(one, 'before');
  await contains(two, '#messages .other .who', `Client #${id}`);
  await say(one, '/name Ada Lovelace');
  await isTold(two, `Client #${id} took the name “Ada Lovelace”`);
  await contains(two, '#people', 'Ada Lovelace');
  await say(one, 'after');
  await contains(two, '#messages li:last-child .who', 'Ada Lovelace');
  await one.click('#settings-open');
  assert.equal(await one.inputValue('#name'), 'Ada Lovelace');
  await one.fill('#name', '李四');
  await one.press('#name', 'Enter');
  await contains(two, '#people', '李四');
  assert.deepEqual(await texts(two), ['before', 'after']);
  const third = await stage.open('', { context });
  await until('the name is remembered', async () => (await two.textContent('#people')).split('李四').length === 3);
  await third.reload();
  await online(third);
  await until('it has its name', async () => (await third.getAttribute('#me', 'title')) === '李四');
});

scenario('rooms by address, switched without loading the page', async (stage) => {
  const design = await stage.peer({ room: 'design' });
  design.say('design before');
  const page = await stage.open('?room=tea');
  const tea = await stage.peer({ room: 'tea' });
  await page.evaluate(() => (window.mark = 'not loaded again'));
  await say(page, 'in tea');
  await page.fill('#messageText', 'half a sen');

  await page.fill('#room-field', 'design');
  await page.press('#room-field', 'Enter');
  await online(page);
  assert.equal(new URL(page.url()).search, '?room=design');
  await sees(page, 'design before');
  assert.equal(await page.inputValue('#messageText'), '', 'each room has its own draft');
  assert.match(await page.title(), /^design/);
  await say(page, 'in design');
  await until('design hears it', () => design.said.includes('in design'));
  await until('tea is left', () => tea.ofType('leave').length === 1);
  assert.deepEqual(tea.said, ['in tea']);

  tea.say('missed in tea');
  await until('tea has it', () => tea.said.includes('missed in tea'));
  await page.goBack();
  await online(page);
  await until('both of tea', async () => (await texts(page)).join() === 'in tea,missed in tea');
  assert.equal(await page.inputValue('#messageText'), 'half a sen');
  await page.click('#rooms a[data-room=lobby]');
  await online(page);
  assert.equal(page.url(), stage.server.url);
  assert.equal(await page.getAttribute('#rooms a[data-room=lobby]', 'aria-current'), 'page');
  await say(page, '/room 茶水间 & co');
  await online(page);
  assert.equal(new URL(page.url()).searchParams.get('room'), '茶水间 & co');
  const far = await stage.peer({ room: '茶水间 & co' });
  await say(page, '好');
  await until('the far room', () => far.said.includes('好'));
  await allSent(page, 1);
  await say(page, '/room __proto__');
  await online(page);
  await say(page, 'still well');
  await allSent(page, 1);
  assert.equal(await page.evaluate(() => window.mark), 'not loaded again');
  assert.deepEqual(await page.$$eval('#rooms a', (links) => links.map((link) => link.textContent)),
    ['# lobby', '# tea', '# design', '# 茶水间 & co', '# __proto__']);
});

scenario('history on entering', async (stage) => {
  const peer = await stage.peer({ name: 'Grace' });
  const said = numbers(60, 'line');
  peer.say(...said);
  await until('all said', () => peer.said.length === 60);
  const page = await stage.open();
  await sees(page, 'line 59');
  assert.deepEqual(await texts(page), said.slice(-50));
  assert.equal(await page.textContent('#messages .day'), 'Today');
  assert.equal(await page.title(), 'WebSocket Chat', 'what was there before is not unread');
  peer.say('and on');
  await sees(page, 'and on');
  assert.equal((await texts(page)).length, 51);
});

scenario('presence', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  await contains(page, '#here', '2 here');
  await contains(page, '#people', 'Ada');
  const anon = await stage.textPeer();
  await contains(page, '#people', `Client #${anon.id}`);
  await isTold(page, `Client #${anon.id} joined`);
  await contains(page, '#here', '3 here');
  anon.close();
  await isTold(page, `Client #${anon.id} left the chat`);
  ada.close();
  await isTold(page, 'Ada left the chat');
  await contains(page, '#here', '1 here');
  assert.equal((await page.$$('#people li')).length, 1);
  assert.equal((await notices(page)).filter((notice) => notice.includes('left')).length, 2);
});

scenario('presence in a room over the limit', ['--presence-limit', '3'], async (stage) => {
  for (let i = 0; i < 4; i++) await stage.textPeer();
  const page = await stage.open();
  await contains(page, '#here', '5 here');
  await contains(page, '#people', 'and 2 more');
  await stage.textPeer();
  await contains(page, '#here', '6 here');
  await contains(page, '#people', 'and 3 more');
  assert.deepEqual(await notices(page), []);
});

scenario('what people write is text, and links are safe', async (stage) => {
  const evil = ['<img src=x onerror=alert(1)>', '<script>alert(1)</script>', 'javascript:alert(1)', '"><svg onload=alert(1)>',
    'see https://a.example/x_(y)?q=1&b=%3Cb%3E), ok', '{{1+1}} ${1} &lt;b&gt;', '\u202egnp.exe',
    'https://x.example"onmouseover=alert(1)', 'HTTPS://UP.example/ http://[bad'];
  const peer = await stage.peer({ name: '<b onclick=alert(1)>bold</b>', room: '<i>room' });
  const page = await stage.open(`?room=${encodeURIComponent('<i>room')}`);
  peer.say(...evil);
  for (const line of evil) await say(page, line);
  await allSent(page, evil.length);
  await until('all of the peer', async () => (await texts(page, '.other')).length === evil.length);
  assert.deepEqual(await texts(page, '.own'), evil);
  assert.deepEqual(await texts(page, '.other'), evil);
  await page.click('#wire-open');
  await page.click('#frames li:nth-child(2) summary');
  assert.equal(await page.$$eval('#messages, #people, #rooms, #frames, #room-name', (parts) =>
    parts.reduce((sum, part) => sum + part.querySelectorAll('img, script, svg, i, b b, [onclick], [onload]').length, 0)), 0);
  const links = await page.$$eval('#messages .own a', (nodes) => nodes.map(({ href, rel, target }) => ({ href, rel, target })));
  assert.deepEqual(links.map(({ href }) => href), ['https://a.example/x_(y)?q=1&b=%3Cb%3E', 'https://x.example/',
    'https://up.example/', ...links.slice(3).map(({ href }) => href)]);
  for (const { href, rel, target } of links) {
    assert.match(href, /^https?:/);
    assert.deepEqual([rel, target], ['noopener noreferrer', '_blank']);
  }
});

scenario('messages of one person stand together, own ones on the other side', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const bob = await stage.peer({ name: 'Bob' });
  const page = await stage.open();
  ada.say('a1', 'a2');
  await sees(page, 'a2');
  bob.say('b1');
  await sees(page, 'b1');
  await say(page, 'm1');
  await say(page, 'm2');
  await allSent(page, 2);
  const items = await page.$$eval('#messages .own, #messages .other', (list) =>
    list.map((item) => `${item.className.replace(/ (new|message)/g, '')}: ${item.querySelector('.text').textContent}`));
  assert.deepEqual(items, ['other: a1', 'other grouped: a2', 'other: b1', 'own: m1', 'own grouped: m2']);
  const middles = await page.$$eval('.bubble', (nodes) => nodes.map((node) => {
    const { left, right } = node.getBoundingClientRect();
    return (left + right) / 2;
  }));
  assert.ok(Math.max(...middles.slice(0, 3)) < Math.min(...middles.slice(3)), middles.join());
  assert.equal(await page.textContent('#messages .other .who'), 'Ada');
});

scenario('slash commands and direct messages', async (stage) => {
  const page = await stage.open();
  const other = await stage.open();
  const third = await stage.peer();
  await say(other, '/name Bob B');
  await contains(page, '#people', 'Bob B');
  await say(page, '/msg bOB b psst');
  await sees(other, 'psst');
  await contains(other, '.direct', 'only you see this');
  await contains(page, '.direct.own', 'to “Bob B”');
  await say(page, `/msg #${await idOf(other)} by id`);
  await sees(other, 'by id');
  await say(page, '/msg #42 nobody is there');
  const failed = '#messages [data-state=failed]';
  await contains(page, '#messages', 'nobody with that id is here');
  await page.click(`${failed} .link`);
  assert.equal(await page.inputValue('#messageText'), 'nobody is there');
  assert.match(await page.textContent('#to'), /^to Client #42/);
  await page.click('#to');
  await say(page, '/nope x');
  await isTold(page, '/nope?');
  assert.equal(await page.inputValue('#messageText'), '/nope x', 'the text is kept');
  await say(page, '/help');
  await isTold(page, '/room ROOM');
  await say(page, '//slash');
  await sees(other, '/slash');
  await page.click('#people button');
  await until('whom it goes to', async () => /^to /.test(await page.textContent('#to')));
  assert.equal(await page.inputValue('#messageText'), '');
  assert.deepEqual(third.said, ['/slash']);
  assert.equal(third.ofType('direct').length, 0);
});

// What was said before, answers to it, and reactions.
import assert from 'node:assert/strict';
import { allSent, contains, idOf, offline, online, say, scenario, sees, texts, until } from './scenario.mjs';

const top = (page) => page.$eval('#messages', (list) => (list.scrollTop = 0));
const chips = (page) => page.$$eval('.reacts button', (nodes) => nodes.map(({ textContent, ariaPressed }) => `${textContent} ${ariaPressed}`));
const lines = (from, to) => Array.from({ length: to - from }, (_, i) => `line ${from + i}`);

scenario('older messages come by scrolling up, to the first that is kept', ['--history', '230', '--rate', '0'], async (stage) => {
  const peer = await stage.peer({ name: 'Ada' });
  peer.say(...lines(0, 240));
  await until('all said', () => peer.said.length === 240);
  const page = await stage.open('', { viewport: { width: 800, height: 600 } });
  await sees(page, 'line 239');
  assert.deepEqual(await texts(page), lines(190, 240));
  await top(page);
  await sees(page, 'line 140');
  assert.ok(await page.$eval('#messages', (list) => list.scrollTop > list.clientHeight), 'what was seen stays in sight');
  await until('the end is told', async () => (await top(page), (await page.textContent('#messages > :first-child')) === 'Nothing older is kept.'));
  assert.deepEqual(await texts(page), lines(10, 240));
  assert.equal((await page.$$('.day')).length, 1, 'one day, one line');
  assert.equal((await page.$$('.end')).length, 1);
  peer.say('news');
  await until('it is counted', async () => (await page.textContent('#jump')).includes('1'));
});

scenario('who looks for older messages while offline gets a page that goes on', ['--history', '120', '--rate', '0'], async (stage) => {
  const peer = await stage.peer({ name: 'Ada' });
  peer.say(...lines(0, 120));
  await until('all said', () => peer.said.length === 120);
  const page = await stage.open('', { viewport: { width: 800, height: 600 } });
  await sees(page, 'line 119');
  await stage.server.kill();
  await offline(page);
  await top(page);
  await stage.server.start();
  await online(page);
  await say(page, 'back');
  await allSent(page, 1);
});

scenario('replies: to whom, where, and after that to nobody', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  ada.say('Tea?', 'Or coffee?');
  await sees(page, 'Or coffee?');
  await page.hover('.other .bubble >> nth=0');
  await page.click('.other .more >> nth=0');
  await page.click('#menu [value=reply]');
  await contains(page, '#to', '↩ Ada: Tea? ✕');
  await page.keyboard.type('yes');
  await page.keyboard.press('Enter');
  const [answer] = await until('heard', () => ada.ofType('message').filter(({ text }) => text === 'yes')[0] && ada.ofType('message').slice(-1));
  assert.equal(answer.re, ada.ofType('message')[0].pos);
  await allSent(page, 1);
  assert.equal(await page.textContent('.own .quote'), '↩ Ada: Tea?');
  assert.ok(await page.isHidden('#to'));
  await say(page, 'and no answer');
  await until('heard', () => ada.said.includes('and no answer'));
  assert.equal(ada.ofType('message').at(-1).re, undefined);
  await page.click('.own .quote');
  await until('the message has the focus', () =>
    page.evaluate(() => document.activeElement.closest('li').textContent.includes('Tea?') && document.activeElement.matches('.more')));
  ada.send(JSON.stringify({ type: 'retract', of: ada.ofType('message')[0].pos }));
  await contains(page, '.own .quote', 'taken back');
  await page.reload();
  await online(page);
  await contains(page, '.own .quote', '↩ Ada: taken back');
});

scenario('reactions: given, counted, taken back, kept, and by keyboard alone', async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  ada.say('one', 'two');
  await sees(page, 'two');
  await page.focus('#messageText');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await until('told', () => ada.ofType('react').length === 1);
  const [{ from, to, emoji, on }] = ada.ofType('react');
  assert.deepEqual([String(from), to, emoji, on], [await idOf(page), ada.ofType('message')[0].pos, '❤️', true]);
  await until('seen', async () => (await chips(page)).join() === '❤️ 1 true');
  for (const one of ['❤️', '❤️', '🎉']) ada.send(JSON.stringify({ type: 'react', to, emoji: one }));
  await until('summed up', async () => (await chips(page)).join() === '❤️ 2 true,🎉 1 false');
  assert.match(await page.getAttribute('.reacts button', 'title'), /Ada/);
  await page.click('.reacts button >> nth=0');
  await until('taken back', async () => (await chips(page)).join() === '❤️ 1 false,🎉 1 false');
  await page.click('.reacts button >> nth=1');
  await until('given', async () => (await chips(page)).join() === '❤️ 1 false,🎉 2 true');
  assert.equal(await page.evaluate(() => document.activeElement.dataset.emoji), '🎉', 'the focus stays');
  ada.send(JSON.stringify({ type: 'react', to, emoji: '"' }));
  await page.click('.reacts button >> nth=2');
  await until('given', async () => (await chips(page)).includes('" 2 true'));
  assert.equal(await page.evaluate(() => document.activeElement.dataset.emoji), '"', 'the focus stays, whatever it is on');
  await page.click('.reacts button >> nth=2');
  ada.send(JSON.stringify({ type: 'react', to, emoji: '"', on: false }));
  await until('taken back by both', async () => (await chips(page)).length === 2);
  const other = await stage.open();
  await until('a newcomer has the sums', async () => (await chips(other)).join() === '❤️ 1 false,🎉 2 false');
  await page.reload();
  await online(page);
  await until('after a reload', async () => (await chips(page)).join() === '❤️ 1 false,🎉 2 true');
});

const foot = (page) => page.textContent('#types');

// What the page ever says of who writes: it may be gone before a slow test looks.
const watchFoot = (page) => page.evaluate(() => {
  window.seen = [];
  new MutationObserver(() => window.seen.push(document.querySelector('#types').textContent))
    .observe(document.querySelector('#types'), { childList: true });
});
const footSaid = (page, text) => until(text, () => page.evaluate((text) => window.seen.includes(text), text));

scenario('who types is told where the server does that', ['--typing'], async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const [page, chinese] = [await stage.open(), await stage.open('', { locale: 'zh-CN' })];
  await watchFoot(page);
  await watchFoot(chinese);
  ada.send(JSON.stringify({ type: 'typing' }));
  await footSaid(page, 'Ada writing…');
  await footSaid(chinese, 'Ada 正在输入…');
  ada.say('done');
  await until('no more', async () => (await foot(page)) === '');
  const typings = () => ada.ofType('typing').filter(({ from }) => String(from) !== String(ada.id));
  await page.fill('#messageText', '/msg');
  await page.fill('#messageText', 'hi');
  await page.type('#messageText', ' there');
  await until('the room is told', () => typings().length > 0);
  await page.press('#messageText', 'Enter');
  await until('said', () => ada.said.includes('hi there'));
  await footSaid(chinese, `客户端 #${await idOf(page)} 正在输入…`);
  assert.deepEqual(await page.evaluate(() => [...new Set(window.seen)]), ['Ada writing…', ''], 'not of oneself');
});

scenario('nobody is told who types where the server does not', async (stage) => {
  const page = await stage.open();
  await page.type('#messageText', 'hello');
  await page.press('#messageText', 'Enter');
  await sees(page, 'hello');
  await page.click('#wire-open');
  assert.doesNotMatch(await page.textContent('#frames'), /typing/);
});

scenario('a message of data alone is seen as such', async (stage) => {
  const ada = await stage.peer();
  const page = await stage.open();
  ada.send(JSON.stringify({ type: 'say', data: { x: 3, y: ['<b>`'] } }));
  await sees(page, '{"x":3,"y":["<b>`"]}');
});

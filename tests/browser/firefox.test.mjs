// The same page in Firefox.
import assert from 'node:assert/strict';
import { contains, online, isTold, say, sees, scenario, texts, until } from './scenario.mjs';
import { Firefox } from './firefox.mjs';

async function start(stage, preferences) {
  const firefox = await Firefox.start(preferences);
  stage.atEnd(() => firefox.stop());
  stage.atEnd(() => assert.deepEqual(firefox.errors.filter((text) => !isOfFirefox(text)), []));
  return firefox;
}

// What Firefox itself reports; a page cannot prevent it.
const isOfFirefox = (text) => /can.t establish a connection|was interrupted while/.test(text);

async function open(firefox, url) {
  const page = await firefox.open(url);
  await online(page);
  return page;
}

scenario('Firefox: people talk, and a broken connection is resumed', ['--ping-interval', '2'], async (stage) => {
  const peer = await stage.peer({ name: 'Ada' });
  const proxy = await stage.proxy();
  const firefox = await start(stage);
  const one = await open(firefox, proxy.url);
  const two = await open(firefox, proxy.url);
  await say(one, 'hello');
  await sees(two, 'hello');
  peer.say('hello, Firefox https://good.example@evil.example/');
  await sees(one, 'hello, Firefox https://good.example@evil.example/');
  await say(two, '/name Grace');
  await isTold(one, 'took the name Grace');
  proxy.cut();
  peer.say('meanwhile');
  for (const page of [one, two]) await sees(page, 'meanwhile');
  await say(two, 'back');
  await until('heard', () => peer.said.includes('back'));
  await sees(one, 'back');
  assert.deepEqual(await texts(one), peer.said);
  assert.equal(peer.ofType('leave').length, 0);
  await one.reload(); // with a close frame, which gives the seat up
  await online(one);
  assert.deepEqual(await texts(one), peer.said);
  assert.deepEqual(await texts(one, '.own'), ['hello']);
  await one.click('#settings-open');
  await until('the settings', () => one.evaluate(() => document.getElementById('settings').open));
  await one.press('#name', 'Escape');
  await one.click('#wire-open');
  await contains(one, '#frames', 'welcome');
  await one.click('#controls');
  for (const sign of ['↓ ping', '↑ pong']) await contains(one, '#frames', `${sign} 0 B · told by the server`);
});

scenario('Firefox with cookies and site data blocked', async (stage) => {
  const peer = await stage.peer({ name: 'Ada' });
  const firefox = await start(stage, { 'network.cookie.cookieBehavior': 2 });
  const page = await open(firefox, stage.server.url);
  await isTold(page, 'This browser keeps nothing for this page');
  await say(page, 'hello');
  await until('heard', () => peer.said.includes('hello'));
  peer.say('and back');
  await sees(page, 'and back');
  await say(page, '/room tea');
  await contains(page, '#room-name', 'tea');
  await online(page);
  await page.reload();
  await online(page);
});

scenario('Firefox: the echo page', async (stage) => {
  const firefox = await start(stage);
  const page = await open(firefox, `${stage.server.url}echo`);
  await say(page, 'hello <b>');
  await sees(page, 'Message text was: hello <b>');
});

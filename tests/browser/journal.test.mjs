// A server with --journal is killed, and one in its place goes on under the pages: for them a glitch of the network.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { allSent, hurry, idOf, notices, offline, say, scenario, sees, texts, until } from './scenario.mjs';

// The stage's server, started anew with a journal.
async function keepJournal(stage, ...options) {
  const folder = mkdtempSync(`${tmpdir()}/journal-`);
  stage.atEnd(() => rmSync(folder, { recursive: true }));
  await stage.server.kill();
  stage.server.options = ['--journal', folder, '--leave-grace', '600', ...options];
  await stage.server.start();
}

// All that comes to this page by any of its WebSockets from now on.
function hear(page) {
  const frames = [];
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => frames.push(JSON.parse(payload))));
  return frames;
}

const ofType = (frames, ...types) => frames.filter(({ type }) => types.includes(type));

for (const sync of ['always', 'interval', 'never']) {
  scenario(`kill -9 with --journal-sync ${sync} is a glitch of the network`, async (stage) => {
    await keepJournal(stage, '--journal-sync', sync);
    const page = await stage.open('?room=tea');
    const other = await stage.open('?room=tea');
    await say(page, 'before');
    await sees(other, 'before');
    await allSent(page, 1);
    const [id, otherId, before] = [await idOf(page), await idOf(other), await notices(other)];
    const frames = [hear(page), hear(other)];
    await stage.server.kill();
    for (const each of [page, other]) await offline(each);
    await say(page, 'meanwhile 1');
    await say(page, 'meanwhile 2');
    await say(other, 'meanwhile 3');
    await stage.server.start();
    for (const each of [page, other]) await hurry(each);
    await allSent(page, 3);
    await allSent(other, 1);
    await say(page, 'last');
    for (const each of [page, other]) await sees(each, 'last');
    for (const each of [page, other]) {
      const seen = await texts(each);
      assert.deepEqual([seen[0], seen.at(-1), seen.length], ['before', 'last', 5]);
      assert.deepEqual(seen.slice(1, -1).sort(), ['meanwhile 1', 'meanwhile 2', 'meanwhile 3']);
      assert.ok(seen.indexOf('meanwhile 1') < seen.indexOf('meanwhile 2'));
    }
    for (const heard of frames) {
      const welcomes = ofType(heard, 'welcome');
      assert.ok(welcomes.length > 0);
      for (const { recovered, count } of welcomes) assert.deepEqual({ recovered, count }, { recovered: true, count: 2 });
      assert.deepEqual(ofType(heard, 'join', 'leave'), []);
      assert.deepEqual(ofType(heard, 'message').map(({ text }) => text).sort(), ['last', 'meanwhile 1', 'meanwhile 2', 'meanwhile 3']);
    }
    assert.deepEqual([await idOf(page), await idOf(other)], [id, otherId]);
    assert.deepEqual(await notices(other), before);
  });
}

// What a page said is in the journal, but its answer was lost with the server: the page says it again, and nobody hears it twice.
scenario('a message whose answer was lost with the server comes once', async (stage) => {
  await keepJournal(stage);
  const proxy = await stage.proxy();
  const page = await stage.open(`${proxy.url}?room=tea`);
  const peer = await stage.peer({ room: 'tea' });
  proxy.stallDown();
  await say(page, 'arrived');
  await until('it arrived', () => peer.said.includes('arrived'));
  await stage.server.kill();
  proxy.cut();
  await stage.server.start();
  await hurry(page);
  await allSent(page, 1);
  await say(page, 'last');
  await allSent(page, 2);
  const late = await stage.peer({ room: 'tea', history: 10 });
  await until('the room', () => late.said.includes('last'));
  assert.deepEqual(late.said, ['arrived', 'last']);
  assert.deepEqual(await texts(page), ['arrived', 'last']);
});

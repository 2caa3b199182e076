// The server becomes another program under the pages, and they do not notice.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { allSent, idOf, notices, say, scenario, sees, stateOf, texts, until } from './scenario.mjs';
import { binary } from './server.mjs';
import { hasLine, openTutorial, tutorialLines, tutorialSite } from './tutorial.mjs';

// The program with another version in its place, as an installation puts it there.
function install(path, version) {
  const own = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim().split(' ')[1];
  assert.equal(version.length, own.length);
  writeFileSync(`${path}.new`, readFileSync(binary, 'latin1').replaceAll(own, version), 'latin1');
  chmodSync(`${path}.new`, 0o755);
  renameSync(`${path}.new`, path);
}

// The stage's server, started anew as a program of its own with a keeper.
async function keep(stage) {
  const folder = mkdtempSync(`${tmpdir()}/upgrade-`);
  stage.atEnd(() => rmSync(folder, { recursive: true }));
  await stage.server.kill();
  stage.server.program = `${folder}/wschat`;
  install(stage.server.program, '7.0.0');
  stage.server.options = ['--keeper', ...stage.server.options];
  await stage.server.start();
}

async function upgrade(stage, version) {
  install(stage.server.program, version);
  stage.server.process.kill('SIGUSR2');
  await until(`version ${version}`, () =>
    new RegExp(`the keeper is the new program, too" version=${version}\n`).test(stage.server.log));
}

scenario('an upgrade to another version leaves pages connected', ['--allow-origin', '*'], async (stage) => {
  await keep(stage);
  const site = await tutorialSite(stage);
  const [one, two] = [await stage.open('?room=tea'), await stage.open('?room=tea')];
  const lobby = await stage.open('');
  const text = await openTutorial(await stage.context(), site);
  const sockets = [];
  for (const page of [one, two, lobby, text]) page.on('websocket', (socket) => sockets.push(socket.url()));
  await say(one, 'before');
  await sees(two, 'before');
  const told = await notices(two);
  for (const version of ['7.0.1', '7.1.0', '8.0.0']) {
    await one.fill('#messageText', `half of ${version}`);
    await upgrade(stage, version);
    await one.press('#messageText', 'Enter');
    await sees(two, `half of ${version}`);
    await say(lobby, version);
    await hasLine(text, `Client #${await idOf(lobby)} says: ${version}`);
    await text.fill('#messageText', `text of ${version}`);
    await text.press('#messageText', 'Enter');
    await hasLine(text, `You wrote: text of ${version}`);
    await sees(lobby, `text of ${version}`);
  }
  await allSent(one, 4);
  assert.deepEqual(await texts(two), ['before', 'half of 7.0.1', 'half of 7.1.0', 'half of 8.0.0']);
  assert.equal((await tutorialLines(text)).length, 6);
  for (const page of [one, two, lobby]) assert.equal(await stateOf(page), 'online');
  assert.deepEqual(await notices(two), told);
  assert.deepEqual(sockets, []);
});

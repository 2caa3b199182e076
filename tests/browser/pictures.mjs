// The pictures of the documents: node tests/browser/pictures.mjs (scripts/pictures.sh does).
import { BUSY, busyStatus, garden } from './scenes.mjs';
import { closeBrowser, online, say, sees, until, withStage } from './stage.mjs';

const quiet = { reducedMotion: 'reduce', locale: 'en-GB' };
const remember = (context) => context.addInitScript(() => {
  if (location.protocol === 'http:') localStorage['wschat.name'] ??= '"Noor"';
});

// Somebody with a name, in the garden, whom the others answer.
async function visit(stage, settings) {
  const people = await garden(stage);
  const context = await stage.context({ ...quiet, ...settings });
  await remember(context);
  const page = await stage.open('?room=tea', { context });
  await page.goto(new URL('?room=garden', page.url()).href);
  await sees(page, 'I can water on weekdays 🌱');
  await online(page);
  const tea = await stage.peer({ name: 'Rosa', room: 'tea' });
  tea.say('Kettle is on', 'Biscuits, too');
  await say(page, 'Saturday at ten? I bring the coffee.');
  await sees(page, 'Saturday at ten? I bring the coffee.');
  const pos = await until('it has its place', () => posOf(people.Rosa, 'Saturday at ten'));
  for (const name of ['Rosa', 'Tom']) people[name].send(JSON.stringify({ type: 'react', to: pos, emoji: '👍' }));
  people.Rosa.send(JSON.stringify({ type: 'say', text: '@Noor perfect. And cake?', re: pos }));
  await sees(page, '@Noor perfect. And cake?');
  people.Ada.send(JSON.stringify({ type: 'say', text: 'I leave the key under the pot for you.', to: Number(await page.textContent('#ws-id')) }));
  await sees(page, 'I leave the key under the pot for you.');
  await until('a badge', async () => {
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    return page.$('.unread');
  });
  await until('two reactions', async () => (await page.textContent('.reacts button')) === '👍 2');
  return page;
}

// Where the room says that it was said.
const posOf = (peer, begin) => peer.lines.map((line) => JSON.parse(line)).find(({ text }) => text?.startsWith(begin))?.pos;

const shoot = (page, name, how) => page.screenshot({ path: `docs/${name}.png`, ...how });

await withStage([], async (stage) => {
  const page = await visit(stage, { viewport: { width: 1200, height: 750 }, colorScheme: 'light' });
  await page.click('#wire-open');
  await page.click('#frames .out:has-text("Saturday") summary');
  await page.$eval('#frames [open]', (frame) => frame.scrollIntoView());
  await page.focus('#messageText');
  await shoot(page, 'page-light');
});
await withStage([], async (stage) => {
  const page = await visit(stage, { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, colorScheme: 'dark' });
  await shoot(page, 'page-dark');
});
await withStage(BUSY, async (stage) => {
  const { page } = await busyStatus(stage, { ...quiet, viewport: { width: 1200, height: 750 }, colorScheme: 'light' });
  await shoot(page, 'status-page', { fullPage: true });
});
await closeBrowser();

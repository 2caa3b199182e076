// Pictures of the page in all sizes, light and dark: node tests/browser/screenshots.mjs DIR (scripts/check-page.sh does).
import { mkdirSync } from 'node:fs';
import { BUSY, busyStatus } from './scenes.mjs';
import { closeBrowser, idOf, offline, online, say, sees, until, withStage } from './stage.mjs';

const SIZES = [[360, 640], [768, 1024], [1440, 900]];
const folder = process.argv[2];

// Every picture of this moment.
async function shoot(page, name, sizes = SIZES) {
  for (const [width, height] of sizes) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      await page.screenshot({ path: `${folder}/${name}-${width}-${colorScheme}.png` });
    }
  }
}

async function lively(stage) {
  const people = {};
  for (const name of ['Ada Lovelace', 'Grace', '林晓', '']) people[name] = await stage.peer({ name });
  const said = [];
  const speak = async (name, ...lines) => {
    people[name].say(...lines);
    said.push(...lines);
    await until('said', () => people[name].said.length === said.length);
  };
  await speak('Ada Lovelace', 'Morning! The analytical engine compiled without warnings today.');
  await speak('Grace', 'With both compilers?');
  await speak('Ada Lovelace', 'With both compilers 🎉');
  await speak('Grace', 'I put the notes on framing here: https://www.rfc-editor.org/rfc/rfc6455#section-5.2 (the drawing is worth a look).',
    'Short version: two bytes are enough for anything up to 125 bytes.', 'After that it is 4, then 10.');
  await speak('林晓', '早上好！新的页面很好看。');
  await speak('', 'hi, first time here. Is this the room from the tutorial?');
  await speak('Ada Lovelace', 'It is. Pick a name with /name if you like 🙂');
  return people;
}

mkdirSync(folder, { recursive: true });
await withStage([], async (stage) => {
  const people = await lively(stage);
  const context = await stage.context({ reducedMotion: 'reduce' });
  await context.addInitScript(() => {
    if (location.protocol !== 'http:') return;
    localStorage['wschat.rooms'] ??= '["design","release-2.0"]';
    localStorage['wschat.name'] ??= '"Alan"';
  });
  const page = await stage.open('', { context });
  await sees(page, 'It is. Pick a name with /name if you like 🙂');
  await say(page, 'Welcome!');
  await say(page, 'The wire view (top right) shows every frame as it goes over the wire.');
  await until('said', () => people.Grace.said.length === 11);
  people.Grace.say('Oh, that is lovely', '👏👏');
  people['林晓'].send(JSON.stringify({ type: 'say', text: 'psst, lunch at 12?', to: Number(await idOf(page)) }));
  await sees(page, 'psst, lunch at 12?');
  await shoot(page, 'chat');
  // A room that was left has a badge.
  const designer = await stage.peer({ name: 'Ada Lovelace', room: 'design' });
  await page.click('#rooms [data-room=design]');
  await online(page);
  await page.click('#rooms [data-room=lobby]');
  await online(page);
  designer.say('a', 'b', 'c');
  await until('a badge', async () => {
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    return page.$('.unread');
  });
  await shoot(page, 'badge');
  await page.click('#wire-open');
  await page.click('#frames li:nth-child(3) summary');
  await shoot(page, 'wire');
  await page.keyboard.press('Escape');
  await page.click('#settings-open');
  await shoot(page, 'settings');
  await page.keyboard.press('Escape');
  await page.setViewportSize({ width: 360, height: 640 });
  await page.click('#nav-open');
  await shoot(page, 'rooms', SIZES.slice(0, 1));
  await page.keyboard.press('Escape');
  await page.$eval('#messages', (list) => (list.scrollTop = 0));
  await until('scrolled', () => page.isVisible('#jump'));
  people['林晓'].say('太好了');
  await until('counted', async () => (await page.textContent('#jump')).includes('1'));
  await shoot(page, 'scrolled', SIZES.slice(0, 1));
  await page.click('#jump');
  const chinese = await stage.open('?room=%E8%8C%B6%E6%B0%B4%E9%97%B4', { locale: 'zh-CN', reducedMotion: 'reduce' });
  await until('empty', () => chinese.isVisible('#empty'));
  await shoot(chinese, 'empty-zh');
  const echo = await stage.open('echo', { context });
  await say(echo, 'hello, https://example.org/');
  await sees(echo, 'Message text was: hello, https://example.org/');
  await shoot(echo, 'echo');
  await stage.server.kill();
  await offline(page);
  await say(page, 'Written on the train');
  await until('the banner', () => page.isVisible('#banner'));
  await shoot(page, 'offline');
});

await withStage(BUSY, async (stage) => {
  const { page, context } = await busyStatus(stage);
  await shoot(page, 'status');
  await page.hover('.card:nth-child(2) svg');
  await shoot(page, 'status-pointed', SIZES.slice(2));
  await stage.server.kill();
  await context.clock.runFor(4000);
  await until('gone', async () => (await page.getAttribute('body', 'data-state')) === 'gone');
  await shoot(page, 'status-gone', SIZES.slice(2));
});
await closeBrowser();

// axe-core in every state of the page, in all sizes, light and dark: nothing serious.
import assert from 'node:assert/strict';
import { axeSource, offline, online, say, scenario, sees, stateOf, until } from './scenario.mjs';

const SIZES = [[360, 640], [768, 1024], [1440, 900]];

async function audit(page, what) {
  // Words of another language change where things are, not their colours.
  const schemes = (await page.getAttribute('html', 'lang')) === 'en' ? ['light', 'dark'] : ['light'];
  const found = [];
  for (const [width, height] of SIZES) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of schemes) {
      await page.emulateMedia({ colorScheme });
      const violations = await page.evaluate(async () => {
        const result = await window.axe.run(document, { resultTypes: ['violations'] });
        return result.violations.map(({ id, impact, nodes }) => ({ id, impact, html: nodes.map((node) => node.html.slice(0, 120)) }));
      });
      const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      found.push(...serious.map(({ id, html }) => `${what}, ${width}x${height}, ${colorScheme}: ${id}: ${html.slice(0, 3).join(' | ')}`));
    }
  }
  assert.deepEqual(found, []);
}

// The tests' own script needs a way past the policy that the other tests leave in force.
const settings = { bypassCSP: true, reducedMotion: 'reduce' };

for (const locale of ['en-US', 'zh-CN']) scenario(`axe: the chat page in ${locale}`, async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.open('', { ...settings, locale });
  assert.equal(await page.getAttribute('html', 'lang'), locale === 'zh-CN' ? 'zh-Hans' : 'en');
  await page.evaluate(axeSource);
  ada.say('Hello, see https://example.org/', 'and more');
  await until('both', () => ada.said.length === 2);
  const { pos } = ada.ofType('message')[0];
  ada.send(JSON.stringify({ type: 'say', text: 'an answer', re: pos }), JSON.stringify({ type: 'react', to: pos, emoji: '🎉' }));
  ada.send(JSON.stringify({ type: 'say', text: 'psst', to: Number(await page.textContent('#ws-id')) }));
  await stage.textPeer();
  await say(page, 'mine https://example.org/');
  await say(page, '/msg #42 nobody');
  await say(page, '/help');
  await sees(page, 'psst');
  await until('failed', () => page.$('[data-state=failed]'));
  await audit(page, 'the page');

  await page.focus('#messageText');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await audit(page, 'the menu of a message');
  await page.keyboard.press('Escape');

  await page.click('#wire-open');
  for (const summary of [...await page.$$('#frames summary')].slice(-3)) await summary.click();
  await audit(page, 'the wire view');
  await page.keyboard.press('Escape');

  await page.click('#settings-open');
  await audit(page, 'the settings');
  await page.keyboard.press('Escape');

  await page.click('#share');
  await audit(page, 'the invitation');
  await page.keyboard.press('Escape');

  await page.$eval('#messages', (list) => (list.scrollTop = 0));
  await page.setViewportSize({ width: 360, height: 640 });
  await page.click('#nav-open');
  await audit(page, 'the list of rooms and people');
  await page.keyboard.press('Escape');

  await stage.server.kill();
  await offline(page);
  await until('the banner', () => page.isVisible('#banner'));
  await say(page, 'kept');
  await page.fill('#messageText', 'x'.repeat(70000));
  await audit(page, 'offline');
});

scenario('axe: an empty room, and the echo page', async (stage) => {
  const page = await stage.open('', settings);
  await page.evaluate(axeSource);
  await until('empty', () => page.isVisible('#empty'));
  await audit(page, 'an empty room');
  await page.goto(`${stage.server.url}echo`);
  await online(page);
  await page.evaluate(axeSource);
  await say(page, 'hello');
  await sees(page, 'Message text was: hello');
  await audit(page, 'the echo page');
});

for (const [locale, lost] of [['en-US', 'connection lost'], ['zh-CN', '连接中断']]) scenario(`axe: the status page in ${locale}`, ['--admin', '127.0.0.1:0'], async (stage) => {
  const ada = await stage.peer({ name: 'Ada' });
  const page = await stage.openStatus({ ...settings, locale });
  await page.evaluate(axeSource);
  ada.say('hello');
  ada.socket.destroy();
  await until('an end is listed', async () => (await page.textContent('#closes')).includes(lost));
  await audit(page, 'the status page');
  await page.hover('.card svg');
  await audit(page, 'the status page, pointed at');
  await stage.server.kill();
  await until('gone', async () => (await stateOf(page)) === 'gone');
  await audit(page, 'the status page without a server');
});

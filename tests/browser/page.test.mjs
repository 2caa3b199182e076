// The page itself: what it tells, how it is used, how it is built.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { allSent, contains, idOf, isTold, offline, online, say, scenario, sees, texts, until } from './scenario.mjs';
import { test } from 'node:test';

const SIZE_MAX = 90 * 1024; // bytes of all that the public listener serves of static/, as it serves them
const STATUS_MAX = 24 * 1024; // ... and of what only operators get

scenario('the page is under 90 KiB in all, the status page under 24', ['--admin', '127.0.0.1:0'], async ({ server }) => {
  const isForNpm = (name) => ['package.json', 'wschat.d.ts'].includes(name);
  const names = readdirSync('static').filter((name) => !isForNpm(name));
  const admin = await until('the admin listener', () => server.adminUrl);
  const sizeOf = async (name) => {
    const answer = await fetch(new URL(name, name.startsWith('status') ? admin : server.url));
    assert.equal(answer.status, 200, name);
    return (await answer.arrayBuffer()).byteLength;
  };
  const sizes = await Promise.all(names.map(async (name) => [name, await sizeOf(name)]));
  const sum = (isIn) => sizes.filter(([name]) => isIn(name)).reduce((total, [, size]) => total + size, 0);
  const isStatus = (name) => name.startsWith('status');
  const [total, status] = [sum((name) => !isStatus(name)), sum(isStatus)];
  assert.ok(total < SIZE_MAX, `${total} bytes`);
  assert.ok(status < STATUS_MAX, `${status} bytes`);
});

// ---- Scripts are served without what only people read ----

const strip = (code) => execFileSync('awk', ['-f', 'scripts/strip-js.awk'], { input: code, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });

test('blanks and comments go, texts stay', () => {
  for (const [code, wanted] of [
    ["import { a } from './x.js'; // why", "import{a}from'./x.js';"],
    ['  // a line', ''],
    ['const a = "//  b" + \'it\\\'s  {\';', 'let a="//  b"+\'it\\\'s  {\';'],
    ['const r = /[/"`]  \\/ x/u.test(a) ? 1 / 2 : b / c / d;', 'let r=/[/"`]  \\/ x/u.test(a)?1/2:b/c/d;'],
    ['return /  "/;', 'return/  "/;'],
    ['a = b + +c - -d;', 'a=b+ +c- -d;'],
    ['x = `a  ${ { b: `c  ${ d }` }.b }  // e\n  f`; // g', 'x=`a  ${{b:`c  ${d}`}.b}  // e\n  f`;'],
    ['x = `\n\n`;\n\ny;', 'x=`\n\n`;y;'],
    ['if (a)\n  b();\nelse\n  c();\nx = d\n  .e();', 'if(a)\nb();else\nc();x=d\n.e();'],
    ['const { a } = b; export const [c] = d.const; const_ = 1;', 'let{a}=b;export let[c]=d.const;const_=1;'],
    ['a() {\n  b(); }\nc = () => {\n  d();\n};\n}', 'a(){b()}c=()=>{d()}}'],
    ['a = (b) => c((d) => e); async (f) => g; (h, i) => j; k = m(n) + 1;', 'a=b=>c(d=>e);async(f)=>g;(h,i)=>j;k=m(n)+1;'],
    ["return undefined; a = true === b.true ? 'false' : is_false; f(false);", "return void 0;a=!0===b.true?'false':is_false;f(!1);"],
    ['for (const a of 客) case 1:', 'for(let a of 客)case 1:'],
    ['const a = 1;\nlet [b] = c(\n  d,\n);\nconst { e } = [\n  f,\n];', 'let a=1,[b]=c(d);let{e}=[f];'],
    ['const a = () => {\n  const b = 1;\n};\nconst c = 2;\nlet d;\ne();', 'let a=()=>{let b=1};let c=2,d;e();'],
    ['if (a) return undefined;\nreturn undefined ?? b;', 'if(a)return;return void 0??b;'],
    ['const f = () => { a();\n  const b = 1; };', 'let f=()=>{a();let b=1};'],
    ["#on = 1; a() { this.#off(b.#on, '#on', `#on ${#on in c}`); }", "#a=1;a(){this.#b(b.#a,'#on',`#on ${#a in c}`)}"],
    [Array.from({ length: 28 }, (_, i) => `#n${i};`).join(''), 'abcdefghijklmnopqrstuvwxyz'.replace(/./g, '#$&;') + '#a1;#b1;'],
  ]) assert.equal(strip(code), wanted);
});

test('a style sheet loses blanks, and the names of what scripts do not set', () => {
  const tight = execFileSync('awk', ['-f', 'scripts/strip-css.awk'], { input: [
    '/* why */', ':root {', '  --wide: 0.5px; --hue: 3;', '  --wider: light-dark(#fff, #000);', '}',
    "[data-theme='dark'] > b { --wide: 2px; margin: var(--wide) 0.2em 0 var(--hue) !important; }", '@media print { p { color: var(--wider); } }',
  ].join('\n'), encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });
  assert.equal(tight, ':root{--a:.5px;--hue:3;--b:light-dark(#fff,#000)}[data-theme=dark]>b{--a:2px;margin:var(--a) .2em 0 var(--hue)!important}@media print{p{color:var(--b)}}');
});

scenario('nothing else of a script goes', async ({ server }) => {
  const tight = (code) => code.replace(/(?<=^|[;,{}(&|?:>]) *\/\/ .*|^ *\/\/.*/gm, '').replace(/\s/g, '');
  for (const name of readdirSync('static').filter((each) => /^(?!status).*\.js$/.test(each))) {
    const served = await (await fetch(server.url + name)).text();
    const source = tight(readFileSync(`static/${name}`, 'utf8').replace(/\bconst(?=[ {[])/g, 'let'));
    const bare = (code) => code.replace(/[;,](?=[})\]])/g, '').replaceAll(';let', ',').replace(/#[A-Za-z]\w*/g, '#').replace(/(?<![\w$)\]])\(([\w$]+)\)=>/g, '$1=>')
      .replaceAll('returnundefined', 'return').replaceAll('undefined', 'void0').replaceAll('true', '!0').replaceAll('false', '!1');
    assert.equal(bare(served.replace(/\s/g, '')), bare(source), name);
  }
});

scenario('no inline code or style, by policy', async (stage) => {
  for (const path of ['', 'echo']) {
    const { headers } = await fetch(stage.server.url + path);
    const policy = headers.get('content-security-policy');
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.match(policy, /default-src 'none'/);
  }
});

scenario('unread messages: title, icon, notification', async (stage) => {
  const peer = await stage.peer({ name: 'Bob' });
  const context = await stage.context({ permissions: ['notifications'] });
  const page = await stage.open('', { context });
  await page.evaluate(() => {
    window.told = [];
    window.Notification = class {
      static requestPermission = async () => 'granted';
      constructor(from, { body }) {
        window.told.push(`${from}: ${body}`);
      }
    };
  });
  const iconOf = () => page.$eval('link[rel=icon]', (link) => link.href);
  const icon = await iconOf();
  await page.click('#settings-open');
  await page.check('#notify');
  await page.check('#sound');
  await page.click('#settings-form button');
  await new Promise((resolve) => setTimeout(resolve, 700)); // what comes sooner after the welcome is history
  peer.say('seen');
  await sees(page, 'seen');
  assert.equal(await page.title(), 'WebSocket Chat');
  await page.evaluate(() => (document.hasFocus = () => false));
  peer.say('one', '\u202et\u2066w\u200eo\u061c');
  await until('the title counts', async () => (await page.title()) === '(2) WebSocket Chat');
  assert.match(await iconOf(), /^data:image/);
  assert.deepEqual(await page.evaluate(() => window.told), ['Bob: one', 'Bob: two'], 'and nothing turns the words round');
  await page.evaluate(() => {
    document.hasFocus = () => true;
    dispatchEvent(new Event('focus'));
  });
  assert.equal(await page.title(), 'WebSocket Chat');
  assert.equal(await iconOf(), icon);
  await page.reload();
  await online(page);
  assert.ok((await page.isChecked('#notify')) && (await page.isChecked('#sound')), 'settings are remembered');
});

scenario('the theme', async (stage) => {
  const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const page = await stage.open('', { colorScheme: 'light' });
  const light = await background(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await background(page);
  assert.notEqual(light, dark);
  await page.emulateMedia({ colorScheme: 'light' });
  await page.click('#settings-open');
  await page.selectOption('#theme', 'dark');
  await page.keyboard.press('Escape');
  assert.equal(await background(page), dark);
  await page.reload();
  await online(page);
  assert.equal(await background(page), dark);
});

scenario('the wire view shows the frames of this page', ['--max-message', '128k'], async (stage) => {
  const peer = await stage.peer();
  const context = await stage.context();
  const page = await context.newPage();
  const frames = [];
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => frames.push({ sign: '↑', payload }));
    socket.on('framereceived', ({ payload }) => frames.push({ sign: '↓', payload }));
  });
  await page.goto(stage.server.url);
  await online(page);
  await say(page, 'short');
  peer.say('界');
  await until('the peer has both', () => peer.said.length === 2);
  const lengthOf = (line) => Buffer.byteLength(line);
  const overhead = lengthOf(peer.lines.at(-1)) - lengthOf('界');
  const bounds = [125, 126, 65535, 65536]; // bytes, where the form of the length changes
  peer.say(...bounds.map((length) => 'l'.repeat(length - overhead)));
  await until('all of it', async () => (await texts(page)).length === 2 + bounds.length);
  await page.click('#wire-open');
  await page.$$eval('#frames details', (items) => items.forEach((item) => (item.open = true)));
  await until('all are open', () => page.$$eval('#frames details', (items) => items.every((item) => item.querySelector('ul'))));
  const rows = await page.$$eval('#frames > li', (items) => items.map((item) => ({
    brief: item.querySelector('summary').textContent,
    bytes: item.querySelector('.bytes')?.textContent.trim(),
    words: [...item.querySelectorAll('.part')].map((part) => part.lastChild.previousSibling.previousSibling.textContent),
    payload: item.querySelector('details > code:last-child').textContent,
  })).reverse());
  const { key } = await page.evaluate(() => JSON.parse(sessionStorage.getItem('wschat.me')));
  assert.match(rows[0].payload, new RegExp(`/ws/${await idOf(page)}\\?history=50$`));
  const sort = (list) => list.sort((a, b) => (a.payload < b.payload ? -1 : 1));
  const expected = sort(frames.map(({ sign, payload }) => ({ sign, payload, length: lengthOf(payload) })));
  const shown = sort(rows.slice(1));
  assert.equal(shown.length, expected.length);
  for (const bound of bounds) assert.ok(expected.some(({ length }) => length === bound), `${bound} bytes were sent`);
  for (const [i, { sign, payload, length }] of expected.entries()) {
    const { brief, bytes: all, words } = shown[i];
    assert.ok(brief.startsWith(`${sign} text ${length} B`), brief.slice(0, 40));
    assert.equal(shown[i].payload, payload.replace(key, '*'.repeat(key.length)), 'as it came, but for the key');
    const masked = sign === '↑' ? 128 : 0;
    const size = length < 126 ? [length] : length < 65536 ? [126, length >> 8, length & 255]
      : [127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255];
    const bytes = [0x81, size[0] + masked, ...size.slice(1)].map((byte) => byte.toString(16).padStart(2, '0'));
    const got = all.replace(' …', '').split(/ +/);
    assert.deepEqual(got.slice(0, bytes.length), bytes);
    assert.match(words[0], /^1 000 0001 · FIN 1, RSV 000, opcode 1$/);
    assert.ok(words[1].includes(`MASK ${masked / 128}, `), words[1]);
    // Unmasked with the key that is shown, it is what was sent.
    const mask = masked ? got.slice(bytes.length, bytes.length + 4) : [0];
    const plain = got.slice(bytes.length + (masked ? 4 : 0)).map((byte, at) => parseInt(byte, 16) ^ parseInt(mask[at % mask.length], 16));
    assert.equal(Buffer.from(plain).compare(Buffer.from(shown[i].payload).subarray(0, plain.length)), 0);
    assert.equal(plain.length, Math.min(length, 40));
  }
  assert.ok(!(await page.content()).includes(key), 'the key is nowhere in the page');
  peer.say('while it is open');
  await contains(page, '#frames li:first-child', 'while it is open');
  await page.click('#pause');
  peer.say('while it pauses');
  await sees(page, 'while it pauses');
  assert.doesNotMatch(await page.textContent('#frames'), /while it pauses/);
  await page.click('#pause');
  await contains(page, '#frames > li:first-child', 'while it pauses');
  await page.fill('#wire-filter', 'HTTP');
  assert.equal((await page.$$('#frames > li')).length, 1);
  await page.click('#frames summary');
  await contains(page, '#frames', 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  await page.fill('#wire-filter', 'it pauses');
  await page.click('#frames summary');
  await page.click('#frames details .link');
  const copied = await page.evaluate(() => getSelection().toString());
  const frame = Buffer.from(copied.replace(/\s/g, ''), 'hex');
  assert.equal(frame.subarray(frame.length - 126 < 2 ? 2 : 4).toString(), peer.lines.at(-1));
  await stage.server.kill();
  await offline(page);
  await page.fill('#wire-filter', '');
  await contains(page, '#frames', '1006');
});

const framesOf = (page, kind) => page.$$eval('#frames > li', (items, wanted) => items.map((item) => item.querySelector('summary').textContent)
  .filter((brief) => brief.split(' ')[1] === wanted), kind);

scenario('the wire view shows pings and pongs, as the server tells of them', ['--ping-interval', '1'], async (stage) => {
  const page = await stage.open();
  await page.click('#wire-open');
  assert.ok(!(await page.isChecked('#controls')), 'off by default');
  await page.check('#controls');
  await contains(page, '#frames', '{"type":"wire"');
  const both = async () => (await framesOf(page, 'ping')).length && (await framesOf(page, 'pong')).length;
  await until('a ping and its pong', both);
  assert.match((await framesOf(page, 'ping'))[0], /^↓ ping 0 B · told by the server ×1/);
  assert.match((await framesOf(page, 'pong'))[0], /^↑ pong 0 B · told by the server ×1/);
  await page.click('#pause');
  await page.$$eval('#frames details', (items) => items.forEach((item) => (item.open = true)));
  await until('all are open', () => page.$$eval('#frames details', (items) => items.every((item) => item.querySelector('ul'))));
  const inside = (sign) => page.$$eval('#frames details', (items, wanted) => items.filter((item) => item.textContent.startsWith(wanted))
    .map((item) => ({ bytes: item.querySelector('.bytes').textContent.trim(), text: item.textContent }))[0], sign);
  assert.equal((await inside('↓ ping')).bytes.replace(/ +/g, ' '), '89 00');
  const pong = await inside('↑ pong');
  assert.match(pong.bytes.replace(/ +/g, ' '), /^8a 80( [0-9a-f]{2}){4}$/);
  assert.match(pong.text, /masking key is not told/);
  await page.click('#pause');
  await page.reload();
  await online(page);
  await page.click('#wire-open');
  await until('again after a reload', both);
  await page.uncheck('#controls');
  await contains(page, '#frames', '"on":false,"ref"');
  await page.reload();
  await online(page);
  assert.ok(!(await page.isChecked('#controls')));
  await page.click('#wire-open');
  await say(page, 'nothing asks for it');
  await sees(page, 'nothing asks for it');
  assert.doesNotMatch(await page.textContent('#frames'), /"type":"wire"/);
});

// A browser sends no pings: what comes here is what others may have seen told.
scenario('what the server tells of is opened into its bytes', async (stage) => {
  const page = await stage.open();
  await page.click('#wire-open');
  const [ping, away] = await page.evaluate(async () => {
    const { WireView } = await import('/wire.js');
    const view = new WireView();
    view.isShown = () => true;
    view.record('out', 'ping', '00ff68', 3);
    view.record('in', 'close', '1001 away');
    return [...document.querySelectorAll('#frames > li')].slice(0, 2).reverse().map((item) => {
      item.firstChild.open = true;
      item.firstChild.ontoggle();
      return item.textContent;
    });
  });
  assert.match(ping, /^↑ ping 3 B · told by the server ×3/);
  assert.match(ping, /89 83 .*MASK 1, length 3.*payload, masked.*00 ff 68.*payload, 3 bytes/s);
  assert.match(away, /88 06 .*close code 1001/s);
  assert.doesNotMatch(away, /told by/);
});

const active = (page) => page.evaluate(() => {
  const { id, className, localName } = document.activeElement;
  return id || className || localName;
});

scenario('by keyboard alone', async (stage) => {
  await stage.peer({ name: 'Ada' });
  const page = await stage.open();
  await contains(page, '#people', 'Ada');
  await until('the focus is on messageText', async () => (await active(page)) === 'messageText');
  await page.keyboard.type('line 1');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('line 2');
  await page.keyboard.press('Enter');
  await sees(page, 'line 1\nline 2');
  await until('the focus is on messageText', async () => (await active(page)) === 'messageText');
  await page.fill('#messageText', 'ni hao');
  await page.dispatchEvent('#messageText', 'keydown', { key: 'Enter', isComposing: true, bubbles: true });
  assert.equal(await page.inputValue('#messageText'), 'ni hao', 'Enter in an input method sends nothing');
  await page.fill('#messageText', '');

  const reached = [];
  for (let i = 0; i < 30 && !reached.includes('messageText'); i++) {
    await page.keyboard.press('Tab');
    reached.push(await active(page));
    const outline = await page.evaluate(() => {
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return document.activeElement === document.body || (outlineStyle !== 'none' && outlineWidth !== '0px');
    });
    assert.ok(outline || reached.at(-1) === 'messageText', `the focus on ${reached.at(-1)} is seen`);
  }
  for (const id of ['share', 'wire-open', 'settings-open', 'room-field', 'person', 'messages', 'me', 'send']) {
    if (id === 'send') continue; // it comes behind the field
    assert.ok(reached.includes(id), `${id} is reached by Tab: ${reached}`);
  }
  await page.keyboard.press('Tab');
  await until('the focus is on send', async () => (await active(page)) === 'send');

  await page.focus('#wire-open');
  await page.keyboard.press('Enter');
  await until('the wire view has the focus', () => page.evaluate(() => document.activeElement.closest('#wire')));
  await page.keyboard.press('Escape');
  await until('the focus is on wire-open', async () => (await active(page)) === 'wire-open');
  assert.ok(await page.isHidden('#wire'));
  await page.focus('#settings-open');
  await page.keyboard.press('Enter');
  await until('the settings have the focus', () => page.evaluate(() => document.activeElement.closest('#settings')));
  await page.keyboard.press('Escape');
  await until('the focus is on messageText', async () => (await active(page)) === 'messageText');
  await page.focus('#people button');
  await page.keyboard.press('Enter');
  await until('the focus is on messageText', async () => (await active(page)) === 'messageText');
  assert.match(await page.textContent('#to'), /^to Ada/);
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('#to'));
  await page.fill('#room-field', 'tea');
  await page.press('#room-field', 'Enter');
  await online(page);
  await until('the focus is on messageText', async () => (await active(page)) === 'messageText');
});

const overflow = (page) => page.evaluate(() => {
  const boxes = [document.documentElement, document.body, document.getElementById('messages')];
  const wide = boxes.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.id || box.localName);
  const isOut = ({ left, right, width }) => width && (left < -0.5 || right > innerWidth + 0.5);
  const out = [...document.querySelectorAll('button, input, textarea, .bubble, .notice')]
    .filter((node) => node.checkVisibility({ visibilityProperty: true }) && isOut(node.getBoundingClientRect()))
    .map((node) => node.outerHTML.slice(0, 80));
  return [...wide, ...out];
});

scenario('360 pixels are enough', async (stage) => {
  const room = 'r'.repeat(64);
  const peer = await stage.peer({ room, name: 'W'.repeat(64) });
  const page = await stage.open(`?room=${room}`, { viewport: { width: 360, height: 640 }, hasTouch: true });
  peer.say('w'.repeat(500), `https://example.org/${'x/'.repeat(200)}`, '界'.repeat(300));
  await say(page, 'm'.repeat(500));
  await allSent(page, 1);
  await say(page, `/name ${'M'.repeat(64)}`);
  await isTold(page, 'MMM');
  assert.deepEqual(await overflow(page), []);
  assert.ok(await page.isHidden('#nav'));
  await page.tap('#nav-open');
  await until('the list slides in', () =>
    page.$eval('#nav', (nav) => nav.getBoundingClientRect().left === 0 && nav.contains(document.activeElement)));
  assert.deepEqual(await overflow(page), []);
  await page.keyboard.press('Escape');
  await until('the focus is on nav-open', async () => (await active(page)) === 'nav-open');
  await until('it is gone', () => page.isHidden('#nav'));
  await page.tap('#wire-open');
  assert.deepEqual(await overflow(page), []);
  await page.keyboard.press('Escape');
  await page.tap('#settings-open');
  assert.deepEqual(await overflow(page), []);
  await page.keyboard.press('Escape');
  await stage.server.kill();
  await offline(page);
  await until('the banner', () => page.isVisible('#banner'));
  assert.deepEqual(await overflow(page), []);
  const sizes = await page.$$eval('#send, header .icon', (nodes) => nodes.filter((node) => node.checkVisibility())
    .map((node) => Math.min(node.offsetWidth, node.offsetHeight)));
  assert.ok(Math.min(...sizes) >= 24, `targets of ${sizes} px`); // WCAG 2.2, 2.5.8
});

scenario('360 pixels are enough for the echo page', async (stage) => {
  const page = await stage.open('echo', { viewport: { width: 360, height: 640 } });
  await say(page, 'w'.repeat(500));
  await sees(page, `Message text was: ${'w'.repeat(500)}`);
  assert.deepEqual(await overflow(page), []);
  for (const text of ['Connected', 'Connecting…']) {
    const gaps = await page.$eval('header', (header, text) => {
      header.querySelector('#status').textContent = text;
      const boxes = ['h1', '#status', 'a'].map((name) => header.querySelector(name).getBoundingClientRect());
      return [boxes[1].left - boxes[0].right, boxes[2].left - boxes[1].right];
    }, text);
    assert.ok(Math.min(...gaps) >= 0, `nothing in the header lies upon another: ${gaps}`);
  }
});

scenario('nothing in the list of people is cut off but names that are too long', async (stage) => {
  await stage.peer({ name: 'N'.repeat(64) });
  await stage.peer();
  const page = await stage.open();
  for (const width of [360, 720, 960, 1440]) {
    await page.setViewportSize({ width, height: 700 });
    if (width === 360) await page.click('#nav-open');
    await contains(page, '#people', 'You');
    const cut = await page.$$eval('.person', (rows) => rows.filter((row) => {
      const name = row.querySelector('bdi');
      const end = row.getBoundingClientRect().right - parseFloat(getComputedStyle(row).paddingRight);
      const isCut = name.textContent.startsWith('Client') && name.scrollWidth > name.clientWidth;
      return isCut || row.lastElementChild.getBoundingClientRect().right > end + 0.5;
    }).map((row) => row.textContent));
    assert.deepEqual(cut, [], `at ${width} px`);
    if (width === 360) await page.keyboard.press('Escape');
  }
});

scenario('less motion for those who ask for it', async (stage) => {
  const peer = await stage.peer();
  const watch = () => {
    window.moved = new Promise((resolve) => {
      new MutationObserver((changes) => {
        const added = changes.flatMap(({ addedNodes }) => [...addedNodes]);
        resolve(added.some((node) => node.getAnimations({ subtree: true }).length > 0));
      }).observe(document.getElementById('messages'), { childList: true });
    });
  };
  for (const [reducedMotion, expected] of [['no-preference', true], ['reduce', false]]) {
    const page = await stage.open('', { reducedMotion });
    peer.say(reducedMotion);
    await sees(page, reducedMotion);
    await until('what comes now is new', () =>
      page.$eval('#messages', (list) => list.ariaLive === 'polite'));
    await page.evaluate(`(${watch})()`);
    peer.say('hello');
    assert.equal(await page.evaluate('window.moved'), expected, reducedMotion);
  }
});

scenario('Chinese by the language of the browser', async (stage) => {
  const page = await stage.open('', { locale: 'zh-CN' });
  assert.equal(await page.getAttribute('html', 'lang'), 'zh-Hans');
  await contains(page, '#status', '已连接');
  await contains(page, '#here', '1 人在线');
  assert.equal(await page.textContent('#send'), '发送');
  assert.equal(await page.getAttribute('#settings-open', 'aria-label'), '设置');
  await say(page, '你好');
  await allSent(page, 1);
  assert.equal(await page.textContent('#messages .day'), '今天');
  await say(page, '/name 林晓');
  await isTold(page, '你 改名为 林晓');
  await page.click('#wire-open');
  await page.click('#settings-open');
  const english = await page.evaluate(() => document.body.innerText.match(/[A-Za-z]{4,}[^\n]*/g)
    .filter((line) => !/^(WebSocket|lobby|HTTP|http|text|type|welcome)/.test(line) && !line.includes('{')));
  assert.deepEqual(english.filter((line) => /^[A-Z]/.test(line)), []);
  const german = await stage.open('', { locale: 'de-DE' });
  assert.equal(await german.getAttribute('html', 'lang'), 'en');
});

scenario('10000 messages stay usable', ['--rate', '0', '--rate-bytes', '0', '--max-lag', '32m'], async (stage) => {
  const COUNT = 10000;
  const peer = await stage.peer({ name: 'Flood' });
  const page = await stage.open();
  const line = (i) => `message ${i}${i % 7 ? '' : ' with many words and https://example.org/'}`;
  for (let i = 0; i < COUNT; i += 500) peer.say(...[...Array(500).keys()].map((k) => line(i + k)));
  await sees(page, line(COUNT - 1));
  const items = () => page.$$eval('#messages li', (list) => list.length);
  assert.ok((await items()) <= 400, `${await items()} items for ${COUNT} messages`);
  await say(page, 'quick');
  await allSent(page, 1);
  await until('followed to the end', () =>
    page.$eval('#messages', (list) => list.scrollHeight - list.clientHeight - list.scrollTop < 3));

  const shown = await page.evaluate(async () => {
    const list = document.getElementById('messages');
    for (let i = 0; i < 12; i++) {
      list.scrollTop = 0;
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    return [...list.querySelectorAll('.other .text')].map((node) => node.textContent);
  });
  assert.ok(shown.length >= 900, `${shown.length} after scrolling up`);
  assert.deepEqual(shown, [...Array(shown.length).keys()].map((i) => line(COUNT - shown.length + i)));

  const place = () => page.$eval('#messages', (list) => {
    const { top } = list.getBoundingClientRect();
    const first = [...list.children].find((item) => item.getBoundingClientRect().top > top);
    return `${first.textContent} at ${Math.round(first.getBoundingClientRect().top)}`;
  });
  await page.$eval('#messages', (list) => (list.scrollTop = 3000));
  await until('the button', () => page.isVisible('#jump'));
  const before = await place();
  peer.say('late 1', 'late 2');
  await contains(page, '#jump', 'New messages: 2');
  assert.equal(await place(), before, 'the text that is read does not move');
  await page.click('#jump');
  await sees(page, 'late 2');
  await until('at the end', () =>
    page.$eval('#messages', (list) => list.scrollHeight - list.clientHeight - list.scrollTop < 3));
  assert.ok(await page.isHidden('#jump'));
  await until('the focus is on messageText', async () => (await active(page)) === 'messageText');
});

scenario('without JavaScript the page says so', async (stage) => {
  for (const path of ['', 'echo']) {
    const page = await (await stage.context({ javaScriptEnabled: false })).newPage();
    await page.goto(stage.server.url + path);
    assert.match(await page.innerText('noscript'), /needs JavaScript/);
    assert.match(await page.innerText('noscript'), /需要 JavaScript/);
    assert.ok(await page.isVisible('noscript'));
    for (const [width, height] of [[390, 700], [1200, 800]]) {
      await page.setViewportSize({ width, height });
      assert.deepEqual(await page.$$eval('button, input, textarea', (nodes) => nodes.filter((node) => node.checkVisibility()).length), 0,
        'there is nothing that does nothing');
    }
  }
});

scenario('a phone on its side has no sidebar', async (stage) => {
  const page = await stage.open('', { viewport: { width: 844, height: 390 } });
  assert.ok(await page.isHidden('#nav'));
  assert.equal(await page.$eval('main', (node) => node.clientWidth), 844);
  assert.deepEqual(await overflow(page), []);
  const box = (selector) => page.$eval(selector, (node) => node.getBoundingClientRect().toJSON());
  for (const [width, height] of [[844, 390], [740, 360], [640, 400]]) {
    await page.setViewportSize({ width, height });
    assert.ok((await box('#empty span')).bottom <= (await box('#welcome')).top, `nothing is covered at ${height} px`);
    assert.ok((await box('#empty img')).top >= (await box('header')).bottom, `nothing is cut off at ${height} px`);
    await page.click('#share');
    assert.ok((await box('#copy')).bottom <= (await box('#invite')).bottom, `what an invitation is for is seen at ${height} px`);
    await page.keyboard.press('Escape');
  }
  await page.click('#nav-open');
  await until('the list slides in', () => page.isVisible('#nav'));
});

scenario('the language can be chosen', async (stage) => {
  const page = await stage.open('', { locale: 'de-DE' });
  await page.click('#settings-open');
  await page.selectOption('#language', 'zh');
  await contains(page, '#status', '已连接');
  assert.equal(await page.getAttribute('html', 'lang'), 'zh-Hans');
  await page.reload();
  await contains(page, '#status', '已连接');
  await page.click('#settings-open');
  assert.equal(await page.inputValue('#language'), 'zh');
  await page.selectOption('#language', 'en');
  await contains(page, '#status', 'Connected');
});

scenario('ids up to 2^63-1', async (stage) => {
  const peer = await stage.textPeer({ id: '9223372036854775807' });
  const page = await stage.open();
  peer.send('say "from":1234567890123456789, please');
  await sees(page, 'say "from":1234567890123456789, please');
  await contains(page, '#messages .other .who', 'Client #9223372036854775807');
  await say(page, '/msg #9223372036854775807 psst');
  await contains(page, '.direct.own', 'to Client #9223372036854775807');
  await allSent(page, 1);
});

// Connections end in every way there is. Nothing is lost, nothing comes twice, and the page says what happened.
import assert from 'node:assert/strict';
import { connect } from './client.mjs';
import { allSent, contains, hurry, idOf, isTold, offline, online, say, scenario, sees, stateOf, texts, until } from './scenario.mjs';

const stored = (page, key) => page.evaluate((key) => JSON.parse(sessionStorage.getItem(`wschat.${key}`)), key);
const waiting = (page) => texts(page, '.own[data-state=waiting]');

// Through a proxy, so that a test can break the connection.
async function openThrough(stage, path = '') {
  const proxy = await stage.proxy();
  const page = await stage.open(`${proxy.url}${path}`);
  return { page, proxy };
}

scenario('what is typed offline is kept and sent once', async (stage) => {
  const peer = await stage.peer();
  const { page, proxy } = await openThrough(stage);
  await say(page, 'before');
  await allSent(page, 1);
  proxy.isRefusing = true;
  proxy.cut();
  await offline(page);
  await until('the banner', () => page.isVisible('#banner'));
  await contains(page, '#banner', 'What you write is kept and sent later');
  await say(page, 'one');
  await say(page, 'two');
  assert.deepEqual(await waiting(page), ['one', 'two']);
  await page.reload();
  await offline(page);
  assert.deepEqual(await waiting(page), ['one', 'two']);
  assert.deepEqual(await texts(page), ['before', 'one', 'two']);
  proxy.isRefusing = false;
  await hurry(page);
  await allSent(page, 3);
  await say(page, 'last');
  await until('the last', () => peer.said.includes('last'));
  assert.deepEqual(peer.said, ['before', 'one', 'two', 'last']);
  assert.deepEqual(await texts(page), peer.said);
  assert.ok(await page.isHidden('#banner'));
});

scenario('a message whose answer was lost is not sent again', async (stage) => {
  const peer = await stage.peer();
  const { page, proxy } = await openThrough(stage);
  proxy.stallDown();
  await say(page, 'arrived');
  await until('it arrived', () => peer.said.includes('arrived'));
  proxy.cut();
  await allSent(page, 1);
  await say(page, 'last');
  await until('the last', () => peer.said.includes('last'));
  assert.deepEqual(peer.said, ['arrived', 'last']);
  assert.deepEqual(await texts(page), peer.said);
});

scenario('a message that was lost on the way is sent again', async (stage) => {
  const peer = await stage.peer();
  const { page, proxy } = await openThrough(stage);
  proxy.stallUp();
  await say(page, 'lost');
  await until('it is on its way', () => page.$('#messages [data-state=sending]'));
  proxy.cut();
  await allSent(page, 1);
  await say(page, 'last');
  await until('the last', () => peer.said.includes('last'));
  assert.deepEqual(peer.said, ['lost', 'last']);
  assert.deepEqual(await texts(page), peer.said);
});

scenario('a direct message whose fate is unknown is not sent again', async (stage) => {
  const peer = await stage.peer({ name: 'Grace' });
  const { page, proxy } = await openThrough(stage);
  proxy.stallDown();
  await say(page, '/msg Grace psst');
  await until('it arrived', () => peer.ofType('direct').length);
  proxy.cut();
  await contains(page, '#messages', 'it may have arrived');
  await hurry(page);
  await say(page, 'last');
  await until('the last', () => peer.said.includes('last'));
  assert.equal(peer.ofType('direct').length, 1);
});

// Ten thousand pages that lose their server at once must not all be back within half a second.
scenario('a page whose server shuts down comes back after a pause of up to four seconds', async (stage) => {
  const { server } = stage;
  const page = await stage.open();
  await page.evaluate(() => {
    const { setTimeout } = window;
    window.pauses = [];
    window.setTimeout = (work, pause) => window.pauses.push(pause) && setTimeout(work, pause);
    Math.random = () => 0.05;
  });
  await server.kill('SIGTERM');
  // The second, too: that the first try was in vain says nothing about the others.
  await until('both pauses', () => page.evaluate(() => window.pauses.filter((pause) => pause === 200).length > 1));
  assert.ok(await page.evaluate(() => !window.pauses.includes(25) && !window.pauses.includes(50)));
  await server.start();
  await online(page);
});

scenario('the server is killed and comes back under the page', async (stage) => {
  const { server } = stage;
  const page = await stage.open();
  const other = await stage.open();
  await say(page, 'before');
  await sees(other, 'before');
  await server.kill();
  await offline(page);
  await say(page, 'meanwhile 1');
  await say(page, 'meanwhile 2');
  assert.deepEqual(await waiting(page), ['meanwhile 1', 'meanwhile 2']);
  await contains(page, '#status', 'Offline');
  await until('it tries by itself', async () => (await page.textContent('#countdown')).includes('Next try in'));
  await server.start();
  await online(page); // by itself
  await hurry(other);
  for (const each of [page, other]) await isTold(each, 'the server restarted');
  await allSent(page, 3);
  const late = await stage.open();
  await say(late, 'last');
  for (const each of [page, other, late]) await sees(each, 'last');
  assert.deepEqual(await texts(page), ['before', 'meanwhile 1', 'meanwhile 2', 'last']);
  assert.deepEqual(new Set((await texts(late)).slice(0, -1)), new Set(['meanwhile 1', 'meanwhile 2']));
  assert.equal((await texts(other)).filter((text) => text.startsWith('meanwhile')).length, 2);
});

scenario('exact resume under load', ['--history', '5000', '--leave-grace', '60', '--rate', '0', '--rate-bytes', '0'], async (stage) => {
  const observer = await stage.peer({ room: 'storm' });
  const flood = await stage.peer({ room: 'storm' });
  const { page, proxy } = await openThrough(stage, '?room=storm');
  const own = [];
  let count = 0;
  const timer = setInterval(() => flood.say(`flood ${count++}`), 20);
  stage.atEnd(() => clearInterval(timer));
  const next = async () => {
    own.push(`own ${own.length}`);
    await say(page, own.at(-1));
  };
  for (let round = 0; round < 8; round++) {
    await next();
    if (round % 3) await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    if (round % 4 === 1) proxy.stallDown();
    if (round % 4 === 2) proxy.stallUp();
    await next();
    proxy.isRefusing = round === 5;
    proxy.cut();
    if (proxy.isRefusing) {
      // More than a page that enters gets to see.
      flood.say(...[...Array(120).keys()].map((i) => `behind its back ${i}`));
      await until('the observer has them', () => observer.said.includes('behind its back 119'));
      proxy.isRefusing = false;
    }
    await next();
    await hurry(page);
  }
  clearInterval(timer);
  await until('all of it came back', async () => (await page.$$('#messages .own:not([data-state=sent])')).length === 0);
  flood.say('the end');
  await sees(page, 'the end');
  await until('the observer has the end', () => observer.said.includes('the end'));
  assert.deepEqual(observer.said.filter((text) => text.startsWith('own')), own);
  const records = await page.evaluate(() => {
    dispatchEvent(new Event('pagehide')); // the page saves its last hundred
    return JSON.parse(sessionStorage.getItem('wschat.room.storm')).records;
  });
  const kept = records.filter(({ kind }) => kind === 'message').map(({ text }) => text);
  assert.deepEqual(kept, observer.said.slice(-kept.length));
  const shown = await texts(page);
  assert.deepEqual(shown, observer.said.slice(-shown.length));
  assert.ok(shown.length >= Math.min(250, observer.said.length), `${shown.length} of ${observer.said.length} are shown`);
  const id = await idOf(page);
  const noise = observer.frames.filter(({ type, from }) => ['join', 'leave'].includes(type) && String(from) === id);
  assert.deepEqual(noise.map(({ type }) => type), ['join'], 'nobody notices the breaks');
});

scenario('the break was too long', ['--history', '10'], async (stage) => {
  const peer = await stage.peer();
  const { page, proxy } = await openThrough(stage);
  await say(page, 'before');
  await allSent(page, 1);
  proxy.isRefusing = true;
  proxy.cut();
  await offline(page);
  const said = [...Array(30).keys()].map((i) => `missed ${i}`);
  peer.say(...said);
  await until('all said', () => peer.said.length === 31);
  proxy.isRefusing = false;
  await hurry(page);
  await isTold(page, 'messages may be missing');
  await sees(page, 'missed 29');
  assert.deepEqual(await texts(page), ['before', ...said.slice(-10)]);
});

scenario('a reload keeps the seat, the messages and the draft', async (stage) => {
  const peer = await stage.peer();
  const page = await stage.open();
  const id = await idOf(page);
  peer.say('theirs');
  await sees(page, 'theirs');
  await say(page, 'mine');
  await allSent(page, 1);
  await page.fill('#messageText', 'draft');
  await page.reload();
  await online(page);
  assert.equal(await idOf(page), id);
  assert.deepEqual(await texts(page), ['theirs', 'mine']);
  assert.deepEqual(await texts(page, '.own'), ['mine']);
  assert.equal(await page.inputValue('#messageText'), 'draft');
});

scenario('a duplicated tab is somebody else', async (stage) => {
  const peer = await stage.peer();
  const { page, proxy } = await openThrough(stage);
  const id = await idOf(page);
  proxy.stallUp();
  await say(page, 'on its way');
  const [copy] = await Promise.all([page.context().waitForEvent('page'), page.evaluate(() => {
    window.open(location.href); // with a copy of the storage
  })]);
  await online(copy);
  assert.notEqual(await idOf(copy), id);
  assert.equal(await stateOf(page), 'online', 'the first tab stays');
  await say(copy, 'from the copy');
  await until('the copy is heard', () => peer.said.includes('from the copy'));
  assert.deepEqual(peer.said, ['from the copy'], 'what waits is sent by the first tab');
  proxy.cut();
  await until('the first is heard', () => peer.said.includes('on its way'));
  assert.equal(peer.said.length, 2);
});

scenario('4009: the id is taken', async (stage) => {
  const squatter = await stage.peer({ name: 'squatter' });
  const context = await stage.context();
  await context.addInitScript((id) => {
    if (location.protocol === 'http:') sessionStorage['wschat.me'] ??= JSON.stringify({ id, name: 'Ada', all: [id] });
  }, squatter.id);
  const page = await stage.open('', { context });
  assert.notEqual(await idOf(page), squatter.id);
  await say(page, 'hello');
  await until('heard', () => squatter.said.includes('hello'));
  assert.equal(squatter.closed, undefined);
  assert.equal(squatter.ofType('message')[0].name, 'Ada');
});

scenario('4000: the seat is taken over elsewhere', async (stage) => {
  const peer = await stage.peer();
  const page = await stage.open();
  const { id, key } = await stored(page, 'me');
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket));
  const elsewhere = await connect(stage.server.port, { id, key, protocol: 'wschat.v1' });
  await until('replaced', async () => (await stateOf(page)) === 'replaced');
  await contains(page, '#banner', 'opened in another place');
  await say(page, 'typed meanwhile');
  assert.deepEqual(await waiting(page), ['typed meanwhile']);
  // Only a person may fight for the seat. A page that tries again by itself would do so within this time.
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(sockets.length, 0);
  await page.click('#banner-act');
  await online(page);
  await until('sent after all', () => peer.said.includes('typed meanwhile'));
  await until('the other one is replaced now', () => elsewhere.closed === 4000);
  assert.equal(await idOf(page), id);
  elsewhere.socket.destroy();
  assert.equal(peer.ofType('leave').length, 0);
});

scenario('1013: too slow', async (stage) => {
  const peer = await stage.peer();
  const { page, proxy } = await openThrough(stage);
  proxy.closeAll(1013, 'too slow');
  await isTold(page, 'too slow for this room');
  await hurry(page);
  await say(page, 'back');
  await until('back', () => peer.said.includes('back'));
});

scenario('the longest message', ['--max-message', '300'], async (stage) => {
  const peer = await stage.peer();
  const page = await stage.open();
  const hint = async (text) => {
    await page.fill('#messageText', text);
    return page.textContent('#hint');
  };
  const excess = Number((await hint('界'.repeat(100))).match(/\d+/));
  const tooLong = '界'.repeat(100 - Math.ceil(excess / 3) + 1);
  assert.ok(tooLong.length > 50, `only ${tooLong.length} characters of three bytes fit`);
  assert.match(await hint(tooLong.slice(1)), /^$/);
  assert.match(await hint(tooLong), /^Too long by [123] bytes$/);
  await page.press('#messageText', 'Enter');
  assert.equal(await page.inputValue('#messageText'), tooLong, 'the text is kept');
  await say(page, tooLong.slice(1));
  await say(page, 'x"\\\n\ud800');
  await allSent(page, 2);
  await until('both arrived', () => peer.said.length === 2);
  assert.deepEqual(peer.said, [tooLong.slice(1), 'x"\\\n\ufffd']);
});

// ---- watching over a connection that says nothing ----

// With a clock of the test's own: what takes the page seconds takes none here.
async function openWatched(stage, path = '') {
  const proxy = await stage.proxy();
  const context = await stage.context();
  await context.clock.install();
  const page = await context.newPage();
  const sockets = [];
  page.on('websocket', (socket) => sockets.push(socket));
  await page.goto(`${proxy.url}${path}`);
  await until('online', async () => {
    await context.clock.runFor(250); // it asks other tabs whether it is a copy
    return (await stateOf(page)) === 'online';
  });
  const pass = async (seconds) => {
    for (let i = 0; i < seconds; i++) {
      await context.clock.runFor(1000);
      await new Promise((resolve) => setTimeout(resolve, 20)); // what is on its way arrives
    }
  };
  const stall = () => {
    proxy.stallUp();
    proxy.stallDown();
  };
  return { page, proxy, sockets, pass, stall, context };
}

for (const path of ['', 'echo']) {
  scenario(`a dead connection is noticed though nobody types: /${path}`, async (stage) => {
    const { page, proxy, sockets, pass, stall } = await openWatched(stage, path);
    await pass(100);
    assert.equal(sockets.length, 1, 'a living one is left alone');
    assert.equal(await stateOf(page), 'online');
    if (path) assert.deepEqual(await texts(page), [], 'the questions are not shown');
    stall();
    proxy.isRefusing = true;
    await pass(40); // about what the server takes for the same
    assert.notEqual(await stateOf(page), 'online');
    proxy.isRefusing = false;
    await until('online again', async () => (await pass(5), (await stateOf(page)) === 'online'));
  });

  for (const event of ['focus', 'visibilitychange', 'pageshow', 'online']) {
    scenario(`a dead connection is noticed at once upon ${event}: /${path}`, async (stage) => {
      const { page, sockets, pass, stall } = await openWatched(stage, path);
      stall();
      await pass(2);
      assert.equal(sockets.length, 1);
      await page.evaluate((event) => (event === 'visibilitychange' ? document : window).dispatchEvent(new Event(event)), event);
      await pass(7); // what the watch takes is more than three times as long
      assert.equal(sockets.length, 2, 'a new one');
      await until('online', async () => (await pass(1), (await stateOf(page)) === 'online'));
    });
  }
}

scenario('a welcome that never comes', async (stage) => {
  const { page, proxy, sockets, pass } = await openWatched(stage);
  proxy.isMute = true; // a handshake, and nothing more
  proxy.cut();
  await until('opened in vain', async () => (await pass(2), sockets.length > 1));
  const before = sockets.length;
  await until('and again', async () => (await pass(2), sockets.length > before));
  assert.notEqual(await stateOf(page), 'online');
  proxy.isMute = false;
  await until('online', async () => (await pass(2), (await stateOf(page)) === 'online'));
});

scenario('a clock that is set tells nothing about a connection', async (stage) => {
  for (const jump of [3600000, -7200000]) {
    const { page, proxy, sockets, pass, stall } = await openWatched(stage);
    await page.evaluate((jump) => {
      const { now } = Date;
      Date.now = () => now.call(Date) + jump;
    }, jump);
    await pass(3);
    assert.equal(sockets.length, 1, 'a living one is left alone');
    assert.equal(await stateOf(page), 'online');
    stall();
    proxy.isRefusing = true;
    await pass(40);
    assert.notEqual(await stateOf(page), 'online', 'a dead one is noticed');
  }
});

scenario('a long message has the time that a slow line takes for it', async (stage) => {
  const { page, sockets, pass, stall } = await openWatched(stage);
  stall();
  await page.fill('#messageText', 'x'.repeat(60000));
  await page.press('#messageText', 'Enter');
  await pass(20);
  assert.equal(sockets.length, 1);
  await until('a new one', async () => (await pass(2), sockets.length === 2));
  await until('it arrives', async () => (await pass(1), (await page.$$('.own[data-state=sent]')).length === 1));
});

// ---- what a browser may refuse ----

const REFUSED = {
  'storage and channels': () => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, { get() { throw new DOMException('The operation is insecure.', 'SecurityError'); } });
    }
    window.BroadcastChannel = class { constructor() { throw new DOMException('The operation is insecure.', 'SecurityError'); } };
  },
  'a full storage': () => {
    Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
  },
  'everything new': () => {
    for (const name of ['BroadcastChannel', 'AudioContext', 'Notification', 'localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, { value: undefined });
    }
    delete Intl.Segmenter;
    Object.defineProperty(navigator, 'clipboard', { value: undefined });
    Object.defineProperty(navigator, 'locks', { value: undefined });
  },
};

for (const [what, refuse] of Object.entries(REFUSED)) {
  scenario(`a browser that refuses ${what} has a page that works, and is told`, async (stage) => {
    const peer = await stage.peer({ name: 'Ada' });
    const context = await stage.context();
    await context.addInitScript(refuse);
    const page = await stage.open('', { context });
    await say(page, 'hello');
    await until('heard', () => peer.said.includes('hello'));
    await allSent(page, 1);
    await isTold(page, 'This browser keeps nothing for this page');
    peer.say('and back');
    await sees(page, 'and back');
    await page.click('#settings-open');
    await page.check('#sound');
    if (what === 'everything new') {
      await contains(page, '#sound-why', 'no sound');
      await page.click('#notify');
      await contains(page, '#notify-why', 'does not allow notifications');
      assert.equal(await page.isChecked('#notify'), false);
    }
    await page.click('#settings-form button.main');
    await page.evaluate(() => (document.hasFocus = () => false));
    peer.say('news');
    await until('the title counts', async () => (await page.title()).startsWith('(1)'));
    await page.fill('#room-field', 'tea');
    await page.press('#room-field', 'Enter');
    await online(page);
    await page.goBack();
    await online(page);
    await sees(page, 'hello');
    await page.click('#wire-open');
    await page.reload();
    await online(page);
  });
}

// ---- news ----

// Counts what the page would do if it were allowed to: notifications and sounds.
async function withNews(context) {
  await context.addInitScript(() => {
    if (location.protocol !== 'http:') return;
    localStorage['wschat.notify'] = localStorage['wschat.sound'] = 'true';
    // Tabs wait a second for what the others say of a message; on a busy machine that is too short to tell.
    const { setTimeout } = window;
    window.setTimeout = (work, ms, ...values) => setTimeout(work, ms === 1000 ? 5000 : ms, ...values);
    window.told = [];
    window.sounds = 0;
    window.Notification = class {
      constructor(from, { body }) {
        window.told.push(body);
      }
    };
    const { start } = OscillatorNode.prototype;
    OscillatorNode.prototype.start = function () {
      window.sounds++;
      return start.call(this);
    };
    window.lookAway = (isAway) => {
      document.hasFocus = () => !isAway;
      if (!isAway) dispatchEvent(new Event('focus'));
    };
  });
}
const look = (page, isAway) => page.evaluate((isAway) => window.lookAway(isAway), isAway);
const told = (page) => page.evaluate(() => window.told);

scenario('old messages are no news, however slowly they come', async (stage) => {
  const peer = await stage.peer();
  peer.say(...[...Array(50).keys()].map((i) => `old ${i} ${'x'.repeat(500)}`));
  await until('said', () => peer.said.length === 50);
  const proxy = await stage.proxy();
  proxy.slowDown(30);
  const context = await stage.context();
  await withNews(context);
  await context.addInitScript(() => (document.hasFocus = () => false));
  const page = await context.newPage();
  await page.goto(proxy.url);
  await until('all are shown', async () => (await texts(page)).length === 50);
  peer.say('new');
  await until('news', async () => (await told(page)).length);
  assert.deepEqual(await told(page), ['new']);
  assert.equal(await page.title(), '(1) WebSocket Chat');
});

scenario('many messages make few sounds', async (stage) => {
  const peer = await stage.peer();
  const context = await stage.context();
  await withNews(context);
  const page = await stage.open('', { context });
  await page.click('#messageText');
  await look(page, true);
  peer.say(...[...Array(60).keys()].map((i) => `line ${i}`));
  await until('all count', async () => (await page.title()).startsWith('(60)'));
  const sounds = await page.evaluate(() => window.sounds); // one in three seconds, and the machine may be busy
  assert.ok(sounds > 0 && sounds < 10, `${sounds} sounds`);
});

scenario('one person with two tabs has one news', async (stage) => {
  const peer = await stage.peer();
  const context = await stage.context();
  await withNews(context);
  const one = await stage.open('', { context });
  const two = await stage.open('', { context });
  await look(two, true);
  await say(one, 'my own words');
  await sees(two, 'my own words');
  peer.say('seen in the other tab');
  await sees(two, 'seen in the other tab');
  await look(one, true);
  peer.say('seen in none');
  for (const page of [one, two]) await until('both count it', async () => (await page.title()).startsWith('(1)'));
  const all = [...(await told(one)), ...(await told(two))];
  assert.deepEqual(all, ['seen in none']);
  await look(one, false);
  await until('seen in one is seen in the other', async () => (await two.title()) === 'WebSocket Chat');
});

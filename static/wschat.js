// A client of wschat.v1 for browsers and Node (22, or with a WebSocket such as that of the package ws). It keeps its seat
// across broken connections, misses nothing, and says nothing twice: docs/protocol.md, "A client that comes back".
//
//   const chat = connect('http://127.0.0.1:8000', { room: 'tea', name: 'Ada' });
//   chat.on('message', ({ name, text }) => console.log(name, text));
//   await chat.say('hello');
//
// Ids go up to 2^63-1, more than a JavaScript number holds: they are strings here.
const PROTOCOL = 'wschat.v1';
const FIRST_PAUSE = 500; // ms; random up to this, doubled each time
const MAX_PAUSE = 15000;
const AWAY_PAUSE = 4000; // ms; the first ones when the server went away
const OPEN_TIMEOUT = 10000; // ms
const STABLE = 5000; // ms; after this pauses are short again
const QUIET = 20000; // ms without a word, then it is asked for one
const PATIENCE = 10000; // ms for a due answer: then the connection is dead
const GLANCE = 3000; // ms, when somebody has just come back to the page
const SLOW = 4; // bytes in a millisecond that a line carries at least
const WATCH = 1000; // ms between two looks
const TYPING = 3000; // ms in which the server tells it once
const BARRIER = 'end-of-replay-';
const ALIVE = 'alive';

const now = () => performance.now();
const random = () => crypto.getRandomValues(new Uint32Array(2)).join('-');
const isPage = typeof document !== 'undefined';
const encoder = new TextEncoder();
export const byteLength = (text) => encoder.encode(text).length;

// The server refuses half a surrogate pair.
export const wellFormed = (text) => new TextDecoder().decode(encoder.encode(text));

// base: the page, or the server, which a proxy may have below a path such as /chat/.
export function socketUrl(base, path, fields = {}) {
  const url = new URL(path, base);
  url.protocol = url.protocol.replace('http', 'ws');
  const given = Object.entries(fields).filter(([, value]) => value);
  url.search = given.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
  return url.href;
}

// Strings are matched first, so that no text is changed.
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const quoteIds = (json) => json.replace(TOKENS, (token) => (/^\d{16,19}$/.test(token) ? `"${token}"` : token));

function tidy(frame, plain) {
  for (const key of ['id', 'from', 'to']) if (typeof frame[key] === 'number') frame[key] = String(frame[key]);
  for (const [emoji, ids] of Object.entries(frame.reactions ?? {})) frame.reactions[emoji] = ids.map(String);
  if ('data' in frame) frame.data = plain.data; // it is the program's own
  return frame;
}

export function parseFrame(json) {
  const [frame, plain] = [JSON.parse(quoteIds(json)), JSON.parse(json)];
  frame.members?.forEach(tidy);
  frame.events?.forEach((event, i) => tidy(event, plain.events[i]));
  return tidy(frame, plain);
}

// A command; ids go as plain digits.
function encode(fields, ids = {}) {
  const digits = Object.entries(ids).filter(([, id]) => id).map(([key, id]) => `"${key}":${BigInt(id)},`);
  return `{${digits.join('')}${JSON.stringify(fields).slice(1)}`;
}

export const sayFrame = ({ text, to, ref, re, data }) =>
  encode({ type: 'say', text: text && wellFormed(text), data, re, ref }, { to });

// A WebSocket that is kept alive: opened again after growing, jittered pauses. Browsers hide pings and may take minutes to
// see that the network is gone: after a silence it asks for an answer. All times are monotonic.
export class Connection {
  #socket;
  #timer;
  #watcher;
  #attempt = 0;
  #least = FIRST_PAUSE;
  #openedAt = Infinity;
  #heardAt = 0;
  #dueAt = Infinity;
  #owed = 0; // bytes of the questions without an answer
  #watchedAt = 0;
  #isSpared = false;
  #isAsked = false;

  // owner: {url(), protocols(), onState('connecting' | 'open' | 'waiting', retryAt by performance.now()), onFrame(text),
  // onClose(code, reason, wasOpen) → 'retry' | 'now' | 'stop', question() → a text that any server answers,
  // tap(direction, kind, payload), WebSocket}
  constructor(owner) {
    this.owner = owner;
    if (!isPage) return;
    const onFront = () => {
      if (document.hidden) return;
      if (this.#timer) this.start();
      else this.ask(GLANCE);
    };
    addEventListener('online', () => (this.#socket || this.#timer) && this.start());
    document.addEventListener('visibilitychange', onFront);
    for (const event of ['pageshow', 'focus', 'resume']) addEventListener(event, onFront);
  }

  // Also in place of a connection that may be dead. The server closes that one when the new one takes the seat; closing
  // it here would tell the room that we left.
  start() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Infinity;
    this.#owed = 0;
    this.#watchedAt = now();
    this.#watcher ??= setInterval(() => this.#watch(), WATCH);
    this.owner.onState('connecting');
    const url = this.owner.url();
    const socket = (this.#socket = this.#open(url, this.owner.protocols?.() ?? []));
    const isCurrent = () => this.#socket === socket;
    this.#tap('out', 'http', url);
    const limit = setTimeout(() => socket.readyState || socket.close(), OPEN_TIMEOUT);
    let isOpen = false;
    let isOver = false;
    const over = ({ code, reason }) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(limit);
      this.#tap('in', 'close', `${code} ${reason}`);
      if (isCurrent()) this.#closed(code, reason);
    };
    socket.onerror = () => isOpen || setTimeout(() => over({ code: 1006, reason: '' }), 0); // in Node 20 no close follows
    socket.onopen = () => {
      isOpen = true;
      if (!isCurrent()) return;
      this.#openedAt = now();
      this.#heard();
      this.#expect(PATIENCE); // the welcome
      this.owner.onState('open');
    };
    socket.onmessage = ({ data }) => {
      if (!isCurrent()) return;
      this.#heard();
      this.#tap('in', 'text', data);
      this.owner.onFrame(data);
    };
    socket.onclose = over;
  }

  // With an Origin the server tells by a close frame whom it does not let in. Pages have one already.
  #open(url, protocols) {
    if (isPage) return new WebSocket(url, protocols);
    const origin = new URL(url).origin.replace('ws', 'http');
    const { WebSocket: Given } = this.owner;
    if (Given) return new Given(url, protocols, { origin });
    if (globalThis.location) return new WebSocket(url, protocols); // a worker of a page
    return new WebSocket(url, { protocols, headers: { origin } });
  }

  // Resolves when the server has closed, too, or after a second.
  stop() {
    clearTimeout(this.#timer);
    clearInterval(this.#watcher);
    this.#timer = this.#watcher = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    return new Promise((resolve) => {
      if (!socket) return resolve();
      const limit = setTimeout(resolve, 1000);
      socket.addEventListener('close', () => resolve(clearTimeout(limit)));
      socket.close(1000);
      this.#tap('out', 'close', '1000');
    });
  }

  // Whatever is sent has an answer, unless it is only a hint.
  send(text, isHint) {
    this.#socket.send(text);
    this.#tap('out', 'text', text);
    if (isHint) return;
    this.#owed += text.length;
    this.#expect(PATIENCE);
  }

  // Is anybody there?
  ask(patience = PATIENCE) {
    if (this.#socket?.readyState !== 1) return;
    if (this.#dueAt === Infinity || !this.#isAsked) this.send(this.owner.question());
    this.#isAsked = true;
    this.#expect(patience);
  }

  #expect(patience) {
    this.#dueAt = Math.min(this.#dueAt, now() + patience + this.#owed / SLOW);
  }

  #heard() {
    this.#heardAt = now();
    this.#dueAt = Infinity;
    this.#isSpared = this.#isAsked = false;
    this.#owed = 0;
  }

  #watch() {
    const slept = now() - this.#watchedAt > 5 * WATCH;
    this.#watchedAt = now();
    if (this.#socket?.readyState !== 1) return;
    if (slept && !this.#isSpared) return this.#wake();
    if (now() > this.#dueAt) this.start();
    else if (now() - this.#heardAt > QUIET) this.ask();
  }

  // The page stood still: an answer may wait behind this timer.
  #wake() {
    this.#isSpared = true;
    this.#dueAt = Infinity;
    this.ask(GLANCE);
  }

  #tap(...frame) {
    this.owner.tap?.(...frame);
  }

  #closed(code, reason) {
    this.#socket = undefined;
    const wasOpen = this.#openedAt < Infinity;
    if (now() - this.#openedAt > STABLE) [this.#attempt, this.#least] = [0, FIRST_PAUSE];
    if (code === 1001) this.#least = AWAY_PAUSE;
    this.#openedAt = Infinity;
    const verdict = this.owner.onClose(code, reason, wasOpen);
    if (verdict === 'stop') return void this.stop();
    // 'now' only once: no hammering.
    const usual = Math.min(MAX_PAUSE, Math.max(this.#least, FIRST_PAUSE * 2 ** this.#attempt));
    const pause = Math.random() * (verdict === 'now' && !this.#attempt ? 0 : usual);
    this.#attempt++;
    this.#timer = setTimeout(() => this.start(), pause);
    this.owner.onState('waiting', now() + pause);
  }
}

// What a client knows of a room. Messages leave `entries` when their `ref` comes back. Their states: waiting (known not to
// have arrived), sending, doubt (sent, then the connection broke: the replay will tell).
export class Place {
  since; // resume after this position
  entries = [];
  members = new Map(); // id → name; in a large room only some
  count = 0;

  constructor(name) {
    this.name = name;
  }

  onEntries() {} // they have changed

  in(state) {
    return this.entries.filter((entry) => entry.state === state);
  }

  move(from, to) {
    for (const entry of this.in(from)) entry.state = to;
    this.onEntries();
  }

  // Others see a `ref` and may say it, too: author and text have to be ours.
  find(ref, from, text) {
    const isIt = (entry) => entry.ref === ref && entry.from === from && (text ?? entry.text) === entry.text;
    return ref ? this.entries.find(isIt) : undefined;
  }

  remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.onEntries();
  }

  change(work) {
    const isWhole = this.members.size >= this.count;
    work(this.members);
    if (isWhole) this.count = this.members.size;
  }
}

const failure = (code, text) => Object.assign(new Error(text), { code });

export class Chat {
  state = 'connecting'; // online, offline, closed
  why; // it is closed: {code: 'closed' | 'replaced' | 'token' | 'forbidden' | 'refused', text}
  limit = 65536; // bytes of a message, until the welcome tells
  isModerator = false;
  connection = new Connection(this);
  #listeners = new Map();
  #promises = new Map(); // ref → who waits for it
  #barrier; // set until the replay is over: frames before it may be old
  #isResumed = false; // what is replayed came while we were away
  #typesUntil = 0; // until then nobody need be told again
  #isKept = false; // the seat of before: its key has not changed
  #had = 0; // ids before this one

  // options: wschat.d.ts
  constructor(base, { id, key, name = '', room = 'lobby', since, history = 50, place, tap, ...rest } = {}) {
    const url = new URL(base);
    if (!url.pathname.endsWith('/')) url.pathname += '/';
    Object.assign(this, { base: url.href, id: id && String(id), key, name, history, tap, ...rest });
    if (!this.WebSocket && !globalThis.WebSocket) throw new Error('no WebSocket: it takes Node 22, or connect(url, { WebSocket })');
    this.placeOf = place ?? ((other) => Object.assign(new Place(other), other === room && { since }));
    this.place = this.placeOf(room);
    if (!this.id) this.renew();
  }

  get room() {
    return this.place.name;
  }

  get since() {
    return this.place.since;
  }

  get members() {
    return this.place.members;
  }

  get count() {
    return this.place.count;
  }

  get isReplaying() {
    return this.#barrier !== undefined;
  }

  // listener(event): of a type of wschat.v1, or 'state', 'failed', 'entries', 'id', 'people'.
  on(type, listener) {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    return this;
  }

  #emit(type, event) {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }

  start() {
    this.why = undefined;
    this.connection.start();
    return this;
  }

  // Gives the seat up.
  async close() {
    this.#lost();
    this.#end('closed', 'closed by this client');
    await this.connection.stop();
  }

  // Resolves with the message when it has its place in the room; whatever breaks meanwhile, it is said once.
  say(text, { to, re, data } = {}) {
    const entry = { kind: to ? 'direct' : 'message', from: this.id, name: this.name, text: text && wellFormed(text),
      to: to && String(to), re, data, ref: `${this.id}-${random()}`, ts: Date.now(), state: 'waiting', isOwn: true };
    this.place.entries.push(entry);
    this.place.onEntries();
    const promise = this.#promise(entry.ref);
    this.#flush();
    return promise;
  }

  // Bytes that a message is over the server's limit.
  excess(text, re) {
    return byteLength(sayFrame({ text, re, ref: 'x'.repeat(41) })) - this.limit;
  }

  rename(name) {
    this.name = name;
    if (this.state === 'online') this.#sendName();
  }

  #sendName() {
    this.connection.send(encode({ type: 'rename', name: this.name }));
  }

  kick(id, reason) {
    this.command({ type: 'kick', reason }, { id });
  }

  ban(id, seconds, reason) {
    return this.command({ type: 'ban', seconds, reason }, { id });
  }

  slow(seconds) {
    return this.command({ type: 'slow', seconds });
  }

  retract(of) {
    return this.command({ type: 'retract', of });
  }

  react(to, emoji, on = true) {
    return this.command({ type: 'react', to, emoji, on });
  }

  // Tells the room that one writes, where the server tells such things: call it for each key.
  typing() {
    if (!this.hasTyping || this.state !== 'online' || now() < this.#typesUntil) return;
    this.#typesUntil = now() + TYPING;
    this.connection.send('{"type":"typing"}', true);
  }

  older(before, limit = 50) {
    return this.command({ type: 'history', before, limit });
  }

  // How many messages a room keeps that came after that position: {count}.
  unread(room, since) {
    return this.command({ type: 'unread', room, since });
  }

  // Resolves with the answer. Not repeated after a break.
  command(fields, ids) {
    const ref = `c-${random()}`;
    const promise = this.#promise(ref);
    if (this.state === 'online') this.connection.send(encode({ ...fields, ref }, ids));
    else this.#settle(ref, failure('offline', 'there is no connection'));
    return promise;
  }

  // Nobody has to look at it.
  #promise(ref) {
    const promise = new Promise((resolve, reject) => this.#promises.set(ref, { resolve, reject }));
    promise.catch(() => {});
    return promise;
  }

  #settle(ref, result) {
    this.#promises.get(ref)?.[result instanceof Error ? 'reject' : 'resolve'](result);
    this.#promises.delete(ref);
  }

  // A new token: at once where there is a connection, else with the next one.
  setToken(token) {
    this.token = token;
    if (this.state === 'online') this.connection.send(encode({ type: 'token', token }));
    else if (this.why?.code === 'token') this.start();
  }

  async enter(room) {
    if (room === this.room) return;
    this.#lost();
    const place = (this.place = this.placeOf(room));
    this.why = undefined;
    this.#setState('connecting');
    await this.connection.stop();
    if (this.place !== place) return; // and on to yet another
    this.key = undefined; // a clean close gives the seat up
    this.connection.start();
  }

  // The time, moved a little when that was taken.
  renew() {
    this.id = String(Date.now() + (this.#had++ && 1 + Math.floor(Math.random() * 999)));
    this.key = undefined;
    this.#emit('id', this);
  }

  // ---- For the connection ----

  // Every server answers this, if only with an error.
  question() {
    return encode({ type: 'ping', ref: ALIVE });
  }

  url() {
    const room = this.room === 'lobby' ? '' : this.room;
    const { name, history, place: { since } } = this;
    return socketUrl(this.base, `ws/${this.id}`, { room, name, history, since });
  }

  // Secrets do not belong into addresses, which stand in the logs of proxies.
  protocols() {
    const isFit = (secret) => typeof secret === 'string' && /^[\w.~+!#$%&'*^`|-]+$/.test(secret);
    const secrets = [[this.key, 'key.'], [this.token, 'bearer.']].filter(([secret]) => isFit(secret));
    return [PROTOCOL, ...secrets.map(([secret, prefix]) => prefix + secret)];
  }

  onState(state, retryAt) {
    if (state === 'open' || this.why) return; // the welcome makes it online
    this.#lost();
    this.#setState(state === 'waiting' ? 'offline' : state, retryAt);
  }

  onClose(code, reason, wasOpen) {
    this.#lost();
    const end = { 4000: 'replaced', 4403: 'forbidden', 4401: 'token' }[code];
    if (end) {
      this.#end(end, reason);
      return 'stop';
    }
    if (!wasOpen) this.#askWhy();
    if (code !== 4009) return this.#tellClose(code, reason);
    this.renew();
    return 'now';
  }

  #tellClose(code, text) {
    this.#emit('break', { code, text });
    return 'retry';
  }

  // A page is not told why a WebSocket does not open, so it asks by plain HTTP. Whatever passes is tried again.
  async #askWhy() {
    const url = this.url().replace('ws', 'http');
    const answer = await fetch(url, { method: 'POST' }).catch(() => undefined);
    if (![403, 404, 421].includes(answer?.status) || this.state === 'online' || this.why) return;
    this.connection.stop();
    this.#end('refused', (await answer.text()).trim());
  }

  async #end(code, text) {
    this.why = { code, text };
    this.#setState('closed');
    const refused = this.token;
    const token = code === 'token' && (await this.askToken?.({ text, refused }));
    if (this.why?.code !== code || this.why.text !== text) return;
    if (token && token !== refused) return this.setToken(token);
    for (const ref of this.#promises.keys()) this.#settle(ref, failure(code, text));
  }

  #setState(state, retryAt) {
    this.state = state;
    this.#emit('state', { state, retryAt, why: this.why });
  }

  // No replay tells of direct messages: sending one again might say it twice.
  #lost() {
    for (const ref of this.#promises.keys()) if (ref.startsWith('c-')) this.#settle(ref, failure('offline', 'the connection broke'));
    for (const entry of this.place.in('sending')) if (entry.to) this.#fail(entry, 'unsure', 'it may have arrived');
    this.place.move('sending', 'doubt');
  }

  #fail(entry, code, text) {
    this.place.remove(entry);
    this.#settle(entry.ref, failure(code, text));
    this.#emit('failed', { entry, code, text });
  }

  #flush() {
    const { place } = this;
    if (this.state === 'online' && !place.in('doubt').length) {
      const entries = place.in('waiting');
      for (const entry of entries) entry.from = this.id; // it may have changed since
      place.move('waiting', 'sending'); // stored first: nothing is sent and forgotten
      for (const entry of entries) {
        const frame = sayFrame(entry);
        if (byteLength(frame) > this.limit) this.#fail(entry, 'too-long', `longer than ${this.limit} bytes`);
        else this.connection.send(frame);
      }
    }
    this.#emit('entries');
  }

  onFrame(data) {
    const frame = parseFrame(data);
    const { type, ref, from, pos } = frame;
    if (ref === ALIVE && (type === 'error' || type === 'pong')) return;
    if (ref?.startsWith(BARRIER) && (type === 'error' || from === this.id)) return this.#onBarrier(ref);
    if (type === 'welcome') return this.#onWelcome(frame);
    frame.isOwn = this.#isOwn(from);
    if (type === 'message' || type === 'direct') this.#onMessage(frame);
    else if (type === 'error') this.#onError(frame);
    else if (['join', 'leave', 'rename', 'count'].includes(type)) this.#onMember(frame);
    else this.#onOther(frame);
    if (pos) this.place.since = pos;
  }

  #onWelcome(welcome) {
    const { place } = this;
    const { key, limits, name, pos, members, count } = welcome;
    welcome.isLate = place.since !== undefined && !welcome.recovered; // something may be missing
    this.#isKept = key === this.key;
    this.#isResumed = place.since !== undefined && welcome.recovered;
    this.key = key;
    this.limit = limits.message;
    this.isModerator = welcome.mod === true;
    this.hasTyping = welcome.typing === true;
    place.members = new Map(members.map((member) => [member.id, member.name]));
    place.count = count;
    place.since = pos; // the place in front of the replay
    this.#emit('welcome', welcome);
    this.#setState('online');
    this.#emit('people');
    if (name !== this.name) this.#sendName();
    // Frames keep their order, so a direct message to ourselves comes back behind the whole replay.
    this.#barrier = BARRIER + random();
    this.connection.send(sayFrame({ text: '', to: this.id, ref: this.#barrier }));
    this.#flush();
  }

  // What has not come back by now never arrived.
  #onBarrier(ref) {
    if (ref !== this.#barrier) return;
    this.#barrier = undefined;
    this.place.move('doubt', 'waiting');
    this.#emit('live');
    this.#flush();
  }

  // An id proves nothing: it is free for all when its seat is gone. What the seat that we hold says is ours.
  #isOwn(id) {
    return id === this.id && (!this.#barrier || this.#isKept);
  }

  #onMessage(frame) {
    const { type, ref, from, text } = frame;
    const entry = this.place.find(ref, from, text);
    frame.isOwn ||= entry !== undefined;
    frame.isNew = !frame.isOwn && (!this.#barrier || this.#isResumed || type === 'direct');
    frame.entry = entry;
    if (entry) this.place.remove(entry);
    if (entry) this.#settle(ref, frame);
    this.#emit(type, frame);
  }

  // A replay may hold a join and a leave of ours from before: they say nothing of the seat that we have now.
  #onMember(frame) {
    const { type, from, name, count, isOwn } = frame;
    const { place } = this;
    if (type === 'count') place.count = count;
    const isStale = from === this.id && !(isOwn && type === 'rename');
    if (from && !isStale) {
      frame.was = place.members.get(from);
      place.change((members) => (type === 'leave' ? members.delete(from) : members.set(from, name)));
    }
    this.#emit('people');
    if (!isStale && (type === 'leave' || type === 'count' || frame.was !== name)) this.#emit(type, frame);
  }

  #onError(frame) {
    const { code, text, ref } = frame;
    const entry = this.place.find(ref, this.id);
    if (entry) return this.#fail(entry, code, text);
    this.#settle(ref, failure(code, text));
    this.#emit('error', frame);
  }

  #onOther(frame) {
    this.#settle(frame.ref, frame);
    this.#emit(frame.type, frame);
  }
}

// The address of a server, or of a page of it.
export const connect = (base, options) => new Chat(base, options).start();

// The conversation with the server in wschat.v1: enters a room, keeps the seat across lost connections, sends what is
// in the outbox, and turns frames into records of the room. Tells the page what changed by events:
//   state    connecting, online, offline (detail.retryAt), replaced
//   room     another room is shown
//   records  the room's messages or its outbox changed (detail.record: one new record from somebody, detail.isFresh:
//            it is not history)
//   people   who is here, or a name
import { Connection } from './connection.js';
import { LOBBY, PROTOCOL, byteLength, parseFrame, renameFrame, sayFrame, socketUrl } from './protocol.js';
import { Room } from './room.js';
import { time, t, who } from './text.js';

const HISTORY = 50;
const SILENCE = 10000; // ms without any frame while an answer is due: the connection is taken for dead
const ENTRY_TIME = 500; // ms after a welcome in which messages are history
const WORTH_SAYING = 3000; // ms: a shorter break is not mentioned
const LIMIT = 65536; // bytes of a message until the welcome tells the server's limit

export class Chat extends EventTarget {
  state = 'connecting';
  limit = LIMIT;
  #rooms = new Map();
  #barrier; // ref of the message to ourselves that marks the end of a replay
  #enteredAt = 0;
  #isResumed = false;
  #brokenAt = 0;
  #lastFrame = 0;
  #sawEvent = false;

  constructor(me, roomName, tap) {
    super();
    this.me = me;
    this.room = this.#roomOf(roomName);
    this.connection = new Connection({
      url: () => this.#url(),
      protocol: PROTOCOL,
      onState: (state, retryAt) => this.#onConnection(state, retryAt),
      onFrame: (data) => this.#onFrame(data),
      onClose: (code, reason) => this.#onClose(code, reason),
      tap,
    });
    setInterval(() => this.#watch(), 2000);
  }

  start() {
    this.connection.start();
  }

  save() {
    this.room.save();
  }

  // ---- what the person does ----

  say(text, to) {
    this.room.outbox.add({ from: this.me.id, name: this.me.name, text, to });
    this.#flush();
    this.#emit('records');
  }

  // Bytes that the message would have over the server's limit, negative while there is room.
  excess(text, to) {
    return byteLength(sayFrame({ text, to, ref: `${this.me.id}-4294967295-4294967295` })) - this.limit;
  }

  retry(entry) {
    this.room.outbox.set(entry, 'waiting');
    this.#flush();
    this.#emit('records');
  }

  discard(entry) {
    this.room.outbox.remove(entry);
    this.#emit('records');
  }

  rename(name) {
    this.me.rename(name);
    if (this.state === 'online') this.connection.send(renameFrame(name));
    this.#emit('people');
  }

  async enter(roomName) {
    if (roomName === this.room.name) return;
    this.room.save();
    this.room.outbox.lost();
    const room = (this.room = this.#roomOf(roomName));
    room.count = 0;
    room.members.clear();
    this.#emit('room');
    await this.connection.stop();
    if (this.room !== room) return; // and on to yet another room
    // The seat is given up with a clean close, and its key with it.
    this.me.key = undefined;
    this.#brokenAt = 0;
    this.start();
  }

  // Adds a line that only this page shows.
  note(text, title) {
    this.room.add({ kind: 'notice', ts: Date.now(), text, title });
    this.#emit('records');
  }

  // ---- the connection ----

  #url() {
    const { me, room } = this;
    return socketUrl(`ws/${me.id}`, {
      room: room.name === LOBBY ? '' : room.name,
      name: me.name,
      history: HISTORY,
      since: room.since,
      key: me.key,
    });
  }

  #onConnection(state, retryAt) {
    if (state === 'connecting' || state === 'waiting') {
      // The first attempt of a page that was online is not worth a word: it usually takes a moment.
      this.#setState(state === 'waiting' ? 'offline' : 'connecting', retryAt);
    }
    if (state === 'connecting') this.room.outbox.lost();
  }

  #onClose(code, reason) {
    this.#brokenAt ||= this.state === 'online' ? Date.now() : 0;
    this.room.outbox.lost();
    this.#emit('records');
    if (code === 4000) {
      this.#setState('replaced');
      return 'stop';
    }
    if (code === 4009) {
      this.me.renew();
      this.#emit('people');
      return 'now';
    }
    if (code === 1013) this.note(t('tooSlow'));
    if (code === 1008 || code === 1009) this.note(t('closedBecause', reason || code));
    return 'retry';
  }

  #setState(state, retryAt) {
    this.state = state;
    this.#emit('state', { retryAt });
  }

  // The browser may need minutes to see that the network is gone. An answer that is due for long tells it sooner.
  #watch() {
    const isDue = this.#barrier || this.room.outbox.oldestSending;
    if (this.state === 'online' && isDue && Date.now() - this.#lastFrame > SILENCE) this.connection.replace();
  }

  // Sends what waits, in order, unless it is still open whether earlier messages arrived.
  #flush() {
    const { outbox } = this.room;
    if (this.state !== 'online' || this.#barrier) return;
    for (const entry of outbox.entries) {
      if (entry.state !== 'waiting') continue;
      if (!outbox.oldestSending) this.#lastFrame = Date.now();
      outbox.set(entry, 'sending'); // stored first: a message must not be sent and forgotten
      this.connection.send(sayFrame(entry));
    }
  }

  // ---- frames ----

  #onFrame(data) {
    this.#lastFrame = Date.now();
    const frame = parseFrame(data);
    const handlers = {
      welcome: () => this.#onWelcome(frame),
      message: () => this.#onMessage(frame, 'message'),
      direct: () => this.#onMessage(frame, 'direct'),
      join: () => this.#onJoin(frame),
      leave: () => this.#onLeave(frame),
      rename: () => this.#onRename(frame),
      count: () => this.#onCount(frame),
      error: () => this.#onError(frame),
    };
    handlers[frame.type]?.();
    if (frame.pos !== undefined && frame.type !== 'welcome') {
      this.room.since = frame.pos;
      this.#sawEvent = true;
    }
  }

  #onWelcome(frame) {
    const { me, room } = this;
    const hadPlace = room.since !== undefined;
    me.key = frame.key;
    me.save();
    this.limit = frame.limits?.message ?? LIMIT;
    room.enter(frame);
    this.#enteredAt = Date.now();
    this.#isResumed = hadPlace && frame.recovered;
    if (hadPlace && !frame.recovered) {
      room.since = undefined;
      this.note(t('notRecovered'));
    } else if (hadPlace && this.#brokenAt && Date.now() - this.#brokenAt > WORTH_SAYING) {
      this.note(t('recovered', time(this.#brokenAt)));
    }
    this.#brokenAt = 0;
    this.#setState('online');
    if (frame.name !== me.name) this.connection.send(renameFrame(me.name));
    this.#adopt(frame.pos);
    this.#settle();
    this.#emit('people');
  }

  // Until something happens in the room, the welcome's position is the one to resume from.
  #adopt(pos) {
    const { room } = this;
    this.#sawEvent = false;
    setTimeout(() => {
      if (!this.#sawEvent && this.room === room && this.state === 'online') room.since ??= pos;
    }, ENTRY_TIME * 2);
  }

  // Finds out where the replay ends, when that matters. Frames keep their order, so the echo of a direct message to
  // ourselves comes after the whole replay; only then is it known which messages never arrived.
  #settle() {
    this.#barrier = undefined;
    if (!this.room.outbox.isInDoubt) return this.#flush();
    this.#barrier = `end-of-replay-${Date.now()}`;
    this.connection.send(sayFrame({ text: '', to: this.me.id, ref: this.#barrier }));
  }

  #isBarrier(frame) {
    if (frame.ref === undefined || !frame.ref.startsWith?.('end-of-replay-')) return false;
    if (frame.type !== 'error' && frame.from !== this.me.id) return false;
    if (frame.ref === this.#barrier) {
      this.#barrier = undefined;
      this.room.outbox.settle();
      this.#flush();
      this.#emit('records');
    }
    return true;
  }

  #onMessage({ pos, ts, from, to, name, text, ref, type }, kind) {
    if (this.#isBarrier({ ref, from, type })) return;
    const { me, room } = this;
    const isOwn = me.isMine(from);
    const entry = isOwn ? room.outbox.find(ref) : undefined;
    const record = Object.assign(entry ?? {}, { kind, pos, ts, from, to, name, text });
    if (isOwn) record.state = 'sent';
    if (entry) room.outbox.remove(entry);
    if (room.add(record)) this.#emit('records', isOwn ? {} : { record, isFresh: this.#isFresh() });
  }

  #isFresh() {
    return this.#isResumed || Date.now() - this.#enteredAt > ENTRY_TIME;
  }

  #onJoin({ pos, ts, from, name }) {
    const isNew = !this.room.members.has(from);
    this.room.join(from, name);
    if (!this.me.isMine(from) && isNew) this.#event(pos, ts, from, t('joined', who(from, name)));
    this.#emit('people');
  }

  #onLeave({ pos, ts, from, name }) {
    this.room.leave(from);
    if (from !== this.me.id) this.#event(pos, ts, from, t('left', who(from, name)));
    this.#emit('people');
  }

  #onRename({ pos, ts, from, name }) {
    const before = this.room.members.get(from) ?? '';
    if (this.room.members.has(from)) this.room.join(from, name);
    const line = from === this.me.id ? t('youRenamed', who(from, name)) : t('renamed', who(from, before), who(from, name));
    if (before !== name) this.#event(pos, ts, from, line);
    this.#emit('people');
  }

  #event(pos, ts, from, text) {
    if (this.room.add({ kind: 'notice', pos, ts, from, text, title: who(from) })) this.#emit('records');
  }

  #onCount({ count }) {
    this.room.count = count;
    this.#emit('people');
  }

  #onError({ type, code, text, ref }) {
    if (this.#isBarrier({ type, ref })) return;
    const why = code === 'no-such-client' ? t('noSuchClient') : text;
    const entry = this.room.outbox.find(ref);
    if (entry) this.room.outbox.set(entry, 'failed', why);
    else this.note(t('serverSays', why));
    this.#emit('records');
  }

  #roomOf(name) {
    if (!this.#rooms.has(name)) this.#rooms.set(name, new Room(name));
    return this.#rooms.get(name);
  }

  #emit(type, detail = {}) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

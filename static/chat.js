// The conversation in wschat.v1: keeps the seat across broken connections, sends the unsent, turns frames into records.
// Calls on.room(), on.records(record, isFresh), on.people() and on.state(retryAt) when these have changed.
import { Connection } from './connection.js';
import { LOBBY, byteLength, parseFrame, sayFrame, socketUrl } from './protocol.js';
import { Room } from './room.js';
import { t, who } from './text.js';

const HISTORY = 50;
const ENTRY_TIME = 500; // ms after a welcome in which messages are history
const BARRIER = 'end-of-replay-';
const ALIVE = 'alive';

export class Chat {
  protocol = 'wschat.v1';
  state = 'connecting'; // online, offline, replaced
  limit = 65536; // bytes of a message, until the welcome tells
  connection = new Connection(this);
  #rooms = Object.create(null);
  #barrier; // set until it is known which messages arrived
  #enteredAt = 0;
  #isResumed = false;

  constructor(me, room, on, tap) {
    Object.assign(this, { me, on, tap, room: this.#roomOf(room) });
  }

  say(text, to) {
    this.room.unsent.add({ from: this.me.id, name: this.me.name, text, to });
    this.#flush();
  }

  // Bytes that a message is over the server's limit.
  excess(text) {
    return byteLength(sayFrame({ text, ref: 'x'.repeat(41) })) - this.limit;
  }

  rename(name) {
    this.me.rename(name);
    if (this.state === 'online') this.#sendName();
    this.on.people();
  }

  #sendName() {
    this.connection.send(JSON.stringify({ type: 'rename', name: this.me.name }));
  }

  async enter(name) {
    if (name === this.room.name) return;
    this.room.save();
    this.#lost();
    const room = (this.room = this.#roomOf(name));
    this.on.room();
    this.#setState('connecting');
    await this.connection.stop();
    if (this.room !== room) return; // and on to yet another
    this.me.key = undefined; // a clean close gives the seat up
    this.connection.start();
  }

  note(text) {
    this.#add({ kind: 'notice', ts: Date.now(), text });
  }

  // Every server answers this, if only with an error.
  question() {
    return JSON.stringify({ type: 'ping', ref: ALIVE });
  }

  url() {
    const { name, since } = this.room;
    const { id, key } = this.me;
    const room = name === LOBBY ? '' : name;
    return socketUrl(`ws/${id}`, { room, name: this.me.name, history: HISTORY, since, key });
  }

  onState(state, retryAt) {
    if (state === 'open') return; // the welcome makes it online
    this.#lost();
    this.#setState(state === 'waiting' ? 'offline' : state, retryAt);
  }

  onClose(code) {
    if (code === 4000) {
      this.#lost();
      this.#setState('replaced');
      return 'stop';
    }
    if (code === 1013) this.note(t('tooSlow'));
    if (code !== 4009) return 'retry';
    this.me.renew();
    this.on.people();
    return 'now';
  }

  #setState(state, retryAt) {
    this.state = state;
    this.on.state(retryAt);
    this.on.records();
  }

  // No replay tells of direct messages, and sending one again might say it twice.
  #lost() {
    for (const entry of this.room.unsent.in('sending')) if (entry.to) this.#fail(entry, t('unsure'));
    this.room.unsent.move('sending', 'doubt');
  }

  #fail(entry, why) {
    this.room.unsent.remove(entry);
    this.#add(Object.assign(entry, { state: 'failed', why }));
  }

  #flush() {
    const { unsent } = this.room;
    if (this.state === 'online' && !this.#barrier) {
      const entries = unsent.in('waiting');
      unsent.move('waiting', 'sending'); // stored first: nothing is sent and forgotten
      for (const entry of entries) this.connection.send(sayFrame(entry));
    }
    this.on.records();
  }

  onFrame(data) {
    const frame = parseFrame(data);
    const { type, ref, from, pos } = frame;
    if (ref === ALIVE && type === 'error') return;
    if (ref?.startsWith(BARRIER) && (type === 'error' || from === this.me.id)) return this.#onBarrier(ref);
    if (type === 'welcome') return this.#onWelcome(frame);
    if (type === 'message' || type === 'direct') this.#onMessage(frame);
    else if (type === 'error') this.#onError(frame);
    else this.#onMember(frame);
    if (pos) this.room.since = pos;
  }

  #onWelcome({ key, limits, recovered, name, pos, members, count }) {
    const { me, room } = this;
    const hadPlace = room.since !== undefined;
    me.key = key;
    me.save();
    this.limit = limits.message;
    room.members = new Map(members.map((member) => [member.id, member.name]));
    room.count = count;
    this.#enteredAt = Date.now();
    this.#isResumed = hadPlace && recovered;
    if (hadPlace && !recovered) this.note(t('notRecovered'));
    room.since = pos; // the place in front of the replay
    this.#setState('online');
    this.on.people();
    if (name !== me.name) this.#sendName();
    this.#seekEnd();
  }

  // Frames keep their order, so a direct message to ourselves comes back behind the whole replay: then what has not come
  // back never arrived.
  #seekEnd() {
    this.#barrier = this.room.unsent.in('doubt').length ? BARRIER + Date.now() : undefined;
    if (!this.#barrier) return this.#flush();
    this.connection.send(sayFrame({ text: '', to: this.me.id, ref: this.#barrier }));
  }

  #onBarrier(ref) {
    if (ref !== this.#barrier) return;
    this.#barrier = undefined;
    this.room.unsent.move('doubt', 'waiting');
    this.#flush();
  }

  #add(record, isFresh) {
    if (this.room.add(record)) this.on.records(record, isFresh);
  }

  #onMessage({ type: kind, pos, ts, from, to, name, text, ref }) {
    const isOwn = this.me.isMine(from);
    const entry = isOwn ? this.room.unsent.find(ref) : undefined;
    const record = Object.assign(entry ?? {}, { kind, pos, ts, from, to, name, text });
    if (isOwn) record.state = 'sent';
    if (entry) this.room.unsent.remove(entry);
    this.#add(record, !isOwn && (this.#isResumed || Date.now() - this.#enteredAt > ENTRY_TIME));
  }

  #onMember({ type, pos, ts, from, name, count }) {
    const { me, room } = this;
    this.on.people();
    if (type === 'count') room.count = count;
    if (!from) return;
    const before = room.members.get(from);
    const isLeave = type === 'leave';
    const isMe = from === me.id;
    room.change((members) => (isLeave ? members.delete(from) : members.set(from, name)));
    if (isMe ? type !== 'rename' : !isLeave && before === name) return;
    const old = who(from, type === 'rename' ? before : name);
    this.#add({ kind: 'notice', pos, ts, from, text: t(type, isMe ? t('you') : old, who(from, name)) });
  }

  #onError({ code, text, ref }) {
    const why = code === 'no-such-client' ? t('noSuchClient') : text;
    const entry = this.room.unsent.find(ref);
    if (entry) this.#fail(entry, why);
    else this.note(t('serverSays', why));
  }

  #roomOf(name) {
    return (this.#rooms[name] ??= new Room(name));
  }
}

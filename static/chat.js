// The conversation in wschat.v1: keeps the seat across broken connections, sends the unsent, turns frames into records.
// Calls on.room(), on.records(record, isNews), on.people(), on.twins() and on.state(retryAt) when these have changed.
import { Connection } from './connection.js';
import { LOBBY, byteLength, parseFrame, sayFrame, socketUrl, wellFormed } from './protocol.js';
import { Room } from './room.js';

const HISTORY = 50;
const BARRIER = 'end-of-replay-';
const ALIVE = 'alive';

export class Chat {
  protocol = 'wschat.v1';
  state = 'connecting'; // online, offline, replaced
  limit = 65536; // bytes of a message, until the welcome tells
  connection = new Connection(this);
  #rooms = Object.create(null);
  #barrier; // set until the replay is over: frames before it may be old
  #isResumed = false; // what is replayed came while this page was away
  #isKept = false; // the seat of before: its key has not changed

  constructor(me, room, on, tap) {
    Object.assign(this, { me, on, tap, room: this.#roomOf(room) });
  }

  say(text, to) {
    this.room.unsent.add({ from: this.me.id, name: this.me.name, text: wellFormed(text), to });
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

  forget(name) {
    delete this.#rooms[name];
  }

  // Words of the page's own, as for t().
  note(...words) {
    this.#add({ kind: 'notice', ts: Date.now(), words });
  }

  get isReplaying() {
    return this.#barrier !== undefined;
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
    if (code === 1013) this.note('tooSlow');
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

  // No replay tells of direct messages: sending one again might say it twice.
  #lost() {
    for (const entry of this.room.unsent.in('sending')) if (entry.to) this.#fail(entry, ['unsure']);
    this.room.unsent.move('sending', 'doubt');
  }

  #fail(entry, why) {
    this.room.unsent.remove(entry);
    this.#add(Object.assign(entry, { state: 'failed', why }));
  }

  #flush() {
    const { unsent } = this.room;
    if (this.state === 'online' && !unsent.in('doubt').length) {
      const entries = unsent.in('waiting');
      for (const entry of entries) entry.from = this.me.id; // it may have changed since
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
    if (from && this.room.names.see(from, frame.name)) this.on.twins();
    if (type === 'message' || type === 'direct') this.#onMessage(frame);
    else if (type === 'error') this.#onError(frame);
    else if (['join', 'leave', 'rename', 'count'].includes(type)) this.#onMember(frame);
    if (pos) this.room.since = pos;
  }

  #onWelcome({ key, limits, recovered, name, pos, members, count }) {
    const { me, room } = this;
    const hadPlace = room.since !== undefined;
    this.#isKept = key === me.key;
    this.#isResumed = hadPlace && recovered;
    me.key = key;
    me.save();
    this.limit = limits.message;
    room.members = new Map(members.map((member) => [member.id, member.name]));
    room.count = count;
    if (members.filter((member) => room.names.see(member.id, member.name)).length) this.on.twins();
    if (hadPlace && !recovered) this.note('notRecovered');
    room.since = pos; // the place in front of the replay
    this.#setState('online');
    this.on.people();
    if (name !== me.name) this.#sendName();
    // Frames keep their order, so a direct message to ourselves comes back behind the whole replay.
    this.#barrier = BARRIER + Date.now();
    this.connection.send(sayFrame({ text: '', to: me.id, ref: this.#barrier }));
    this.#flush();
  }

  // What has not come back by now never arrived.
  #onBarrier(ref) {
    if (ref !== this.#barrier) return;
    this.#barrier = undefined;
    this.room.unsent.move('doubt', 'waiting');
    this.#flush();
  }

  // An id proves nothing: it is free for all when its seat is gone. What the seat that we hold says is ours.
  #isOwn(id) {
    return id === this.me.id && (!this.#barrier || this.#isKept);
  }

  #add(record, isNews) {
    if (this.room.add(record)) this.on.records(record, isNews);
  }

  #onMessage({ type: kind, pos, ts, from, to, name, text, ref }) {
    const entry = this.room.unsent.find(ref, from, text);
    const isOwn = entry !== undefined || this.#isOwn(from);
    const record = Object.assign(entry ?? {}, { kind, pos, ts, from, to, name, text, isOwn });
    if (isOwn) record.state = 'sent';
    if (entry) this.room.unsent.remove(entry);
    const isNews = !isOwn && (!this.#barrier || this.#isResumed || kind === 'direct');
    this.#add(record, isNews);
  }

  // A replay may hold a join and a leave of ours from before: they say nothing of the seat that we have now.
  #onMember({ type, pos, ts, from, name, count }) {
    const { me, room } = this;
    this.on.people();
    if (type === 'count') room.count = count;
    const isOwn = this.#isOwn(from);
    if (!from || (from === me.id && !(isOwn && type === 'rename'))) return;
    const was = room.members.get(from);
    const isLeave = type === 'leave';
    room.change((members) => (isLeave ? members.delete(from) : members.set(from, name)));
    if (!isLeave && was === name) return;
    this.#add({ kind: 'notice', type, pos, ts, from, name, was, isOwn });
  }

  #onError({ code, text, ref }) {
    const why = code === 'no-such-client' ? ['noSuchClient'] : ['asIs', text];
    const entry = this.room.unsent.find(ref, this.me.id);
    if (entry) this.#fail(entry, why);
    else this.note('serverSays', text);
  }

  #roomOf(name) {
    return (this.#rooms[name] ??= new Room(name));
  }
}

// The conversation of this page: what the client tells becomes records of a room. Calls told.room(),
// told.records(record, isNews), told.people(), told.twins() and told.state(retryAt) when these have changed.
import { Chat as Client } from './wschat.js';
import { Room } from './room.js';
import { site, tab } from './store.js';

export class Chat extends Client {
  constructor(me, room, told, tap) {
    const rooms = Object.create(null);
    const place = (name) => (rooms[name] ??= new Room(name));
    const { id, key, name } = me;
    super(new URL('./', location.href), { id, key, name, room, place, tap, token: tab.get('token') ?? site.get('token'), askToken: told.token });
    Object.assign(this, { me, told, forget: (other) => delete rooms[other] });
    me.keep(this);
    this.on('id', () => me.keep(this) || told.people());
    this.on('people', told.people);
    this.on('entries', () => told.records());
    this.on('state', ({ retryAt }) => told.state(retryAt) || told.records());
    this.on('welcome', (welcome) => this.#onWelcome(welcome));
    this.on('break', ({ code }) => code === 1013 && this.note('tooSlow'));
    this.on('error', ({ text }) => this.note('serverSays', text));
    this.on('failed', ({ entry, code, text }) => this.#onFailed(entry, code, text));
    for (const type of ['message', 'direct']) this.on(type, (frame) => this.#onMessage(frame));
    for (const type of ['join', 'leave', 'rename', 'slow']) this.on(type, (frame) => this.#onNotice(frame));
    this.on('retract', (frame) => this.#onRetract(frame));
  }

  // What the page shows of it.
  get condition() {
    return this.why?.code ?? this.state;
  }

  rename(name) {
    this.me.rename(name);
    super.rename(name);
    this.told.people();
  }

  enter(name) {
    if (name === this.room) return;
    this.place.save();
    super.enter(name);
    this.told.room();
  }

  // Words of the page's own, as for t().
  note(...words) {
    this.#add({ kind: 'notice', ts: Date.now(), words });
  }

  #add(record, isNews) {
    if (this.place.add(record)) this.told.records(record, isNews);
  }

  #see(id, name) {
    if (id && this.place.names.see(id, name)) this.told.twins();
  }

  #onWelcome({ isLate, members }) {
    this.me.keep(this);
    for (const { id, name } of members) this.#see(id, name);
    if (isLate) this.note('notRecovered');
  }

  #onFailed(entry, code, text) {
    const known = { unsure: ['unsure'], 'no-such-client': ['noSuchClient'] };
    this.#add(Object.assign(entry, { state: 'failed', why: known[code] ?? ['asIs', text] }));
  }

  #onMessage({ type: kind, pos, ts, from, to, name, text = '', retracted, isOwn, isNew, entry }) {
    this.#see(from, name);
    const record = Object.assign(entry ?? {}, { kind, pos, ts, from, to, name, text, retracted, isOwn });
    if (isOwn) record.state = 'sent';
    this.#add(record, isNew);
  }

  #onNotice({ type, pos, ts, from, name, was, isOwn, seconds }) {
    this.#see(from, name);
    this.#add({ kind: 'notice', type, pos, ts, from, name, was, isOwn, seconds });
  }

  #onRetract({ of }) {
    const record = this.place.records.find(({ pos }) => pos === of);
    if (!record) return;
    Object.assign(record, { text: '', retracted: true });
    this.told.retracted(record);
  }
}

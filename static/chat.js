// The conversation of this page: what the client tells becomes records of a room. Calls told.room(),
// told.records(record, isNews), told.people(), told.twins(), told.past(), told.changed(record),
// told.reacted(record) and told.state(retryAt) when these have changed.
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
    this.on('react', (frame) => this.#onReact(frame));
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

  #record({ type: kind, pos, ts, from, to, name, text = '', re, data, reactions, retracted, isOwn, entry }) {
    this.#see(from, name);
    const record = Object.assign(entry ?? {}, { kind, pos, ts, from, to, name, text, re, data, reactions, retracted, isOwn });
    if (isOwn) record.state = 'sent';
    return record;
  }

  #onMessage(frame) {
    this.#add(this.#record(frame), frame.isNew);
  }

  // What was said before all that is here. An id proves nothing: ours is what was said since we have this seat.
  async past() {
    const { place, me } = this;
    const before = place.records.find(({ pos }) => pos)?.pos;
    if (!before || place.isAsking) return;
    place.isAsking = true;
    const { events, end } = await this.older(before).catch(({ code }) => ({ events: [], end: code !== 'offline' }));
    place.isAsking = false;
    if (!end && !events.length) return; // to be asked again, when one is back
    place.isWhole = end;
    place.records.unshift(...events.map((event) => this.#record({ ...event, isOwn: event.from === me.id && event.ts >= me.at })));
    if (place === this.place) this.told.past();
  }

  #onNotice({ type, pos, ts, from, name, was, isOwn, seconds }) {
    this.#see(from, name);
    this.#add({ kind: 'notice', type, pos, ts, from, name, was, isOwn, seconds });
  }

  #onRetract({ of }) {
    const record = this.place.at(of);
    if (!record) return;
    Object.assign(record, { text: '', retracted: true, re: undefined, data: undefined, reactions: undefined });
    for (const one of this.place.records) if (one === record || one.re === of) this.told.changed(one);
  }

  // A resume may tell it twice.
  #onReact({ to, emoji, from, name, on }) {
    this.#see(from, name);
    const record = this.place.at(to);
    if (!record) return;
    const ids = new Set(record.reactions?.[emoji]);
    if (on) ids.add(from);
    else ids.delete(from);
    record.reactions = { ...record.reactions, [emoji]: [...ids] };
    this.told.reacted(record);
  }
}

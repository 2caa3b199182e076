// Messages on their way. Each has a `ref`; it leaves the outbox when the server sends that ref back, and not before:
// so it survives a lost connection and a reload, and arrives once.
//
// state: waiting  not sent yet, or known not to have arrived
//        sending  sent on this connection, no answer yet
//        doubt    sent on a connection that broke: it may have arrived or not, the replay will tell
//        failed   refused by the server, or a direct message of which nobody can tell whether it arrived
import { tab } from './store.js';

const isDirect = (entry) => entry.to !== undefined;

export class Outbox {
  #key;

  constructor(room) {
    this.#key = `out.${room}`;
    this.entries = tab.get(this.#key, []);
    this.lost();
  }

  add(entry) {
    const ref = `${entry.from}-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
    this.entries.push({ kind: isDirect(entry) ? 'direct' : 'message', ...entry, ref, ts: Date.now(), state: 'waiting' });
    this.save();
  }

  find(ref) {
    return ref === undefined ? undefined : this.entries.find((entry) => entry.ref === ref);
  }

  // The server answered for this message: it is no longer ours to care for.
  remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.save();
  }

  set(entry, state, why) {
    Object.assign(entry, { state, why });
    this.save();
  }

  // The connection broke. Direct messages are not part of the room's record: no replay can tell of them, and sending
  // one again might say it twice, so the person decides.
  lost() {
    for (const entry of this.entries) {
      if (entry.state !== 'sending') continue;
      entry.state = isDirect(entry) ? 'failed' : 'doubt';
      entry.why = isDirect(entry) ? 'unsure' : undefined;
    }
    this.save();
  }

  // The replay is over: what it did not bring never arrived.
  settle() {
    for (const entry of this.entries) {
      if (entry.state === 'doubt') entry.state = 'waiting';
    }
  }

  get isInDoubt() {
    return this.entries.some((entry) => entry.state === 'doubt');
  }

  // The message that has waited longest for the server's answer.
  get oldestSending() {
    return this.entries.find((entry) => entry.state === 'sending');
  }

  save() {
    if (this.entries.length) tab.set(this.#key, this.entries);
    else tab.remove(this.#key);
  }
}

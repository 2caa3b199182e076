// Messages on their way. Each leaves when its `ref` comes back: so it survives a reload and arrives once. State: waiting
// (known not to have arrived), sending, doubt (sent, then the connection broke: the replay will tell).
import { tab } from './store.js';

export class Unsent {
  #key;

  constructor(room) {
    this.#key = `out.${room}`;
    this.entries = tab.get(this.#key, []);
  }

  add(entry) {
    const ref = `${entry.from}-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
    const kind = entry.to ? 'direct' : 'message';
    this.entries.push({ ...entry, kind, ref, ts: Date.now(), state: 'waiting', isOwn: true });
    this.#save();
  }

  // Others see a `ref` and may say it, too: author and text have to be ours.
  find(ref, from, text) {
    const isIt = (entry) => entry.ref === ref && entry.from === from && (text ?? entry.text) === entry.text;
    return ref ? this.entries.find(isIt) : undefined;
  }

  remove(entry) {
    this.entries = this.entries.filter((other) => other !== entry);
    this.#save();
  }

  move(from, to) {
    for (const entry of this.in(from)) entry.state = to;
    this.#save();
  }

  in(state) {
    return this.entries.filter((entry) => entry.state === state);
  }

  #save() {
    tab.set(this.#key, this.entries);
  }
}

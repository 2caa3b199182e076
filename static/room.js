// What this tab knows of a room: the messages seen, the place to resume from, who is there, what is on its way.
// It is put aside when the page goes, so that a reload goes on where it was.
import { Outbox } from './outbox.js';
import { tab } from './store.js';

const KEEP = 20000; // records in memory; above it the oldest DROP go
const DROP = 5000;
const SAVE = 100; // records kept across a reload, and how many characters of text in them
const SAVE_CHARS = 200000;
const RECENT = 200; // how far back a record is looked for that may have come before

export class Room {
  records = [];
  base = 0; // how many records were dropped from the front: base + index numbers a record for good
  since; // resume after this position
  members = new Map(); // id → name
  count = 0;
  draft = '';

  constructor(name) {
    this.name = name;
    this.outbox = new Outbox(name);
    const saved = tab.get(`room.${name}`);
    if (saved) Object.assign(this, { records: saved.records, since: saved.since, draft: saved.draft });
  }

  // Adds what happened. Returns false when it is here already, which a server that resumes exactly never causes.
  add(record) {
    if (record.pos !== undefined && this.#has(record)) return false;
    this.records.push(record);
    if (this.records.length > KEEP) {
      this.records.splice(0, DROP);
      this.base += DROP;
    }
    return true;
  }

  #has({ pos, ts, from }) {
    for (let i = this.records.length - 1; i >= Math.max(0, this.records.length - RECENT); i--) {
      const other = this.records[i];
      if (other.pos === pos && other.ts === ts && other.from === from) return true;
    }
    return false;
  }

  enter({ members, count }) {
    this.members = new Map(members.map((member) => [member.id, member.name]));
    this.count = count;
  }

  // The list of members may be cut; then only the number is known, and the server tells it.
  #change(change) {
    const isWhole = this.members.size >= this.count;
    change();
    if (isWhole) this.count = this.members.size;
  }

  join(id, name) {
    this.#change(() => this.members.set(id, name));
  }

  leave(id) {
    this.#change(() => this.members.delete(id));
  }

  save() {
    let chars = 0;
    let start = this.records.length;
    while (start > 0 && this.records.length - start < SAVE) {
      chars += this.records[start - 1].text.length;
      if (chars > SAVE_CHARS) break;
      start--;
    }
    const { since, draft } = this;
    const isSaved = tab.set(`room.${this.name}`, { records: this.records.slice(start), since, draft });
    // A place to resume from without the messages before it would look like a hole.
    if (!isSaved) tab.remove(`room.${this.name}`);
  }
}

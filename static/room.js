// What this tab knows of a room, also after a reload.
import { Names } from './names.js';
import { site, tab } from './store.js';
import { t } from './text.js';
import { Place } from './wschat.js';

const KEEP = 10000; // records in memory, and a tenth more
const SAVE = 100; // records kept across a reload

export class Room extends Place {
  records = [];
  draft = '';
  draftTo; // whom it is for, if not for all
  draftRe; // what it answers
  isWhole = false; // nothing older is kept
  names = new Names();

  constructor(name) {
    super(name);
    this.entries = tab.get(`out.${name}`, []);
    Object.assign(this, tab.get(`room.${name}`));
    for (const record of this.records) this.names.see(record.from, record.name);
  }

  onEntries() {
    tab.set(`out.${this.name}`, this.entries);
  }

  // How somebody is called here, or was.
  who(id) {
    return this.names.who(id, this.members.get(id) ?? this.names.last.get(id));
  }

  at(place) {
    return this.records.findLast(({ pos }) => pos === place);
  }

  // Who said what there, short.
  quote(place) {
    const { from, name, text, retracted } = this.at(place) ?? {};
    return `↩ ${from ? `${this.names.who(from, name)}: ${retracted ? t('retracted') : text.slice(0, 80)}` : t('earlier')}`;
  }

  // Returns false when it is here already: after a restart, old messages may come again.
  add(record) {
    const isSame = ({ pos, ts, from }) => pos === record.pos && ts === record.ts && from === record.from;
    if (record.pos && this.records.slice(-200).some(isSame)) return false;
    this.records.push(record);
    if (this.records.length > KEEP * 1.1) this.isWhole = !this.records.splice(0, KEEP * 0.1);
    return true;
  }

  // For all tabs, and their badges.
  markSeen() {
    site.set(`seen.${this.name}`, this.since);
  }

  save() {
    this.markSeen();
    const { name, since, draft, draftTo, draftRe } = this;
    const records = this.records.slice(-SAVE);
    // A place to resume from without the messages before it would look like a hole.
    if (!tab.set(`room.${name}`, { records, since, draft, draftTo, draftRe })) tab.set(`room.${name}`, null);
  }
}

// Shows the messages of a room. However long the room's history is, the page holds a window of it:
//
//   room.records  [ . . . . . . [start ── shown ── end) . . . ]  + what is on its way (only when end is the end)
//
// The window follows the newest message while the person looks at it; otherwise it stays, grows in chunks towards
// where it is scrolled, and shrinks on the other side. All that happened since the last frame is drawn at once.
import { build, buildDay, refresh, startsDay } from './message.js';
import { dayName } from './text.js';

const CHUNK = 120;
const MAX = 360; // items in the page
const NEAR = 60; // px from the end that count as being there
const EDGE = 500; // px from the window's edge where the next chunk is fetched

export class Log {
  isFollowing = true;
  missed = 0; // messages of others that came while the person looked at older ones
  #items = new WeakMap(); // record → list item
  #tail = []; // records shown that are on their way
  #start = 0;
  #end = 0;
  #known = 0;
  #isDrawing = 0;

  // onMove(): isFollowing or missed changed
  constructor(list, { isOwn, onMove }) {
    Object.assign(this, { list, isOwn, onMove });
    list.addEventListener('scroll', () => this.#onScroll(), { passive: true });
    new ResizeObserver(() => this.isFollowing && this.#toEnd()).observe(list);
    document.addEventListener('visibilitychange', () => this.draw());
  }

  show(room) {
    this.room = room;
    this.isFollowing = true;
    this.missed = 0;
    this.#known = room.base + room.records.length;
    this.#restart();
    this.draw();
  }

  // Something changed. A hidden page gets no animation frames, and drawing costs nothing there.
  changed() {
    if (document.hidden) return this.draw();
    this.#isDrawing ||= requestAnimationFrame(() => this.draw());
  }

  jump() {
    this.isFollowing = true;
    this.missed = 0;
    if (this.#end < this.#total) this.#restart();
    this.draw();
    this.onMove();
  }

  draw() {
    cancelAnimationFrame(this.#isDrawing);
    this.#isDrawing = 0;
    this.#countMissed();
    if (this.#start < this.room.base || (this.isFollowing && this.#total - this.#end > MAX)) this.#restart();
    const space = this.isFollowing ? Infinity : Math.max(0, MAX + CHUNK - (this.#end - this.#start));
    this.#append(Math.min(this.#total, this.#end + space));
    if (this.isFollowing && this.#end - this.#start > MAX) this.#dropTop(this.#end - this.#start - MAX + CHUNK);
    this.#drawTail();
    if (this.isFollowing) this.#toEnd();
  }

  get #total() {
    return this.room.base + this.room.records.length;
  }

  #at(number) {
    return this.room.records[number - this.room.base];
  }

  #countMissed() {
    const { records, base } = this.room;
    const before = this.missed;
    for (let i = Math.max(this.#known - base, 0); i < records.length; i++) {
      if (!this.isFollowing && records[i].kind !== 'notice' && !this.isOwn(records[i].from)) this.missed++;
    }
    this.#known = base + records.length;
    if (this.missed !== before) this.onMove();
  }

  #restart() {
    this.list.replaceChildren();
    this.#items = new WeakMap();
    this.#tail = [];
    this.#start = this.#end = Math.max(this.room.base, this.#total - CHUNK);
  }

  // Screen readers are told of single new messages, not of history.
  #quietly(isMany, work) {
    if (isMany) this.list.ariaLive = 'off';
    work();
    if (isMany) setTimeout(() => (this.list.ariaLive = 'polite'), 300);
  }

  #append(end) {
    this.#quietly(end - this.#end > 5 || this.#end === this.#start, () => {
      const isLively = end - this.#end <= 5 && this.#end > this.#start;
      while (this.#end < end) {
        this.#place(this.#at(this.#end), this.#at(this.#end - 1), isLively);
        this.#end++;
      }
    });
  }

  // Puts a record behind those before it and in front of what is on its way. One of our own that has just come back
  // is there already: mostly at its place, so that it need not move and be read out again.
  #place(record, before, isLively) {
    const { list } = this;
    if (this.#tail[0] === record) {
      this.#tail.shift();
      refresh(this.#items.get(record), record, before);
      return;
    }
    if (this.#tail.includes(record)) {
      this.#tail = this.#tail.filter((other) => other !== record);
      this.#remove(record);
    }
    const next = this.#items.get(this.#tail[0]);
    const place = next?.previousSibling?.className === 'day' ? next.previousSibling : (next ?? null);
    for (const item of this.#build(record, before, isLively)) list.insertBefore(item, place);
  }

  #build(record, before, isLively) {
    const item = build(record, before, this.isOwn(record.from), (id) => this.room.members.get(id));
    item.classList.toggle('new', isLively);
    this.#items.set(record, item);
    return startsDay(record, before) ? [buildDay(dayName(record.ts)), item] : [item];
  }

  #remove(record) {
    const item = this.#items.get(record);
    if (item?.previousSibling?.className === 'day') item.previousSibling.remove();
    item?.remove();
    this.#items.delete(record);
  }

  #drawTail() {
    const entries = this.#end === this.#total ? this.room.outbox.entries : [];
    for (const record of this.#tail) if (!entries.includes(record)) this.#remove(record);
    this.#tail = entries.slice(-MAX);
    let before = this.#at(this.#end - 1);
    for (const record of this.#tail) {
      if (this.#items.has(record)) refresh(this.#items.get(record), record, before);
      else this.list.append(...this.#build(record, before, true));
      before = record;
    }
  }

  // ---- scrolling ----

  #toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }

  #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    const below = scrollHeight - clientHeight - scrollTop;
    const wasFollowing = this.isFollowing;
    this.isFollowing = below < NEAR && this.#end === this.#total;
    if (this.isFollowing) this.missed = 0;
    if (wasFollowing !== this.isFollowing) this.onMove();
    if (scrollTop < EDGE && this.#start > this.room.base) this.#older();
    else if (below < EDGE && this.#end < this.#total) this.#newer();
  }

  #older() {
    const from = Math.max(this.room.base, this.#start - CHUNK);
    this.#keepPlace(() => {
      const items = [];
      for (let i = from; i < this.#start; i++) items.push(...this.#build(this.#at(i), this.#at(i - 1), false));
      const first = this.#at(this.#start);
      this.#remove(first); // its neighbour is known only now
      items.push(...this.#build(first, this.#at(this.#start - 1), false));
      this.list.prepend(...items);
      this.#start = from;
      if (this.#end - from > MAX) this.#dropBottom(this.#end - from - MAX);
    });
  }

  #newer() {
    this.#keepPlace(() => {
      this.#append(Math.min(this.#total, this.#end + CHUNK));
      if (this.#end - this.#start > MAX) this.#dropTop(this.#end - this.#start - MAX);
      this.#drawTail();
    });
  }

  #dropTop(count) {
    for (; count > 0; count--) this.#remove(this.#at(this.#start++));
  }

  #dropBottom(count) {
    for (const record of this.#tail) this.#remove(record);
    this.#tail = [];
    for (; count > 0; count--) this.#remove(this.#at(--this.#end));
  }

  // Changes the list without moving what the person reads.
  #keepPlace(change) {
    const top = this.list.getBoundingClientRect().top;
    const seen = [...this.list.children].find((item) => item.className !== 'day' && item.getBoundingClientRect().bottom > top);
    const before = seen?.getBoundingClientRect().top ?? 0;
    this.#quietly(true, change);
    if (seen?.isConnected) this.list.scrollTop += seen.getBoundingClientRect().top - before;
  }
}

// Shows the messages of a room: the end of a long one, and more when scrolled up.
//   room.records [ . . . . . . . ── shown ── last ]  tail: what is on its way
import { button, make } from './dom.js';
import { build, label, refresh, showReactions, startsDay } from './message.js';
import { dayName, t } from './text.js';

const CHUNK = 100;
const MAX = 300; // items while it follows the newest message
const MOVES = 5; // comings and goings from which on they are one line
const NEAR = 60; // px from the end that count as being there

export class Log {
  isFollowing = true;
  missed = 0; // messages that came while the person looked at older ones
  called = 0; // those of them that call the person
  #items; // record → list item
  #last;
  #tail = [];
  #frame = 0;
  #height = 0;
  #divider;
  #runs = new WeakMap(); // a coming or going → those around it

  // onMove(), onTop(): all that is here is shown; me: {id, name}
  constructor(list, on) {
    Object.assign(this, { list, ...on });
    list.onkeydown = (event) => this.#onKey(event);
    list.onscroll = () => this.#onScroll();
    new ResizeObserver(() => this.#onSize()).observe(list);
    document.addEventListener('visibilitychange', () => this.#draw());
  }

  show(room) {
    this.room = room;
    this.#last = undefined;
    this.jump();
  }

  // A hidden page gets no animation frames.
  changed() {
    if (document.hidden) this.#draw();
    else this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  // Names have become ambiguous.
  relabel() {
    for (const record of this.room.records) {
      const item = this.#items.get(record);
      if (item?.isConnected) label(item, record, this.room.names);
    }
  }

  react(record) {
    const item = this.#items.get(record);
    if (item?.isConnected) showReactions(item, record, this.room, this.me);
    this.settle();
  }

  // To a message: with the keyboard from one to the next.
  goTo(pos) {
    const { room } = this;
    while (room.at(pos) && !this.#items.get(room.at(pos))?.isConnected) this.#older();
    this.#items.get(room.at(pos))?.querySelector('.more').focus();
  }

  focusLast() {
    [...this.list.querySelectorAll('li > .bubble .more')].at(-1)?.focus();
  }

  #onKey(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || !event.target.matches('.more')) return;
    event.preventDefault();
    const all = [...this.list.querySelectorAll('.more')];
    all[all.indexOf(event.target) + step]?.focus();
  }

  // A message was taken back.
  redo(record) {
    const item = this.#items.get(record);
    if (!item?.isConnected) return;
    const { records } = this.room;
    const fresh = build(record, records[records.indexOf(record) - 1], this.room, this.me);
    this.#items.set(record, fresh);
    item.replaceWith(fresh);
  }

  jump() {
    this.isFollowing = true;
    this.#draw();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const { list, room: { records, entries } } = this;
    let from = records.lastIndexOf(this.#last) + 1;
    const isLost = !from || (this.isFollowing && records.length - from > MAX);
    if (isLost) {
      list.replaceChildren();
      this.#items = new WeakMap();
      this.#tail = [];
      from = Math.max(0, records.length - CHUNK);
    }
    if (isLost || records.length - from > 5) this.#hush();
    for (let i = from; i < records.length; i++) this.#place(records[i], records[i - 1]);
    this.#last = records.at(-1);
    this.#drawTail(entries);
    if (this.isFollowing) {
      this.missed = this.called = 0;
      while (list.children.length > MAX + this.#tail.length) list.firstChild.remove();
      list.scrollTop = list.scrollHeight;
    }
    this.onMove();
  }

  // Screen readers are told of single new messages, not of history.
  #hush() {
    this.list.ariaLive = 'off';
    setTimeout(() => (this.list.ariaLive = 'polite'), 300);
  }

  // In front of the tail. One of our own mostly stands there already; moved, it would be read out again.
  #place(record, before) {
    if (record.kind !== 'notice' && !record.isOwn) this.missed++;
    if (this.#tail[0] !== record) this.#items.get(record)?.remove();
    this.#tail = this.#tail.filter((other) => other !== record);
    this.#insert(record, before, this.#items.get(this.#tail[0]));
    if (this.#items.get(record).matches('.called')) this.called++;
  }

  #insert(record, before, place = null) {
    let item = this.#items.get(record);
    if (item?.isConnected) {
      refresh(item, record, before);
    } else {
      item = build(record, before, this.room, this.me);
      item.classList.toggle('new', this.list.ariaLive !== 'off');
      this.#items.set(record, item);
      this.list.insertBefore(item, place);
      this.#fold(record, before, item);
    }
    if (record === this.room.leftOff) this.#divide(item);
    if (this.#tail.includes(record) || !startsDay(record, before)) return;
    const day = make('li', 'day', dayName(record.ts));
    day.role = 'none';
    item.before(day);
  }

  // Where one left off.
  #divide(item) {
    this.#divider?.remove();
    this.#divider = make('li', 'divider', t('newHere'));
    this.#divider.role = 'none';
    item.before(this.#divider);
  }

  // Many comings and goings in a row are one line, which opens.
  #fold(record, before, item) {
    const isMove = ({ type }) => type === 'join' || type === 'leave';
    if (!isMove(record)) return;
    let run = before && isMove(before) && this.#runs.get(before);
    if (!run || run.items.length === CHUNK) run = { join: 0, leave: 0, items: [], isOpen: false };
    this.#runs.set(record, run);
    run[record.type]++;
    run.items.push(item);
    if (run.items.length < MOVES) return;
    const show = (isOpen) => run.items.forEach((one) => (one.hidden = !isOpen));
    run.head ??= make('li', 'notice fold', button('link', () => show((run.isOpen = !run.isOpen))));
    run.head.role = 'none';
    if (!run.head.isConnected) run.items[0].before(run.head);
    run.head.firstChild.textContent = t('moves', run.join, run.leave);
    show(run.isOpen);
  }

  #drawTail(entries) {
    for (const record of this.#tail) if (!entries.includes(record)) this.#items.get(record).remove();
    this.#tail = [...entries];
    entries.forEach((entry, i) => this.#insert(entry, entries[i - 1] ?? this.#last));
  }

  // The field below has another height: that moves the end, and nobody has scrolled.
  settle() {
    if (this.isFollowing) this.list.scrollTop = this.list.scrollHeight;
  }

  #onSize() {
    this.#height = this.list.clientHeight;
    if (this.isFollowing) this.jump();
  }

  #onScroll() {
    const { scrollTop, scrollHeight, clientHeight } = this.list;
    if (clientHeight !== this.#height) return this.#onSize();
    this.isFollowing = scrollHeight - clientHeight - scrollTop < NEAR;
    if (this.isFollowing) this.missed = this.called = 0;
    else if (scrollTop < clientHeight) this.#older();
    this.onMove();
  }

  #older() {
    const { list, room: { records, isWhole } } = this;
    const end = records.findIndex((record) => this.#items.get(record)?.isConnected);
    if (end < 1) return isWhole ? this.#tellEnd() : this.onTop();
    const { scrollTop, scrollHeight } = list;
    this.#hush();
    if (list.firstChild.className === 'day') list.firstChild.remove();
    const { firstChild } = list;
    for (let i = Math.max(0, end - CHUNK); i < end; i++) this.#insert(records[i], records[i - 1], firstChild);
    this.#insert(records[end], records[end - 1]);
    list.scrollTop = scrollTop + list.scrollHeight - scrollHeight;
  }

  // More of it has come, or there is none.
  past() {
    this.#older();
  }

  #tellEnd() {
    if (this.list.firstChild.classList.contains('end')) return;
    this.list.prepend(make('li', 'notice end', t('noOlder')));
  }
}

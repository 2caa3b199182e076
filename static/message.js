// The list item of one record: a bubble, or a quiet line.
import { avatar, button, make, paint } from './dom.js';
import { isBig, markup } from './markup.js';
import { dayOf, t, tNodes, time } from './text.js';

const GROUP_TIME = 300000; // ms between messages of one person that stand together
export const startsDay = (record, before) => !before || dayOf(before.ts) !== dayOf(record.ts);

const isGrouped = (record, before) =>
  !startsDay(record, before) && record.ts - before.ts < GROUP_TIME &&
  ['kind', 'from', 'to', 'name'].every((key) => before[key] === record[key]);

// What changes while an item is shown: its neighbours, its time, whether it is sent.
export function refresh(item, record, before) {
  item.classList.toggle('grouped', isGrouped(record, before));
  const clock = item.querySelector('time');
  if (!clock) return;
  clock.textContent = time(record.ts);
  const state = record.state === 'doubt' ? 'sending' : record.state;
  if (!state || item.dataset.state === state) return;
  item.dataset.state = state;
  item.querySelector('.state').textContent = t(state);
  if (state === 'failed') item.lastChild.append(again(record));
}

// The text goes back to the field.
function again(record) {
  return button('link', ({ target }) => tell(target, 'again', record), `${t('failed')}: ${t(...record.why)}. ${t('again')}`);
}

// Anew when two people look alike.
export function label(item, record, names) {
  if (record.kind === 'notice') item.replaceChildren(...notice(record, names));
  const author = item.querySelector('.who');
  if (!author || record.isOwn) return;
  const { name, mark } = names.split(record.from, record.name);
  author.replaceChildren(make('bdi', '', name), ...(mark ? [' ', make('small', '', mark)] : []));
}

function notice({ type, from, name, was, isOwn, words, seconds }, names) {
  if (words) return tNodes(...words);
  if (type === 'slow') return tNodes(seconds ? 'slowOn' : 'slowOff', names.who(from, name), seconds);
  return tNodes(type, isOwn ? t('you') : names.who(from, type === 'rename' ? was : name), names.who(from, name));
}

// Those of a message, each with how many gave it. The focus stays.
export function showReactions(item, { pos, reactions }, room, me) {
  const row = item.querySelector('.reacts');
  const had = row?.contains(document.activeElement) && document.activeElement.dataset.emoji;
  row?.replaceChildren(...Object.entries(reactions ?? {}).filter(([, ids]) => ids.length).map(([emoji, ids]) => {
    const on = ids.includes(me.id);
    const node = button('', ({ target }) => tell(target, 'react', { pos, emoji, on: !on }), `${emoji} ${ids.length}`);
    node.ariaPressed = String(on);
    node.dataset.emoji = emoji;
    node.title = ids.slice(0, 20).map((id) => room.who(id)).join(', ');
    return node;
  }));
  if (had) ([...row.children].find(({ dataset }) => dataset.emoji === had) ?? item.querySelector('.more')).focus();
}

const wordsOf = ({ text, data, retracted, isOwn }, mine) =>
  retracted ? [t('retracted')] : text || data === undefined ? markup(text, isOwn ? '' : mine) : [make('code', '', JSON.stringify(data))];

function speech(record, room, me) {
  const { kind, from, to, name, text, re, retracted, isOwn } = record;
  const item = make('li', `${isOwn ? 'own' : 'other'} ${kind}`);
  if (retracted) item.classList.add('retracted');
  const author = make('b', 'who', isOwn ? t('you') : '');
  author.title = t('client', from);
  const words = make('div', isBig(text) ? 'text big' : 'text', ...wordsOf(record, me.name));
  words.dir = 'auto';
  const bubble = make('div', 'bubble', author);
  if (kind === 'direct') bubble.append(make('small', '', ...(isOwn ? tNodes('to', room.who(to)) : [t('onlyYou')])));
  if (words.querySelector('mark')) item.classList.add('called');
  if (re) bubble.append(button('quote', ({ target }) => tell(target, 'goto', re), room.quote(re))); // leads to what it answers
  bubble.append(words, ...(isLong(text) ? [unfold(words)] : []), make('span', 'meta', more(record), make('time', ''), make('span', 'state')),
    make('div', 'reacts'));
  showReactions(bubble, record, room, me);
  paint(item, from);
  item.append(...(isOwn ? [] : [avatar(from, name)]), bubble);
  return item;
}

const tell = (node, type, detail) => node.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));

// What may be done about a message or a person. Tab passes by: from the field, the arrows lead to those of messages.
export function more(about) {
  const node = button('more', ({ target }) => tell(target, 'more', about), '⋯');
  node.ariaLabel = node.title = t('menu');
  node.tabIndex = -1;
  return node;
}

const isLong = (text) => text.length > 1500 || text.split('\n').length > 20;

function unfold(words) {
  words.classList.add('folded');
  return button('link', ({ target }) => {
    words.classList.remove('folded');
    target.remove();
  }, t('unfold'));
}

// me: {id, name}
export function build(record, before, room, me) {
  const item = record.kind === 'notice' ? make('li', 'notice') : speech(record, room, me);
  label(item, record, room.names);
  if (record.from) item.title = t('client', record.from);
  item.role = 'none'; // in a log, "list with 300 items" would only be in the way
  refresh(item, record, before);
  return item;
}

// The list item of one record: a bubble, or a quiet line.
import { avatar, button, make, paint } from './dom.js';
import { dayOf, t, time, who } from './text.js';

const GROUP_TIME = 300000; // ms between messages of one person that stand together
const LINK = /\bhttps?:\/\/[^\s<>"'`“”‘’«»（）《》，。；！？、]+/giu;

// Punctuation behind an address belongs to the sentence.
function trim(link) {
  const short = link.replace(/[.,:;!?*_~\]}]+$/, '');
  const isOdd = short.endsWith(')') && short.split(')').length > short.split('(').length;
  return isOdd ? trim(short.slice(0, -1)) : short;
}

export function linkify(text) {
  const nodes = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(LINK)) {
    const href = trim(match);
    const link = Object.assign(make('a', '', href), { href, target: '_blank', rel: 'noopener noreferrer' });
    nodes.push(text.slice(end, index), link);
    end = index + href.length;
  }
  return [...nodes, text.slice(end)];
}

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
  const event = new CustomEvent('again', { bubbles: true, detail: record });
  return button('link', ({ target }) => target.dispatchEvent(event), `${t('failed')}: ${record.why}. ${t('again')}`);
}

function speech(record, isOwn, nameOf) {
  const { kind, from, to, name, text } = record;
  const item = make('li', `${isOwn ? 'own' : 'other'} ${kind}`);
  const author = make('b', 'who', isOwn ? t('you') : who(from, name));
  author.title = t('client', from);
  const words = make('div', 'text', ...linkify(text));
  words.dir = 'auto';
  const bubble = make('div', 'bubble', author);
  if (kind === 'direct') bubble.append(make('small', '', isOwn ? t('to', who(to, nameOf(to))) : t('onlyYou')));
  bubble.append(words, make('span', 'meta', make('time', ''), make('span', 'state')));
  paint(item, from);
  item.append(...(isOwn ? [] : [avatar(from, name)]), bubble);
  return item;
}

export function build(record, before, isOwn, nameOf) {
  const isNotice = record.kind === 'notice';
  const item = isNotice ? make('li', 'notice', record.text) : speech(record, isOwn, nameOf);
  if (record.from) item.title = t('client', record.from);
  item.role = 'none'; // in a log, "list with 300 items" would only be in the way
  refresh(item, record, before);
  return item;
}

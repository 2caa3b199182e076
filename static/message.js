// Builds the list item of one record: a bubble, or a quiet line.
import { avatar, button, make, paint } from './dom.js';
import { dayOf, fullTime, t, time, who } from './text.js';

const GROUP_TIME = 5 * 60000; // ms between messages of one person that stand together
const LONG_CHARS = 1500; // a longer text is folded
const LONG_LINES = 20;

const LINK = /\bhttps?:\/\/[^\s<>"'`“”‘’«»（）《》，。；！？、]+/giu;
const TRAILING = /[.,:;!?*_~]+$/;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:[\u200d\ufe0f\p{Emoji_Modifier}\p{Extended_Pictographic}])*\s*){1,3}$/u;

// Cuts what belongs to the sentence off the end of an address: punctuation, and a bracket opened before it.
function trimLink(link) {
  for (;;) {
    const shorter = link.replace(TRAILING, '');
    const isOdd = shorter.endsWith(')') && shorter.split(')').length > shorter.split('(').length;
    const next = isOdd || shorter.endsWith(']') || shorter.endsWith('}') ? shorter.slice(0, -1) : shorter;
    if (next === link) return link;
    link = next;
  }
}

function anchor(text) {
  const link = make('a', '', text);
  link.href = text;
  link.target = '_blank';
  link.rel = 'noopener noreferrer';
  return link;
}

// The text as nodes, with http and https addresses as links.
export function linkify(text) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const link = trimLink(match[0]);
    if (!URL.canParse?.(link)) continue;
    nodes.push(text.slice(end, match.index), anchor(link));
    end = match.index + link.length;
  }
  nodes.push(text.slice(end));
  return nodes;
}

const isSpeech = (record) => record.kind !== 'notice';

export function startsDay(record, before) {
  return !before || dayOf(before.ts) !== dayOf(record.ts);
}

function isGrouped(record, before) {
  return Boolean(before) && isSpeech(record) && before.kind === record.kind && before.from === record.from &&
    before.to === record.to && before.name === record.name && record.ts - before.ts < GROUP_TIME && !startsDay(record, before);
}

// The parts of an item that change while it is shown: its neighbours, its time, whether it is sent.
export function refresh(item, record, before) {
  item.classList.toggle('grouped', isGrouped(record, before));
  if (!isSpeech(record)) return;
  const clock = item.querySelector('time');
  clock.textContent = time(record.ts);
  clock.dateTime = new Date(record.ts).toISOString();
  clock.title = fullTime(record.ts);
  if (record.state === undefined || item.dataset.state === record.state) return;
  const state = record.state === 'doubt' ? 'sending' : record.state;
  item.dataset.state = state;
  item.querySelector('.state').textContent = t(state);
  item.querySelector('.failure')?.remove();
  if (state === 'failed') item.append(failure(record));
}

function failure(record) {
  const act = (name) => (event) =>
    event.target.dispatchEvent(new CustomEvent('outbox', { bubbles: true, detail: { act: name, record } }));
  return make('span', 'failure', `${t('failed')}: ${record.why}`, button('link', t('again'), act('retry')),
    button('link', t('discard'), act('discard')));
}

function speech(record, isOwn, nameOf) {
  const item = make('li', isOwn ? 'own' : 'other');
  const author = make('b', 'who', isOwn ? t('youSay') : who(record.from, record.name));
  author.title = t('client', record.from);
  const text = make('div', 'text', ...linkify(record.text));
  text.dir = 'auto';
  const meta = make('span', 'meta', make('time'));
  if (record.state !== undefined) meta.append(make('span', 'state'));
  const bubble = make('div', 'bubble', author);
  if (record.kind === 'direct') {
    const label = isOwn ? t('to', who(record.to, nameOf(record.to))) : t('onlyYou');
    bubble.append(make('span', 'private', label));
    item.classList.add('direct');
  }
  bubble.append(text, meta);
  if (ONLY_EMOJI.test(record.text)) item.classList.add('jumbo');
  if (record.text.length > LONG_CHARS || record.text.split('\n').length > LONG_LINES) fold(item, bubble);
  paint(item, record.from);
  if (!isOwn) item.append(avatar(record.from, record.name));
  item.append(bubble);
  return item;
}

function fold(item, bubble) {
  item.classList.add('long');
  const more = button('link', t('showAll'), () => {
    item.classList.remove('long');
    more.remove();
  });
  bubble.append(more);
}

// nameOf(id): the name of somebody in the room, or nothing
export function build(record, before, isOwn, nameOf) {
  const item = isSpeech(record) ? speech(record, isOwn, nameOf) : make('li', 'notice', record.text);
  // In a log, screen readers read the items one by one; "list with 300 items" would only be in the way.
  item.role = 'none';
  if (record.title) item.title = record.title;
  refresh(item, record, before);
  return item;
}

export function buildDay(text) {
  const item = make('li', 'day', make('span', '', text));
  item.role = 'none';
  return item;
}

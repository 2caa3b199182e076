// The sidebar: rooms to go to, and who is here.
import { $, avatar, button, make } from './dom.js';
import { more } from './message.js';
import { roomLabel, visible } from './names.js';
import { LOBBY, cleanName } from './protocol.js';
import { site, tab } from './store.js';
import { language, t } from './text.js';

const ROOMS = 12; // remembered
const MANY = 8; // people from whom on there is a filter

export const roomLink = (name) => (name === LOBBY ? './' : `?room=${encodeURIComponent(name)}`);
export const roomText = () => new URLSearchParams(location.search).get('room') ?? '';
export const roomOfAddress = () => cleanName(roomText()) || LOBBY;

// [room, how many messages wait to be sent there]
export const waitingRooms = () => tab.keys().filter((key) => key.startsWith('out.'))
  .map((key) => [key.slice(4), tab.get(key, []).length]).filter(([, count]) => count);

const knownRooms = () => site.get('rooms', []).filter((name) => typeof name === 'string');

export function forgetRoom(name) {
  site.set('rooms', knownRooms().filter((other) => other !== name));
  tab.set(`room.${name}`, null);
  site.set(`seen.${name}`, null);
}

export const unread = new Map(); // room → messages that have come since one left it

export function showUnread() {
  for (const link of document.querySelectorAll('#rooms a')) {
    const count = unread.get(link.dataset.room);
    link.querySelector('.unread')?.remove();
    if (count) link.append(make('small', 'badge unread', count > 99 ? '99+' : count));
  }
  $('nav-open').classList.toggle('news', [...unread.values()].some(Boolean));
}

export function showRooms(current, onForget) {
  const waiting = new Map(waitingRooms());
  const known = [...new Set([...knownRooms(), current])].filter((name) => name !== LOBBY).slice(-ROOMS);
  site.set('rooms', known);
  $('rooms').replaceChildren(...[...new Set([LOBBY, ...known, ...waiting.keys()])].map((name) => {
    const link = Object.assign(make('a', '', '# ', make('bdi', '', roomLabel(name))), { href: roomLink(name) });
    link.dataset.room = name;
    if (name === current) link.ariaCurrent = 'page';
    else if (waiting.has(name)) link.append(make('small', 'badge', t('waits', waiting.get(name))));
    if (name === LOBBY) return make('li', '', link);
    const forget = button('forget', () => onForget(name), '✕');
    forget.ariaLabel = forget.title = t('forget', roomLabel(name));
    return make('li', '', link, forget);
  }));
  showUnread();
}

function person(me, names, id, name, onPick) {
  const { name: seen, mark } = names.split(id, name);
  const row = [avatar(id, name), make('bdi', '', seen)];
  if (id === me.id) return make('li', 'person', ...row, make('small', '', t('you')));
  if (visible(name)) row.push(make('small', '', mark || `#${id.slice(-4)}`));
  const node = button('person', () => onPick(id), ...row);
  node.title = t('writeTo', names.who(id, name));
  return make('li', '', node, more({ from: id, name }));
}

// Ada 2 comes before Ada 10.
const collator = new Intl.Collator(language, { numeric: true, sensitivity: 'base' });

// onPick(id): somebody was chosen
export function showPeople(me, { members, count, names }, onPick) {
  const filter = $('people-filter');
  filter.hidden = members.size <= MANY;
  const wanted = filter.hidden ? '' : filter.value.trim().toLowerCase();
  const rank = ([id, name]) => (id === me.id ? 0 : visible(name) ? 1 : 2);
  const order = [...members].map(([id, name]) => [id, name, visible(name)])
    .sort((a, b) => rank(a) - rank(b) || collator.compare(a[2], b[2]) || a[0] - b[0]);
  const found = order.filter(([id, name]) => names.who(id, name).toLowerCase().includes(wanted) || id.endsWith(wanted));
  const items = found.map(([id, name]) => person(me, names, id, name, onPick));
  const rest = count - members.size;
  $('people').replaceChildren(...items, ...(rest > 0 ? [make('li', 'quiet', t('more', rest))] : []));
}

// The sidebar: rooms to go to, and who is here.
import { $, avatar, button, make } from './dom.js';
import { LOBBY, cleanName } from './protocol.js';
import { roomLabel, visible } from './names.js';
import { site } from './store.js';
import { t } from './text.js';

const ROOMS = 12; // remembered
const PEOPLE = 200; // listed

export const roomLink = (name) => (name === LOBBY ? './' : `?room=${encodeURIComponent(name)}`);
export const roomOfAddress = () => cleanName(new URLSearchParams(location.search).get('room') ?? '') || LOBBY;

export function showRooms(current) {
  const known = [...new Set([...site.get('rooms', []), current])].filter((name) => name !== LOBBY).slice(-ROOMS);
  site.set('rooms', known);
  $('rooms').replaceChildren(...[LOBBY, ...known].map((name) => {
    const link = Object.assign(make('a', '', '# ', make('bdi', '', roomLabel(name))), { href: roomLink(name) });
    link.dataset.room = name;
    if (name === current) link.ariaCurrent = 'page';
    return make('li', '', link);
  }));
}

function person(me, names, id, name, onPick) {
  const { name: seen, mark } = names.split(id, name);
  const row = [avatar(id, name), make('bdi', '', seen)];
  if (id === me.id) return make('li', 'person', ...row, make('small', '', t('you')));
  if (visible(name)) row.push(make('small', '', mark || `#${id.slice(-4)}`));
  const node = button('person', () => onPick(id), ...row);
  node.title = `/msg #${id}`;
  return make('li', '', node);
}

// onPick(id): somebody was chosen
export function showPeople(me, { members, count, names }, onPick) {
  const rank = ([id, name]) => (id === me.id ? 0 : visible(name) ? 1 : 2);
  const order = [...members].sort((a, b) => rank(a) - rank(b) || a[1].localeCompare(b[1]) || a[0] - b[0]);
  const items = order.slice(0, PEOPLE).map(([id, name]) => person(me, names, id, name, onPick));
  const rest = count - items.length;
  $('people').replaceChildren(...items, ...(rest > 0 ? [make('li', 'quiet', t('more', rest))] : []));
}

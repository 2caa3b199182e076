// The sidebar: rooms to go to, and who is here.
import { $, avatar, button, make } from './dom.js';
import { LOBBY, cleanName } from './protocol.js';
import { site } from './store.js';
import { roomTitle, t, who } from './text.js';

const ROOMS = 12; // remembered
const SHOWN = 200; // people listed; more would only be slow

// ---- rooms ----

export const roomLink = (name) => (name === LOBBY ? './' : `?room=${encodeURIComponent(name)}`);

export const roomOfAddress = () => cleanName(new URLSearchParams(location.search).get('room') ?? '') || LOBBY;

function knownRooms(current) {
  const known = site.get('rooms', []).filter((name) => typeof name === 'string' && name !== LOBBY);
  if (current !== LOBBY && !known.includes(current)) known.unshift(current);
  site.set('rooms', known.slice(0, ROOMS));
  return [LOBBY, ...known.slice(0, ROOMS)];
}

export function showRooms(current) {
  $('rooms').replaceChildren(...knownRooms(current).map((name) => {
    const link = make('a', '', make('bdi', '', roomTitle(name)));
    link.href = roomLink(name);
    link.dataset.room = name;
    if (name === current) link.ariaCurrent = 'page';
    return make('li', '', link);
  }));
}

// ---- people ----

function inOrder(me, members) {
  const rank = ([id, name]) => (me.isMine(id) ? 0 : name ? 1 : 2);
  return [...members].sort((a, b) => rank(a) - rank(b) || a[1].localeCompare(b[1]) || a[0].localeCompare(b[0]));
}

function person(me, id, name, onPick) {
  const isMe = id === me.id;
  const label = make('bdi', '', who(id, name));
  const row = isMe ? make('span', 'person', avatar(id, name), label, make('small', '', t('you')))
    : button('person', avatar(id, name), () => onPick(id, name));
  if (!isMe) row.append(label, ...(name ? [make('small', '', `#${id.slice(-4)}`)] : []));
  row.title = isMe ? t('client', id) : `${t('writeTo', who(id, name))} · #${id}`;
  return make('li', '', row);
}

// onPick(id, name): somebody was chosen
export function showPeople(me, room, onPick) {
  const people = inOrder(me, room.members).slice(0, SHOWN);
  const items = people.map(([id, name]) => person(me, id, name, onPick));
  if (room.count > people.length) items.push(make('li', 'more', t('more', room.count - people.length)));
  $('people').replaceChildren(...items);
  $('people-count').textContent = room.count || '';
}

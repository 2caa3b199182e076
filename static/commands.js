// What a typed line means: a message, or a command. Whatever looks like a command is never said to the room.
import { skeleton, visible } from './names.js';
import { cleanName } from './protocol.js';

const SLASH = '[/／⁄∕]';
const LINE = new RegExp(`^[\\s\\p{Default_Ignorable_Code_Point}]*${SLASH}(${SLASH})?(\\p{L}*)\\s*([^]*)$`, 'u');

// #tea means tea.
export const roomOf = (text) => cleanName(text.trim().replace(/^[#＃]+/, ''));

// The id with these digits, or the only one that ends with them. Who is not listed may be there all the same.
function byNumber(digits, ids) {
  if (ids.includes(digits) || digits.length < 4) return digits;
  const [id = digits, ...more] = ids.filter((one) => one.endsWith(digits));
  return more.length ? undefined : id;
}

// {to, text}, or {why}. A name may contain blanks: the longest that fits wins. It may stand in quotes, as it is shown, and behind it a
// #number.
function receiver(line, { members, names }) {
  const rest = line.replace(/^[@＠]?(?:[“"](.+?)[”"])?/, '$1');
  const begins = (name) => rest.toLowerCase().startsWith(name.toLowerCase()) && /^(?:\s|$)/.test(rest.slice(name.length));
  const fits = [...members.values()].map(visible).filter((name) => name && begins(name));
  const name = fits.sort((a, b) => b.length - a.length)[0] ?? '';
  const [, digits, text] = rest.slice(name.length).match(/^\s*(?:#(\d{1,19})(?=\s|$))?\s*([^]*)$/);
  const twins = [...members].filter(([, other]) => name && skeleton(other) === skeleton(name));
  const to = digits ? byNumber(digits, [...(name ? new Map(twins) : members).keys()]) : twins[1] ? undefined : twins[0]?.[0];
  if (to) return { to, text };
  if (twins[1]) return { why: ['several', twins.map(([id, other]) => names.who(id, other)).join(', ')] };
  return { why: ['nobody', line.split(/\s/)[0]] };
}

// For how many minutes may stand behind the name.
function ban(rest, room) {
  const { text, ...what } = moderate('ban', rest, room);
  const [, minutes, reason] = text?.match(/^(\d{1,6})?\s*([^]*)$/) ?? [];
  return { ...what, seconds: minutes && minutes * 60, text: reason };
}

function moderate(act, rest, room) {
  if (!rest) return { act: 'problem', why: ['usage', act] };
  const { why, ...what } = receiver(rest, room);
  return why ? { act: 'problem', why } : { act, ...what };
}

function message(rest, room) {
  if (!rest) return { act: 'problem', why: ['whom'] };
  const { to, text, why } = receiver(rest, room);
  if (why) return { act: 'problem', why };
  return text ? { act: 'say', to, text } : { act: 'to', to };
}

// room: {members, names}. Returns {act: 'say', text, to}, {act: 'to', to}, {act: 'name' | 'room', name}, {act: 'help' | 'retract'},
// {act: 'kick' | 'ban', to, text, seconds}, {act: 'slow', seconds}, {act: 'problem', why: [for t()]}.
export function parse(line, room) {
  const [all, second, command, rest] = line.match(LINE) ?? [];
  if (all === undefined) return { act: 'say', text: line };
  if (second) return { act: 'say', text: line.slice(line.search(/[/／⁄∕]/) + 1) };
  switch (command.toLowerCase()) {
    case 'msg': return message(rest, room);
    case 'name': return { act: 'name', text: rest, name: cleanName(rest) };
    case 'room': return roomOf(rest) ? { act: 'room', text: rest, name: roomOf(rest) } : { act: 'problem', why: ['whichRoom'] };
    case 'kick': return moderate('kick', rest, room);
    case 'ban': return ban(rest, room);
    case 'slow': return /^\d{1,4}$/.test(rest) ? { act: 'slow', seconds: +rest } : { act: 'problem', why: ['usage', 'slow'] };
    case 'retract': return { act: 'retract' };
    case 'help': return { act: 'help' };
    default: return { act: 'problem', why: ['unknown', line.trim().split(/\s/)[0]] };
  }
}

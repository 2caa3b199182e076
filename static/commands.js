// What a typed line means: a message, or a command.
import { cleanName } from './protocol.js';

// #id, or a name. It may contain spaces: the longest that fits wins.
function findReceiver(rest, members) {
  const number = rest.match(/^#(\d{1,19})\s+([^]+)/);
  if (number) return { act: 'say', to: number[1], text: number[2] };
  const fits = ([, name]) => name && rest.toLowerCase().startsWith(`${name.toLowerCase()} `);
  const found = [...members].filter(fits).sort((a, b) => b[1].length - a[1].length);
  const isOne = found.length && found[0][1].length !== found[1]?.[1].length;
  if (!isOne) return { act: 'problem', why: ['nobody', rest.split(/\s/)[0] || '?'] };
  const [to, name] = found[0];
  return { act: 'say', to, text: rest.slice(name.length).trim() };
}

// Returns {act: 'say', text, to}, {act: 'name' | 'room', name}, {act: 'help'}, {act: 'problem', why: [for t()]}.
export function parse(line, members) {
  const [, command, rest] = line.match(/^\/(\w*)(?:\s+([^]*))?$/) ?? [];
  if (line.startsWith('//')) return { act: 'say', text: line.slice(1) };
  if (!line.startsWith('/')) return { act: 'say', text: line };
  if (command === 'msg') return findReceiver(rest ?? '', members);
  if (command === 'name' || command === 'room') return { act: command, name: cleanName(rest ?? '') };
  if (command === 'help') return { act: 'help' };
  return { act: 'problem', why: ['unknown', line.split(/\s/)[0]] };
}

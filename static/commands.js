// What a line typed into the field means: a message, or a command that begins with a slash.
import { cleanName } from './protocol.js';

// Finds who is meant: #id, or a name that one person here has. A name may contain spaces, so the longest that fits wins.
function findReceiver(rest, members) {
  const number = rest.match(/^#(\d{1,19})(?:\s+([^]*))?$/);
  if (number) return { to: number[1], text: number[2] ?? '' };
  let best;
  for (const [id, name] of members) {
    const fits = name && rest.toLowerCase().startsWith(name.toLowerCase()) && /^(\s|$)/.test(rest.slice(name.length));
    if (!fits || name.length < best?.name.length) continue;
    best = { name, to: id, isAmbiguous: best?.name.length === name.length, text: rest.slice(name.length).trim() };
  }
  const asked = rest.split(/\s/)[0];
  if (!best) return { problem: ['nobody', asked] };
  return best.isAmbiguous ? { problem: ['ambiguous', best.name] } : best;
}

// Returns {act, ...}: say (text, to), name, room, help, or problem (the key of a text, and its argument).
export function parse(line, members) {
  if (line.startsWith('//')) return { act: 'say', text: line.slice(1) };
  const match = line.match(/^\/(\S*)\s*([^]*)$/);
  if (!match) return { act: 'say', text: line };
  const [, command, argument] = match;
  const rest = argument.trim();
  switch (command.toLowerCase()) {
    case 'name':
      return { act: 'name', name: cleanName(rest) };
    case 'room':
      return cleanName(rest) ? { act: 'room', room: cleanName(rest) } : { act: 'problem', problem: ['usageRoom'] };
    case 'msg': {
      if (!rest) return { act: 'problem', problem: ['usageMsg'] };
      const found = findReceiver(rest, members);
      if (found.problem) return { act: 'problem', problem: found.problem };
      return found.text ? { act: 'say', text: found.text, to: found.to } : { act: 'problem', problem: ['usageMsg'] };
    }
    case 'help':
      return { act: 'help' };
    default:
      return { act: 'problem', problem: ['unknownCommand', `/${command}`] };
  }
}

// Names that the server takes.
import { graphemes } from './names.js';
import { byteLength, wellFormed } from './wschat.js';

export const LOBBY = 'lobby';
const NAME_BYTES = 64;

// A name that the server takes for a room or a person: whole characters, as many as fit.
export function cleanName(text) {
  let name = '';
  for (const char of graphemes(wellFormed(text).replace(/[\p{Cc}\u2028\u2029]/gu, ' ').trim())) {
    if (byteLength(name + char) > NAME_BYTES) break;
    name += char;
  }
  return name.trim();
}

// Bytes that a name is too long.
export const excessOfName = (text) => Math.max(0, byteLength(wellFormed(text).trim()) - NAME_BYTES);

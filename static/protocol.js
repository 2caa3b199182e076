// wschat.v1: addresses, frames, names. Ids go up to 2^63-1, more than a JavaScript number holds: they are strings here,
// quoted before parsing.
import { graphemes } from './names.js';

export const LOBBY = 'lobby';
const NAME_BYTES = 64;

const encoder = new TextEncoder();
export const byteLength = (text) => encoder.encode(text).length;

// The server refuses half a surrogate pair.
export const wellFormed = (text) => new TextDecoder().decode(encoder.encode(text));

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

// Relative to the page, which a proxy may serve below a path such as /chat/.
export function socketUrl(path, fields = {}) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const given = Object.entries(fields).filter(([, value]) => value);
  url.search = given.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join('&');
  return url.href;
}

// Inside a JSON string every quote is escaped, so this matches fields only, never somebody's text.
const ID = /"(id|from|to)":(\d{1,19})(?=[,}])/g;

export const parseFrame = (data) => JSON.parse(data.replace(ID, '"$1":"$2"'));

export function sayFrame({ text, to, ref }) {
  const rest = JSON.stringify({ text: wellFormed(text), ref }).slice(1);
  return `{"type":"say",${to ? `"to":${to},` : ''}${rest}`;
}

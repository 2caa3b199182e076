// The subprotocol wschat.v1: addresses, frames, and the rules for names. Pure functions, no state.
//
// Ids are strings everywhere in this page. On the wire they are JSON numbers up to 2^63-1, more than a JavaScript
// number can hold exactly, so long ones are quoted before parsing and written digit by digit.

export const PROTOCOL = 'wschat.v1';
export const LOBBY = 'lobby';
export const NAME_BYTES = 64;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const byteLength = (text) => encoder.encode(text).length;

// Half a surrogate pair cannot be written in UTF-8, and the server refuses its escape.
export const wellFormed = (text) => decoder.decode(encoder.encode(text));

// Cuts a room's or a person's name down to what the server takes: no control characters, at most 64 bytes of UTF-8.
export function cleanName(text) {
  let name = '';
  let bytes = 0;
  for (const char of wellFormed(text)) {
    if (/\p{Cc}/u.test(char)) continue;
    bytes += byteLength(char);
    if (bytes > NAME_BYTES) break;
    name += char;
  }
  return name.trim();
}

// The address of the chat for this page, also when a proxy serves the page below a path such as /chat/.
export function socketUrl(path, params = {}) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  url.search = Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&');
  return url.href;
}

// A quote inside a JSON string is always escaped, so this pattern can only match a field, never somebody's text.
const LONG_ID = /"(id|from|to)":(\d{16,19})(?=[,}])/g;

export function parseFrame(data) {
  const frame = JSON.parse(data.replace(LONG_ID, '"$1":"$2"'));
  for (const field of ['id', 'from', 'to']) {
    if (frame[field] !== undefined) frame[field] = String(frame[field]);
  }
  for (const member of frame.members ?? []) member.id = String(member.id);
  return frame;
}

export function sayFrame({ text, to, ref }) {
  const head = to === undefined ? '{"type":"say",' : `{"type":"say","to":${to},`;
  return head + JSON.stringify({ text: wellFormed(text), ref }).slice(1);
}

export const renameFrame = (name) => JSON.stringify({ type: 'rename', name });

// The wire view: the frames of this page as they go over the wire, for people who want to see how WebSocket works.
import { $, make } from './dom.js';
import { byteLength } from './protocol.js';
import { exactTime, t } from './text.js';

const KEEP = 200;
const BRIEF = 160; // characters of payload in the list
const FULL = 5000;

// The bytes of a frame's header (RFC 6455, 5.2). A client's frames are masked; the mask is the browser's secret.
function header(opcode, length, isMasked) {
  const mask = isMasked ? 0x80 : 0;
  const bytes = [0x80 | opcode];
  if (length < 126) {
    bytes.push(mask | length);
  } else if (length < 65536) {
    bytes.push(mask | 126, length >> 8, length & 255);
  } else {
    bytes.push(mask | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((shift) => (length >> shift) & 255));
  }
  return bytes;
}

const hex = (byte) => byte.toString(16).padStart(2, '0');
const bits = (byte) => byte.toString(2).padStart(8, '0');

// The key of the seat is a secret: whoever sees it can take the seat.
const conceal = (text) => text.replace(/([?&]key=)[^&]*/, '$1•••').replace(/("key":")[^"]*/, '$1•••');

function headerLine(opcode, length, isMasked) {
  const bytes = header(opcode, length, isMasked);
  const line = make('code', 'header', ...bytes.map((byte, i) => {
    const chip = make('span', i === 0 ? 'op' : 'len', hex(byte));
    chip.title = bits(byte);
    return chip;
  }));
  if (isMasked) {
    const chip = make('span', 'mask', '?? ?? ?? ??');
    chip.title = t('mask');
    line.append(chip);
  }
  return line;
}

function explain(opcode, length, isMasked) {
  const form = length < 126 ? '7' : length < 65536 ? '7+16' : '7+64';
  return `FIN 1 · RSV 000 · opcode 0x${opcode.toString(16)} · MASK ${isMasked ? 1 : 0} · length ${length} (${form} bit)`;
}

function frameRow({ direction, kind, payload, at }) {
  const isOut = direction === 'out';
  const opcode = kind === 'close' ? 8 : 1;
  const length = kind === 'close' ? (payload ? 2 + byteLength(payload.slice(5)) : 0) : byteLength(payload);
  const text = conceal(payload);
  const brief = make('summary', '', make('b', 'arrow', isOut ? '↑' : '↓'), make('span', 'kind', kind),
    make('span', 'size', t('bytes', length)), make('time', '', exactTime(at)), make('code', 'brief', text.slice(0, BRIEF)));
  brief.querySelector('.arrow').ariaLabel = t(isOut ? 'sentBy' : 'got');
  const row = make('details', direction, brief);
  row.addEventListener('toggle', () => {
    if (row.children.length > 1) return;
    row.append(headerLine(opcode, length, isOut), make('p', '', explain(opcode, length, isOut)),
      make('code', 'full', text.slice(0, FULL)));
  });
  return row;
}

// The handshake is HTTP, not a frame.
function openRow({ direction, payload, at }) {
  const url = direction === 'out' ? new URL(payload) : null;
  const lines = url
    ? `GET ${conceal(url.pathname + url.search)} HTTP/1.1\nHost: ${url.host}\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: …\nSec-WebSocket-Protocol: wschat.v1`
    : `HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\nSec-WebSocket-Accept: …\nSec-WebSocket-Protocol: ${payload}`;
  const brief = make('summary', '', make('b', 'arrow', url ? '↑' : '↓'), make('span', 'kind', 'http'), make('span', 'size'),
    make('time', '', exactTime(at)), make('code', 'brief', lines.split('\n')[0]));
  return make('details', direction, brief, make('code', 'full', lines));
}

export class WireView {
  #frames = [];
  #isShown = () => false;

  constructor() {
    $('wire-clear').onclick = () => {
      this.#frames = [];
      this.draw();
    };
  }

  // isShown(): is anybody looking? Rows are made only then.
  shownWhen(isShown) {
    this.#isShown = isShown;
  }

  record(direction, kind, payload) {
    const frame = { direction, kind, payload, at: Date.now() };
    this.#frames.push(frame);
    if (this.#frames.length > KEEP) this.#frames.shift();
    if (this.#isShown()) this.#append(frame);
  }

  draw() {
    $('frames').replaceChildren();
    for (const frame of this.#frames) this.#append(frame);
  }

  #append(frame) {
    const list = $('frames');
    const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    list.append(make('li', '', frame.kind === 'open' ? openRow(frame) : frameRow(frame)));
    if (list.children.length > KEEP) list.firstChild.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  }
}

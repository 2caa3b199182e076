// The wire view: the frames of this page's WebSocket, for learners.
import { $, make } from './dom.js';
import { byteLength } from './wschat.js';

const KEEP = 200;

// RFC 6455, 5.2. The mask is the browser's secret.
function header(opcode, length, isMasked) {
  const extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const bytes = [128 + opcode, (isMasked ? 128 : 0) + (extra ? 125 + Math.ceil(extra / 4) : length)];
  for (let i = extra - 1; i >= 0; i--) bytes.push(Math.floor(length / 256 ** i) % 256);
  const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return `${hex}${isMasked ? ' ?? ?? ?? ??' : ''}\nFIN 1, opcode ${opcode}, MASK ${isMasked ? 1 : 0}, length ${length}`;
}

// Whoever sees the key can take the seat.
const conceal = (text) => text.replace(/("(?:key|token)":")[^"]*/g, '$1…');

function row({ direction, kind, payload, at }) {
  const isOut = direction === 'out';
  const length = byteLength(payload) - (kind === 'close' ? 2 : 0); // four digits and a space stand for two bytes
  const text = conceal(payload);
  const clock = new Date(at).toTimeString().slice(0, 8);
  const brief = make('summary', '', make('b', '', isOut ? '↑' : '↓'), ` ${kind} `,
    make('span', 'quiet', kind === 'http' ? '' : `${length} B`), make('time', 'quiet', clock), make('code', '', text));
  const head = kind === 'http' ? '' : make('code', 'head', header(kind === 'close' ? 8 : 1, length, isOut));
  return make('li', '', make('details', direction, brief, head, make('code', '', text)));
}

export class WireView {
  #frames = [];
  isShown = () => false; // rows are made only for somebody who looks

  record(direction, kind, payload) {
    this.#frames.push({ direction, kind, payload, at: Date.now() });
    if (this.#frames.length > KEEP) this.#frames.shift();
    if (this.isShown()) this.#append(this.#frames.at(-1));
  }

  draw() {
    $('frames').replaceChildren();
    this.#frames.forEach((frame) => this.#append(frame));
  }

  #append(frame) {
    const list = $('frames');
    list.prepend(row(frame));
    if (list.children.length > KEEP) list.lastChild.remove();
  }
}

// The wire view: the frames of this page's WebSocket, byte by byte, for learners. Pings and pongs are what the server tells of.
import { $, button, make, put } from './dom.js';
import { t } from './text.js';

const KEEP = 200;
const SHOWN = 40; // bytes of a payload, until all are copied
const OPCODES = { text: 1, close: 8, ping: 9, pong: 10 };
const encoder = new TextEncoder();
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');

// Whoever sees the key can take the seat. It keeps its length.
const conceal = (text) => text.replace(/("(?:key|token)":")([^"]*)/g, (_, name, secret) => name + '*'.repeat(secret.length));

// RFC 6455, 5.2: [bytes, section, words] of each part; the last one may be no bytes of the frame, but what they mean.
function parts({ opcode, payload, isMasked }) {
  const { length } = payload;
  const form = length < 126 ? length : length < 65536 ? 126 : 127;
  const size = Array.from({ length: { 126: 2, 127: 8 }[form] ?? 0 }, (_, i) => Math.floor(length / 256 ** ((form === 126 ? 1 : 7) - i)) % 256);
  const mask = isMasked ? crypto.getRandomValues(new Uint8Array(4)) : [];
  const bits = (byte, ...cuts) => cuts.map(([from, to]) => byte.toString(2).padStart(8, '0').slice(from, to)).join(' ');
  const second = (isMasked ? 128 : 0) + form;
  const words = payload.length > 1 && opcode === 8 ? t('closeCode', payload[0] * 256 + payload[1]) : t('payload', length);
  return [
    [[128 + opcode], '5.2', `${bits(128 + opcode, [0, 1], [1, 4], [4, 8])} · FIN 1, RSV 000, opcode ${opcode}`],
    [[second], '5.2', `${bits(second, [0, 1], [1, 8])} · MASK ${+isMasked}, ${t(size.length ? 'lengthForm' : 'length', form, size.length)}`],
    [size, '5.2', t('length', length)],
    [mask, '5.3', t('maskKey')],
    [payload.map((byte, i) => byte ^ (mask[i % 4] ?? 0)), isMasked ? '5.3' : '5.6', isMasked ? t('masked') : words],
    ...(isMasked ? [[payload, '5.6', words]] : []),
  ].filter(([bytes]) => bytes.length);
}

function line([bytes, section, words], i) {
  const link = Object.assign(make('a', '', `§\xa0${section}`), { href: `https://www.rfc-editor.org/rfc/rfc6455#section-${section}`, target: '_blank', rel: 'noreferrer' });
  const code = make('code', '', bytes.length > 8 ? `${hex(bytes.slice(0, 8))} …` : hex(bytes));
  return make('li', `part p${i}`, code, words, ' ', link);
}

function anatomy(frame) {
  const list = parts(frame);
  const code = make('code', 'bytes');
  const show = (max) => code.replaceChildren(...list.slice(0, frame.isMasked && frame.payload.length ? -1 : undefined).flatMap(([bytes], i) =>
    [make('span', `p${i}`, hex(bytes.slice(0, max)) + (bytes.length > max ? ' …' : '')), ' ']));
  show(SHOWN);
  const copy = button('link', () => {
    show();
    getSelection().selectAllChildren(code);
    copy.textContent = t(document.execCommand('copy') ? 'copied' : 'noCopy');
  }, t('copyHex'));
  return [code, copy, make('ul', '', ...list.map(line)), ...(frame.isMasked ? [make('p', '', t('ownMask'))] : [])];
}

// What stands before the first frame. The browser keeps its keys to itself: this is the example of the RFC.
function handshake(url) {
  const { host, pathname, search } = new URL(url);
  const both = 'Connection: Upgrade\nUpgrade: websocket\n';
  const protocol = 'Sec-WebSocket-Protocol: wschat.v1';
  return [
    make('code', 'p4', `GET ${pathname}${search} HTTP/1.1\nHost: ${host}\nOrigin: ${location.origin}\n${both}Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n${protocol}`),
    make('code', 'p1', `HTTP/1.1 101 Switching Protocols\n${both}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n${protocol}`),
    make('ul', '', line([[], '4.2.2', 'Accept = base64(SHA-1(Key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))'], 1)),
    make('p', '', t('ownKey')),
  ];
}

// Codes that are no bytes: the browser's own words for "there was no Close".
const isSilent = (payload) => /^10(05|06|15)/.test(payload);

function payloadOf({ kind, payload, count }) {
  if (count) return Uint8Array.from(payload.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  if (kind !== 'close') return encoder.encode(conceal(payload));
  const [, code, reason] = payload.match(/^(\d+) ?([^]*)/);
  return Uint8Array.of(code >> 8, code & 255, ...encoder.encode(reason));
}

function inside(frame) {
  const { direction, kind, payload } = frame;
  if (kind === 'http') return handshake(payload);
  if (kind === 'close' && isSilent(payload)) return [make('p', '', t('noClose'))];
  return anatomy({ opcode: OPCODES[kind], payload: payloadOf(frame), isMasked: direction === 'out' });
}

function row(frame) {
  const { direction, kind, payload, at, count } = frame;
  const isBytes = kind !== 'http' && !(kind === 'close' && isSilent(payload));
  const size = (isBytes ? `${payloadOf(frame).length} B` : '') + (count ? ` · ${t('told', count)}` : '');
  const clock = new Date(at).toTimeString().slice(0, 8);
  const text = conceal(payload);
  const brief = make('summary', '', make('b', '', direction === 'out' ? '↑' : '↓'), ` ${kind} `,
    make('span', 'quiet', size), make('time', 'quiet', clock), make('code', '', text));
  const details = make('details', direction, brief, make('code', '', text));
  details.ontoggle = () => {
    details.ontoggle = undefined;
    brief.after(...inside(frame));
  };
  return make('li', '', details);
}

export class WireView {
  #frames = [];
  #isPaused = false;
  isShown = () => false; // rows are made only for somebody who looks

  constructor() {
    $('wire-filter').oninput = () => this.draw();
    $('pause').onclick = () => {
      this.#isPaused = !this.#isPaused;
      put('pause', t(this.#isPaused ? 'resume' : 'pause'));
      if (!this.#isPaused) this.draw();
    };
  }

  // count: of frames that the server tells of; their payload is in hex
  record(direction, kind, payload, count) {
    this.#frames.push({ direction, kind, payload, count, at: Date.now() });
    if (this.#frames.length > KEEP) this.#frames.shift();
    if (this.isShown() && !this.#isPaused) this.#append(this.#frames.at(-1));
  }

  draw() {
    $('frames').replaceChildren();
    this.#frames.forEach((frame) => this.#append(frame));
  }

  #append(frame) {
    const list = $('frames');
    const wanted = $('wire-filter').value.toLowerCase();
    if (!`${frame.kind} ${conceal(frame.payload)}`.toLowerCase().includes(wanted)) return;
    list.prepend(row(frame));
    if (list.children.length > KEEP) list.lastChild.remove();
  }
}

// A WebSocket client of the tests' own (RFC 6455), for the others in a room: no Origin, text frames, whole messages.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

const TEXT = 1;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

let lastId = 1700000000000;

class Peer {
  lines = []; // text messages as they came
  closed; // the close code, once there is one
  #bytes = Buffer.alloc(0);

  constructor(id, socket) {
    Object.assign(this, { id: String(id), socket });
    socket.on('error', () => {});
  }

  // Of a wschat.v1 connection.
  get frames() {
    return this.lines.map((line) => JSON.parse(line));
  }

  ofType(type) {
    return this.frames.filter((frame) => frame.type === type);
  }

  get said() {
    return this.ofType('message').map(({ text }) => text);
  }

  onLine(line) {
    this.lines.push(line);
  }

  say(...texts) {
    this.send(...texts.map((text) => JSON.stringify({ type: 'say', text })));
  }

  send(...lines) {
    this.socket.write(Buffer.concat(lines.map((line) => encode(TEXT, Buffer.from(line)))));
  }

  close() {
    this.socket.write(encode(CLOSE, Buffer.from([1000 >> 8, 1000 & 255])));
  }

  async handshake(path, protocol) {
    const { socket } = this;
    const key = randomBytes(16).toString('base64');
    const lines = [`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${socket.remotePort}`, 'Connection: Upgrade', 'Upgrade: websocket',
      `Sec-WebSocket-Key: ${key}`, 'Sec-WebSocket-Version: 13'];
    if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    await new Promise((resolve, reject) => {
      socket.on('close', () => reject(new Error(`no WebSocket at ${path}: ${this.#bytes}`)));
      socket.on('data', (chunk) => {
        this.#bytes = Buffer.concat([this.#bytes, chunk]);
        if (this.isOpen || this.#takeHead()) this.#takeFrames();
        if (this.isOpen) resolve();
      });
    });
  }

  #takeHead() {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    this.isOpen = this.#bytes.toString('latin1').startsWith('HTTP/1.1 101');
    if (this.isOpen) this.#bytes = this.#bytes.subarray(end + 4);
    return this.isOpen;
  }

  #takeFrames() {
    for (;;) {
      const frame = decode(this.#bytes);
      if (!frame) return;
      this.#bytes = this.#bytes.subarray(frame.size);
      if (frame.opcode === TEXT) this.onLine(frame.payload.toString());
      if (frame.opcode === PING) this.socket.write(encode(PONG, frame.payload));
      if (frame.opcode === CLOSE) this.closed = frame.payload.readUInt16BE();
    }
  }
}

function encode(opcode, payload) {
  const { length } = payload;
  const mask = randomBytes(4);
  const extra = length < 126 ? 0 : length < 65536 ? 2 : 8;
  const head = Buffer.alloc(2 + extra);
  head[0] = 128 + opcode;
  head[1] = 128 + (extra === 0 ? length : extra === 2 ? 126 : 127);
  if (extra === 2) head.writeUInt16BE(length, 2);
  if (extra === 8) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i % 4])]);
}

// One whole unmasked frame at the beginning of the bytes, if it is there.
function decode(bytes) {
  if (bytes.length < 2) return undefined;
  const short = bytes[1];
  const extra = short < 126 ? 0 : short === 126 ? 2 : 8;
  const begin = 2 + extra;
  if (bytes.length < begin) return undefined;
  const length = extra === 0 ? short : extra === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const size = begin + length;
  return bytes.length < size ? undefined : { opcode: bytes[0] & 15, payload: bytes.subarray(begin, size), size };
}

// A WebSocket to any server.
export async function dial(port, path, id, protocol) {
  const socket = net.connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.setNoDelay();
  const peer = new Peer(id, socket);
  await peer.handshake(path, protocol);
  return peer;
}

// protocol: 'wschat.v1', or undefined for plain text; query: fields of the address
export function connect(port, { id = ++lastId, protocol, ...query } = {}) {
  const fields = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return dial(port, `/ws/${id}${fields.length ? '?' : ''}${fields.join('&')}`, id, protocol);
}

// The tutorial's room on Node.js with `ws`. Each message is framed once, and the same bytes are written to
// every receiver: what the library itself would do for each of them anew.
//
//   node ws_room.js           plain text, no compression
//   node ws_room.js deflate   JSON, compressed by the library: for each receiver, with what it got before
//   node ws_room.js once      JSON, compressed by itself and written to every receiver
'use strict';
const http = require('node:http');
const zlib = require('node:zlib');
const { WebSocketServer, Sender } = require('ws');

const kind = process.argv[2];
const isPacked = kind === 'deflate' || kind === 'once';
const room = new Set();
let position = 0;

function frame(text, rsv1 = false) {
  const options = { fin: true, opcode: 1, mask: false, rsv1, readOnly: true };
  return Buffer.concat(Sender.frame(Buffer.from(text), options));
}

function broadcast(text, except) {
  const bytes = frame(text);
  for (const other of room) {
    if (other !== except) other._socket.write(bytes);
  }
}

// Without the 00 00 FF FF at its end (RFC 7692, 7.2.1).
function pack(text) {
  return zlib.deflateRawSync(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

function say(id, text) {
  position += 1;
  const json = JSON.stringify({
    type: 'message', pos: `78332ebfe2f5e126-${position}`, ts: Date.now(), from: id, name: '', text,
  });
  if (kind === 'deflate') {
    for (const other of room) other.send(json);
    return;
  }
  const bytes = frame(pack(json), true);
  for (const other of room) other._socket.write(bytes);
}

function enter(socket, id) {
  room.add(socket);
  socket.on('message', (data) => {
    const text = data.toString();
    if (isPacked) {
      say(Number(id), JSON.parse(text).text);
      return;
    }
    socket._socket.write(frame(`You wrote: ${text}`));
    broadcast(`Client #${id} says: ${text}`, socket);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    room.delete(socket);
    if (!isPacked) broadcast(`Client #${id} left the chat`);
  });
}

function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
}

const server = http.createServer();
const sockets = new WebSocketServer({
  server,
  perMessageDeflate: isPacked && { threshold: 0, serverNoContextTakeover: kind === 'once' },
  maxPayload: 32 << 20,
});
sockets.on('connection', (socket, request) => {
  const match = /^\/ws\/(\d+)/.exec(request.url);
  if (match) enter(socket, match[1]);
  else echo(socket);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.error(`ws: listening on http://127.0.0.1:${server.address().port}/`);
});

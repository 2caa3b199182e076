// The tutorial's room on Node.js with `ws`. Each message is framed once, and the same bytes are written to
// every receiver: what the library itself would do for each of them anew.
'use strict';
const http = require('node:http');
const { WebSocketServer, Sender } = require('ws');

const room = new Set();

function frame(text) {
  const options = { fin: true, opcode: 1, mask: false, rsv1: false, readOnly: true };
  return Buffer.concat(Sender.frame(Buffer.from(text), options));
}

function broadcast(text, except) {
  const bytes = frame(text);
  for (const other of room) {
    if (other !== except) other._socket.write(bytes);
  }
}

function enter(socket, id) {
  room.add(socket);
  socket.on('message', (data) => {
    const text = data.toString();
    socket._socket.write(frame(`You wrote: ${text}`));
    broadcast(`Client #${id} says: ${text}`, socket);
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    room.delete(socket);
    broadcast(`Client #${id} left the chat`);
  });
}

function echo(socket) {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
}

const server = http.createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, maxPayload: 32 << 20 });
sockets.on('connection', (socket, request) => {
  const match = /^\/ws\/(\d+)/.exec(request.url);
  if (match) enter(socket, match[1]);
  else echo(socket);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.error(`ws: listening on http://127.0.0.1:${server.address().port}/`);
});

// The tutorial's room on Bun: topics of its server, which is uWebSockets inside.
//
//   bun bun_room.js           plain text, no compression
//   bun bun_room.js deflate   JSON, compressed as Bun does where it is asked to: each message by itself
//   bun bun_room.js context   JSON, compressed for each receiver with what it got before
const kind = process.argv[2];
const isPacked = kind === 'deflate' || kind === 'context';
const compress = kind === 'context' ? 'dedicated' : 'shared';
let position = 0;

function say(id, text) {
  position += 1;
  const json = JSON.stringify({
    type: 'message', pos: `78332ebfe2f5e126-${position}`, ts: Date.now(), from: id, name: '', text,
  });
  server.publish('room', json, true);
}

const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, self) {
    const match = /\/ws(?:\/(\d+))?(?:\?.*)?$/.exec(request.url);
    if (match && self.upgrade(request, { data: { id: match[1] } })) return undefined;
    return new Response('no such page\n', { status: 404 });
  },
  websocket: {
    perMessageDeflate: isPacked && { compress, decompress: compress },
    maxPayloadLength: 32 << 20,
    backpressureLimit: 64 << 20,
    idleTimeout: 0,
    sendPings: false,
    open(ws) {
      if (ws.data.id) ws.subscribe('room');
    },
    message(ws, text) {
      if (!ws.data.id) {
        ws.send(text, isPacked);
        return;
      }
      if (isPacked) {
        say(Number(ws.data.id), JSON.parse(text).text);
        return;
      }
      ws.send(`You wrote: ${text}`);
      ws.publish('room', `Client #${ws.data.id} says: ${text}`);
    },
    close(ws) {
      if (ws.data.id && !isPacked) server.publish('room', `Client #${ws.data.id} left the chat`);
    },
  },
});
console.error(`bun: listening on http://127.0.0.1:${server.port}/`);

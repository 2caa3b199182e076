// The tutorial's room on Bun: topics of its server, which is uWebSockets inside.
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch(request, self) {
    const match = /\/ws(?:\/(\d+))?(?:\?.*)?$/.exec(request.url);
    if (match && self.upgrade(request, { data: { id: match[1] } })) return undefined;
    return new Response('no such page\n', { status: 404 });
  },
  websocket: {
    perMessageDeflate: false,
    maxPayloadLength: 32 << 20,
    backpressureLimit: 64 << 20,
    idleTimeout: 0,
    sendPings: false,
    open(ws) {
      if (ws.data.id) ws.subscribe('room');
    },
    message(ws, text) {
      if (!ws.data.id) {
        ws.send(text);
        return;
      }
      ws.send(`You wrote: ${text}`);
      ws.publish('room', `Client #${ws.data.id} says: ${text}`);
    },
    close(ws) {
      if (ws.data.id) server.publish('room', `Client #${ws.data.id} left the chat`);
    },
  },
});
console.error(`bun: listening on http://127.0.0.1:${server.port}/`);

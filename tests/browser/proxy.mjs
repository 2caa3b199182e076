// A TCP proxy that does to connections what networks do.
import { once } from 'node:events';
import net from 'node:net';
import { Transform } from 'node:stream';

const PIECE = 1024; // bytes

// Passes bytes on in pieces, so many milliseconds apart.
function slowly(pause) {
  return new Transform({
    async transform(chunk, _, done) {
      for (let at = 0; at < chunk.length; ) {
        const size = pause() ? PIECE : chunk.length;
        if (pause()) await new Promise((resolve) => setTimeout(resolve, pause()));
        this.push(chunk.subarray(at, (at += size)));
      }
      done();
    },
  });
}

export class Proxy {
  isRefusing = false; // of WebSockets: pages still load
  isMute = false; // new WebSockets get the answer to their handshake, and nothing more
  #pairs = new Set();
  #down = 0;

  static async start(port) {
    const proxy = new Proxy();
    proxy.server = net.createServer((client) => proxy.#take(client, port)).listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}/`;
  }

  // Breaks every connection on both sides, without a word.
  cut() {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  // From now on nothing goes to the server, or nothing comes from it, on the WebSockets of this moment.
  stallUp() {
    for (const { client } of this.#webSockets()) client.unpipe().pause();
  }

  stallDown() {
    for (const { server } of this.#webSockets()) server.unpipe().pause();
  }

  // From now on one KiB after another, each after so many milliseconds. 0: as usual.
  slowDown(ms) {
    this.#down = ms;
  }

  // Writes a close frame to every page as if it came from the server, and ends.
  closeAll(code, reason) {
    const payload = Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
    for (const { client, server } of this.#webSockets()) {
      server.unpipe();
      client.end(Buffer.concat([Buffer.from([0x88, payload.length]), payload]));
    }
  }

  stop() {
    this.cut();
    this.server.close();
  }

  #webSockets() {
    return [...this.#pairs].filter(({ isWebSocket }) => isWebSocket);
  }

  #take(client, port) {
    const server = net.connect(port, '127.0.0.1');
    const pair = { client, server };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.once('data', (first) => {
      pair.isWebSocket = first.toString('latin1').startsWith('GET /ws');
      if (this.isRefusing && pair.isWebSocket) return end();
      server.write(first);
      client.pipe(server);
      if (this.isMute && pair.isWebSocket) server.once('data', (head) => client.write(head.subarray(0, head.indexOf('\r\n\r\n') + 4)));
      else server.pipe(slowly(() => this.#down)).pipe(client);
    });
  }
}

// A WebSocket that is kept alive: opened again after growing, jittered pauses.
const FIRST_PAUSE = 500; // ms; random up to this, doubled each time
const MAX_PAUSE = 15000;
const AWAY_PAUSE = 4000; // ms; the first ones when the server went away
const OPEN_TIMEOUT = 10000; // ms
const STABLE = 5000; // ms; after this pauses are short again

export class Connection {
  #socket;
  #timer;
  #attempt = 0;
  #least = FIRST_PAUSE;
  #openedAt = Infinity;

  // owner: {url(), protocol, onState('connecting' | 'open' | 'waiting', retryAt), onFrame(text),
  // onClose(code, reason) → 'retry' | 'now' | 'stop', tap(direction, kind, payload)}
  constructor(owner) {
    this.owner = owner;
    addEventListener('online', () => (this.#socket || this.#timer) && this.start());
    document.addEventListener('visibilitychange', () => !document.hidden && this.#timer && this.start());
  }

  // Also in place of a connection that may be dead. The server closes that one when the new one takes the seat; closing
  // it here would tell the room that we left.
  start() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.owner.onState('connecting');
    const url = this.owner.url();
    const socket = (this.#socket = new WebSocket(url, this.owner.protocol ?? []));
    const isCurrent = () => this.#socket === socket;
    this.#tap('out', 'http', url);
    setTimeout(() => socket.readyState || socket.close(), OPEN_TIMEOUT);
    socket.onopen = () => {
      if (!isCurrent()) return;
      this.#openedAt = Date.now();
      this.owner.onState('open');
    };
    socket.onmessage = ({ data }) => {
      if (!isCurrent()) return;
      this.#tap('in', 'text', data);
      this.owner.onFrame(data);
    };
    socket.onclose = ({ code, reason }) => isCurrent() && this.#closed(code, reason);
  }

  // Resolves when the server has closed, too, or after a second.
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    return new Promise((resolve) => {
      if (!socket) return resolve();
      socket.onclose = resolve;
      setTimeout(resolve, 1000);
      socket.close(1000);
      this.#tap('out', 'close', '1000');
    });
  }

  send(text) {
    this.#socket.send(text);
    this.#tap('out', 'text', text);
  }

  #tap(...frame) {
    this.owner.tap?.(...frame);
  }

  #closed(code, reason) {
    this.#socket = undefined;
    this.#tap('in', 'close', `${code} ${reason}`);
    if (Date.now() - this.#openedAt > STABLE) [this.#attempt, this.#least] = [0, FIRST_PAUSE];
    if (code === 1001) this.#least = AWAY_PAUSE;
    this.#openedAt = Infinity;
    const verdict = this.owner.onClose(code, reason);
    if (verdict === 'stop') return;
    // 'now' only once: no hammering.
    const usual = Math.min(MAX_PAUSE, Math.max(this.#least, FIRST_PAUSE * 2 ** this.#attempt));
    const pause = Math.random() * (verdict === 'now' && !this.#attempt ? 0 : usual);
    this.#attempt++;
    this.#timer = setTimeout(() => this.start(), pause);
    this.owner.onState('waiting', Date.now() + pause);
  }
}

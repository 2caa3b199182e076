// One WebSocket that is kept alive: opened, watched, and opened again with growing, jittered pauses.
// It knows nothing of chat. What to do after a close is the owner's choice, by what `onClose` returns.

const PAUSE_FIRST = 500; // ms: the first pause is random up to this, each later one up to double the one before
const PAUSE_MAX = 15000;
const OPEN_TIMEOUT = 10000; // ms: a handshake that takes longer is given up
const STABLE = 5000; // ms: a connection that lasted so long makes the pauses short again

export class Connection {
  #socket = null;
  #retired = null; // the socket before, closed once the new one talks
  #timer = 0;
  #attempt = 0;
  #openedAt = 0;

  // url():     the address for the next attempt
  // onState(state, retryAt): 'connecting', 'open', 'waiting' or 'stopped'
  // onFrame(text): a text message came
  // onClose(code, reason): returns 'retry' (after a pause), 'now', or 'stop'
  // tap(direction, kind, payload): sees everything that goes over the wire
  constructor({ url, protocol, onState, onFrame, onClose, tap = () => {} }) {
    Object.assign(this, { url, protocol, onState, onFrame, onClose, tap });
    addEventListener('online', () => this.replace());
    document.addEventListener('visibilitychange', () => document.hidden || this.hurry());
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  start() {
    clearTimeout(this.#timer);
    this.#open();
  }

  // Closes for good and resolves when the server has seen it (or after a second: it may be gone).
  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const socket = this.#socket;
    this.#socket = null;
    this.#retired?.close();
    this.#retired = null;
    this.onState('stopped');
    if (!socket || socket.readyState === WebSocket.CLOSED) return Promise.resolve();
    return new Promise((resolve) => {
      silence(socket);
      socket.onclose = resolve;
      setTimeout(resolve, 1000);
      socket.close(1000);
      this.tap('out', 'close', '1000');
    });
  }

  // Ends a pause early.
  hurry() {
    if (!this.#timer) return;
    this.#attempt = 0;
    this.start();
  }

  // Opens a new connection in place of one that may be dead without knowing. The old one stays until the new one
  // talks: closing it first would tell the room that we left.
  replace() {
    if (!this.#socket) return this.hurry();
    this.#retired?.close();
    this.#retired = this.#socket;
    silence(this.#retired);
    this.#open();
  }

  send(text) {
    this.#socket.send(text);
    this.tap('out', 'text', text);
  }

  #open() {
    this.#timer = 0;
    this.onState('connecting');
    const url = this.url();
    const socket = new WebSocket(url, this.protocol ? [this.protocol] : []);
    this.#socket = socket;
    this.tap('out', 'open', url);
    const giveUp = setTimeout(() => {
      if (this.#socket !== socket) return;
      silence(socket);
      socket.close();
      this.#closed(1006, '');
    }, OPEN_TIMEOUT);
    socket.onopen = () => {
      clearTimeout(giveUp);
      this.#openedAt = Date.now();
      this.tap('in', 'open', socket.protocol);
      this.onState('open');
    };
    socket.onmessage = ({ data }) => {
      this.#retired?.close();
      this.#retired = null;
      this.tap('in', 'text', data);
      this.onFrame(data);
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(giveUp);
      this.#closed(code, reason);
    };
  }

  #closed(code, reason) {
    this.#socket = null;
    this.tap('in', 'close', `${code} ${reason}`.trim());
    if (this.#openedAt && Date.now() - this.#openedAt > STABLE) this.#attempt = 0;
    this.#openedAt = 0;
    const verdict = this.onClose(code, reason);
    if (verdict === 'stop') return this.onState('stopped');
    // Even 'now' pauses from the second time on: a server that refuses everything must not be hammered.
    const isFree = verdict === 'now' && this.#attempt === 0;
    const pause = isFree ? 0 : Math.random() * Math.min(PAUSE_MAX, PAUSE_FIRST * 2 ** this.#attempt);
    this.#attempt++;
    this.#timer = setTimeout(() => this.#open(), pause);
    this.onState('waiting', Date.now() + pause);
  }
}

function silence(socket) {
  socket.onopen = socket.onmessage = socket.onclose = null;
}

// A WebSocket that is kept alive: opened again after growing, jittered pauses. Browsers hide pings and may take minutes to
// see that the network is gone: after a silence the page asks for an answer. All times are monotonic.
const FIRST_PAUSE = 500; // ms; random up to this, doubled each time
const MAX_PAUSE = 15000;
const AWAY_PAUSE = 4000; // ms; the first ones when the server went away
const OPEN_TIMEOUT = 10000; // ms
const STABLE = 5000; // ms; after this pauses are short again
const QUIET = 20000; // ms without a word, then it is asked for one
const PATIENCE = 10000; // ms for a due answer: then the connection is dead
const GLANCE = 3000; // ms, when somebody has just come back to the page
const SLOW = 4; // bytes in a millisecond that a line carries at least
const WATCH = 1000; // ms between two looks

const now = () => performance.now();

export class Connection {
  #socket;
  #timer;
  #attempt = 0;
  #least = FIRST_PAUSE;
  #openedAt = Infinity;
  #heardAt = 0;
  #dueAt = Infinity;
  #owed = 0; // bytes of the questions without an answer
  #watchedAt = now();
  #isSpared = false;
  #isAsked = false;

  // owner: {url(), protocol, onState('connecting' | 'open' | 'waiting', retryAt by performance.now()), onFrame(text),
  // onClose(code, reason) → 'retry' | 'now' | 'stop', question() → a text that any server answers,
  // tap(direction, kind, payload)}
  constructor(owner) {
    this.owner = owner;
    const onFront = () => {
      if (document.hidden) return;
      if (this.#timer) this.start();
      else this.ask(GLANCE);
    };
    addEventListener('online', () => (this.#socket || this.#timer) && this.start());
    document.addEventListener('visibilitychange', onFront);
    for (const event of ['pageshow', 'focus', 'resume']) addEventListener(event, onFront);
    setInterval(() => this.#watch(), WATCH);
  }

  // Also in place of a connection that may be dead. The server closes that one when the new one takes the seat; closing
  // it here would tell the room that we left.
  start() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#dueAt = Infinity;
    this.#owed = 0;
    this.owner.onState('connecting');
    const url = this.owner.url();
    const socket = (this.#socket = new WebSocket(url, this.owner.protocol ?? []));
    const isCurrent = () => this.#socket === socket;
    this.#tap('out', 'http', url);
    setTimeout(() => socket.readyState || socket.close(), OPEN_TIMEOUT);
    socket.onopen = () => {
      if (!isCurrent()) return;
      this.#openedAt = now();
      this.#heard();
      this.#expect(PATIENCE); // the welcome
      this.owner.onState('open');
    };
    socket.onmessage = ({ data }) => {
      if (!isCurrent()) return;
      this.#heard();
      this.#tap('in', 'text', data);
      this.owner.onFrame(data);
    };
    socket.onclose = ({ code, reason }) => {
      this.#tap('in', 'close', `${code} ${reason}`);
      if (isCurrent()) this.#closed(code, reason);
    };
  }

  // Resolves when the server has closed, too, or after a second.
  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    return new Promise((resolve) => {
      if (!socket) return resolve();
      socket.addEventListener('close', resolve);
      setTimeout(resolve, 1000);
      socket.close(1000);
      this.#tap('out', 'close', '1000');
    });
  }

  // Whatever is sent has an answer.
  send(text) {
    this.#socket.send(text);
    this.#tap('out', 'text', text);
    this.#owed += text.length;
    this.#expect(PATIENCE);
  }

  // Is anybody there?
  ask(patience = PATIENCE) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (this.#dueAt === Infinity || !this.#isAsked) this.send(this.owner.question());
    this.#isAsked = true;
    this.#expect(patience);
  }

  #expect(patience) {
    this.#dueAt = Math.min(this.#dueAt, now() + patience + this.#owed / SLOW);
  }

  #heard() {
    this.#heardAt = now();
    this.#dueAt = Infinity;
    this.#isSpared = this.#isAsked = false;
    this.#owed = 0;
  }

  #watch() {
    const slept = now() - this.#watchedAt > 5 * WATCH;
    this.#watchedAt = now();
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    if (slept && !this.#isSpared) return this.#wake();
    if (now() > this.#dueAt) this.start();
    else if (now() - this.#heardAt > QUIET) this.ask();
  }

  // The page stood still: an answer may wait behind this timer.
  #wake() {
    this.#isSpared = true;
    this.#dueAt = Infinity;
    this.ask(GLANCE);
  }

  #tap(...frame) {
    this.owner.tap?.(...frame);
  }

  #closed(code, reason) {
    this.#socket = undefined;
    if (now() - this.#openedAt > STABLE) [this.#attempt, this.#least] = [0, FIRST_PAUSE];
    if (code === 1001) this.#least = AWAY_PAUSE;
    this.#openedAt = Infinity;
    const verdict = this.owner.onClose(code, reason);
    if (verdict === 'stop') return;
    // 'now' only once: no hammering.
    const usual = Math.min(MAX_PAUSE, Math.max(this.#least, FIRST_PAUSE * 2 ** this.#attempt));
    const pause = Math.random() * (verdict === 'now' && !this.#attempt ? 0 : usual);
    this.#attempt++;
    this.#timer = setTimeout(() => this.start(), pause);
    this.owner.onState('waiting', now() + pause);
  }
}

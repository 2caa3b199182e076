// Who this tab is: an id, the key to its seat, and a name.
//
// A reload must keep the seat, but a duplicated tab, which starts with a copy of our storage, must not steal it. A tab
// marks its storage as open and takes the mark away when it goes. Whoever starts with the mark set is a duplicate, or
// comes after a crash; asking the other tabs tells which.
import { cleanName } from './protocol.js';
import { site, tab } from './store.js';

const ANSWER_TIME = 200; // ms in which another tab of the same id would have answered
const MINE_MAX = 16;

const channel = 'BroadcastChannel' in window ? new BroadcastChannel('wschat.ids') : null;

function isHeldElsewhere(id) {
  if (!channel) return Promise.resolve(true);
  return new Promise((resolve) => {
    channel.onmessage = ({ data }) => data.held === id && resolve(true);
    channel.postMessage({ ask: id });
    setTimeout(resolve, ANSWER_TIME, false);
  });
}

export class Identity {
  id = '';
  key; // of the last welcome, undefined when there is none that may still work
  name = '';
  #mine = []; // every id this tab has had: their messages are ours

  static async claim() {
    const me = new Identity();
    const before = tab.get('me');
    const isOurs = before && !(tab.get('open') && (await isHeldElsewhere(before.id)));
    me.name = cleanName(String((isOurs && before.name) || site.get('name', '')));
    if (isOurs) {
      me.id = before.id;
      me.key = before.key;
      me.#mine = before.mine;
    } else {
      tab.clear('out.'); // copied from the tab that will send them
      me.renew();
    }
    me.#hold();
    return me;
  }

  isMine(id) {
    return this.#mine.includes(id);
  }

  // Takes a new id, as the tutorial does: the time. A collision (4009) moves it a little.
  renew() {
    const now = Date.now();
    this.id = String(this.#mine.length ? now + 1 + Math.floor(Math.random() * 999) : now);
    this.key = undefined;
    this.#mine = [...this.#mine, this.id].slice(-MINE_MAX);
    this.save();
  }

  rename(name) {
    this.name = name;
    site.set('name', name);
    this.save();
  }

  save() {
    tab.set('me', { id: this.id, key: this.key, name: this.name, mine: this.#mine });
  }

  #hold() {
    tab.set('open', true);
    addEventListener('pagehide', () => tab.remove('open'));
    addEventListener('pageshow', () => tab.set('open', true));
    if (!channel) return;
    channel.onmessage = ({ data }) => data.ask === this.id && channel.postMessage({ held: this.id });
  }
}

// Who this tab is: an id, the key to its seat, a name. A reload keeps them; a duplicated tab, which has a copy of our
// storage, must not. So an open tab marks its storage: who finds the mark asks the others (after a crash, none answers).
import { cleanName } from './protocol.js';
import { site, tab } from './store.js';

const ANSWER_TIME = 200; // ms

const channel = new BroadcastChannel('wschat.ids');

const isHeldElsewhere = (id) =>
  new Promise((resolve) => {
    channel.onmessage = ({ data }) => data.held === id && resolve(true);
    channel.postMessage({ ask: id });
    setTimeout(resolve, ANSWER_TIME, false);
  });

export class Identity {
  #all = []; // every id this tab has had: their messages are ours

  static async claim() {
    const me = new Identity();
    const old = tab.get('me');
    const isDuplicate = old && tab.get('open') && (await isHeldElsewhere(old.id));
    me.name = cleanName(old?.name ?? site.get('name', ''));
    if (isDuplicate) tab.clear(); // the other tab sends what waits
    if (old && !isDuplicate) {
      me.#all = old.all;
      Object.assign(me, { id: old.id, key: old.key });
    } else {
      me.renew();
    }
    channel.onmessage = ({ data }) => data.ask === me.id && channel.postMessage({ held: me.id });
    tab.set('open', true);
    addEventListener('pageshow', () => tab.set('open', true));
    addEventListener('pagehide', () => tab.set('open', false));
    return me;
  }

  isMine(id) {
    return this.#all.includes(id);
  }

  // The time, as in the tutorial, moved a little when that was taken.
  renew() {
    this.id = String(Date.now() + (this.#all.length && 1 + Math.floor(Math.random() * 999)));
    this.key = undefined;
    this.#all.push(this.id);
    this.save();
  }

  rename(name) {
    this.name = name;
    site.set('name', name);
    this.save();
  }

  save() {
    tab.set('me', { ...this, all: this.#all });
  }
}

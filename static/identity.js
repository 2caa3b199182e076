// Who this tab is: an id, the key to its seat, a name. A reload keeps them; a duplicated tab, with a copy of our storage,
// must not. An open tab marks its storage: who finds the mark asks the others (after a crash, none answers).
import { cleanName } from './protocol.js';
import { channel, site, tab } from './store.js';

const ANSWER_TIME = 500; // ms

export class Identity {
  static async claim() {
    const me = new Identity();
    let onHeld = () => {};
    const others = channel('wschat.ids', ({ ask, held }) => {
      if (held) onHeld(held);
      else if (ask === me.id) others.postMessage({ held: ask });
    });
    const isHeldElsewhere = (id) =>
      new Promise((resolve) => {
        onHeld = (held) => held === id && resolve(true);
        others.postMessage({ ask: id });
        setTimeout(resolve, ANSWER_TIME, false);
      });
    const old = tab.get('me');
    const isDuplicate = old && tab.get('open') && (await isHeldElsewhere(old.id));
    me.name = cleanName(old?.name ?? site.get('name', ''));
    if (isDuplicate) tab.clear(); // the other tab sends what waits
    if (old && !isDuplicate) Object.assign(me, { id: old.id, key: old.key, at: old.at });
    me.isStored = tab.set('open', true);
    addEventListener('pageshow', () => tab.set('open', true));
    addEventListener('pagehide', () => tab.set('open', false));
    return me;
  }

  // The seat that the chat has now.
  keep({ id, key }) {
    if (key !== this.key) this.at = Date.now();
    Object.assign(this, { id, key });
    this.save();
  }

  rename(name) {
    this.name = name;
    site.set('name', name);
    this.save();
  }

  save() {
    const { id, key, name, at } = this;
    tab.set('me', { id, key, name, at });
  }
}

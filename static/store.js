// Storage that never throws: it may be blocked, full, or hold what another version wrote. `tab` lasts as long as the
// tab, also across a reload; `site` is shared by all tabs and lasts.
function area(name) {
  const key = (k) => `wschat.${k}`;
  return {
    get(k, fallback) {
      try {
        return JSON.parse(window[name].getItem(key(k))) ?? fallback;
      } catch {
        return fallback;
      }
    },
    set(k, value) {
      try {
        window[name].setItem(key(k), JSON.stringify(value));
        return true;
      } catch {
        return false;
      }
    },
    remove(k) {
      try {
        window[name].removeItem(key(k));
      } catch {
        // Nothing was stored then.
      }
    },
    // Removes every key that begins so.
    clear(prefix) {
      try {
        for (const k of Object.keys(window[name])) if (k.startsWith(key(prefix))) window[name].removeItem(k);
      } catch {
        // Nothing was stored then.
      }
    },
  };
}

export const tab = area('sessionStorage');
export const site = area('localStorage');

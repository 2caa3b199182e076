// What a browser may refuse, without ever throwing: storage may be blocked, full, or written by another version; Firefox
// then has no BroadcastChannel either.
function area(name) {
  const attempt = (work, otherwise) => {
    try {
      return work(window[name]) ?? otherwise;
    } catch {
      return otherwise;
    }
  };
  return {
    get: (key, otherwise) => attempt((s) => JSON.parse(s.getItem(`wschat.${key}`)), otherwise),
    set: (key, value) => attempt((s) => !s.setItem(`wschat.${key}`, JSON.stringify(value)), false),
    clear: () => attempt((s) => s.clear()),
    keys: () => attempt((s) => Object.keys(s).filter((key) => key.startsWith('wschat.')).map((key) => key.slice(7)), []),
  };
}

export const tab = area('sessionStorage'); // as long as the tab
export const site = area('localStorage'); // for all tabs, and lasting

// To the other tabs of this person, if there is a way.
export function channel(name, onmessage) {
  try {
    return Object.assign(new BroadcastChannel(name), { onmessage: ({ data }) => onmessage(data) });
  } catch {
    return { postMessage() {} };
  }
}

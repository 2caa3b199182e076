// Storage that never throws: it may be blocked, full, or written by another version.
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
  };
}

export const tab = area('sessionStorage'); // as long as the tab
export const site = area('localStorage'); // for all tabs, and lasting

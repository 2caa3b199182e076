// What opens and closes: the sidebar on narrow screens, the wire view, the settings.
import { $ } from './dom.js';

// Ties a panel to its button. A closed panel is out of reach for keyboard and screen reader, too.
// isAlways(): the panel is part of the page now and needs no opening
export function panel(id, { isAlways = () => false, onOpen = () => {} } = {}) {
  const node = $(id);
  const opener = $(`${id}-open`);
  let isOpen = false;

  function set(open, { keepFocus = false } = {}) {
    const wasOpen = isOpen;
    isOpen = open;
    opener.ariaExpanded = String(open);
    document.body.classList.toggle(`${id}-shown`, open);
    node.inert = !open && !isAlways();
    if (keepFocus || open === wasOpen) return;
    if (open) {
      onOpen();
      node.querySelector('button, a, input').focus({ preventScroll: true });
    } else if (node.contains(document.activeElement) || document.activeElement === document.body) {
      opener.focus();
    }
  }

  opener.onclick = () => set(!isOpen);
  node.querySelector('.close')?.addEventListener('click', () => set(false));
  addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && isOpen && !document.querySelector('dialog[open]')) set(false);
  });
  addEventListener('resize', () => set(isOpen, { keepFocus: true }));
  set(false, { keepFocus: true });
  return { close: (options) => set(false, options), isOpen: () => isOpen };
}

// A dialog closes by its button, by Escape, and by a click beside it.
export function dialog(id) {
  const node = $(id);
  $(`${id}-open`).onclick = () => node.showModal();
  node.addEventListener('click', (event) => event.target === node && node.close());
  return node;
}

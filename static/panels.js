// A panel that opens and closes. CSS takes a closed one from the keyboard, too.
import { $ } from './dom.js';

export function panel(id, onOpen) {
  const node = $(id);
  const opener = $(`${id}-open`);
  const isOpen = () => document.body.classList.contains(id);

  function set(open) {
    const hadFocus = open !== isOpen() && node.contains(document.activeElement);
    document.body.classList.toggle(id, open);
    opener.ariaExpanded = String(open);
    if (open) {
      onOpen?.();
      node.querySelector('button, a').focus();
    } else if (hadFocus) opener.focus();
  }

  const close = () => set(false);
  opener.onclick = () => set(!isOpen());
  node.querySelector('.close')?.addEventListener('click', close);
  addEventListener('keydown', ({ key, target }) => key === 'Escape' && isOpen() && !target.closest('dialog') && close());
  close();
  return { isOpen, close };
}

// The field in which messages are written.
import { $ } from './dom.js';
import { t } from './text.js';

const COMMANDS = ['/name', '/room', '/msg', '/help'];
const NEARLY = 0.2; // of the limit: from there on the bytes left are told

export class Composer {
  #field = $('messageText');

  // onSend(text): returns false when the text has to stay
  // excess(text): bytes over the limit, or negative
  constructor({ onSend, excess, limit }) {
    Object.assign(this, { onSend, excess, limit });
    this.#field.addEventListener('input', () => this.#update());
    this.#field.addEventListener('keydown', (event) => {
      // Enter also ends a word in an input method, as Chinese is typed: that is no wish to send.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#send();
    });
    // Tapping Send must not close the keyboard of a phone.
    $('send').addEventListener('pointerdown', (event) => event.preventDefault());
    $('composer').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  get text() {
    return this.#field.value;
  }

  set text(value) {
    this.#field.value = value;
    this.#update();
  }

  focus() {
    this.#field.focus({ preventScroll: true });
  }

  // Begins a line for somebody, keeping what was written.
  begin(prefix) {
    const rest = this.text.startsWith('/') ? '' : this.text;
    this.text = `${prefix} ${rest}`;
    this.focus();
  }

  #send() {
    this.focus();
    if (!this.text.trim() || this.excess(this.text) > 0 || this.onSend(this.text) === false) return;
    this.text = '';
  }

  #update() {
    const field = this.#field;
    field.style.height = 'auto';
    field.style.height = `${field.scrollHeight}px`;
    $('send').classList.toggle('ready', Boolean(this.text.trim()));
    this.#hint();
  }

  #hint() {
    const over = this.text ? this.excess(this.text) : -Infinity;
    const isOver = over > 0;
    $('composer').classList.toggle('over', isOver);
    this.#field.ariaInvalid = String(isOver);
    const command = this.text.match(/^\/\w*$/)?.[0];
    let hint = '';
    if (isOver) hint = t('tooLong', over);
    else if (-over < this.limit() * NEARLY) hint = t('left_', -over);
    else if (command) hint = COMMANDS.filter((name) => name.startsWith(command)).join('  ');
    if ($('hint').textContent !== hint) $('hint').textContent = hint;
  }
}

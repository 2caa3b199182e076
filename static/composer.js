// The field in which messages are written.
import { $ } from './dom.js';
import { t } from './text.js';

export class Composer {
  #field = $('messageText');

  // onSend(text): false keeps the text
  constructor(chat, onSend) {
    Object.assign(this, { chat, onSend });
    this.#field.oninput = () => this.#update();
    this.#field.onkeydown = (event) => {
      // In an input method, as for Chinese, Enter ends a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.send();
    };
    $('send').onpointerdown = (event) => event.preventDefault(); // or a phone's keyboard closes
  }

  get text() {
    return this.#field.value;
  }

  set text(value) {
    this.#field.value = value;
    this.#update();
  }

  focus() {
    this.#field.focus();
  }

  send() {
    this.focus();
    const { text } = this;
    if (!text.trim() || this.chat.excess(text) > 0) return;
    this.text = '';
    if (this.onSend(text) === false) this.text = text;
  }

  #update() {
    const { style } = this.#field;
    style.height = 'auto';
    style.height = `${this.#field.scrollHeight}px`;
    const excess = this.chat.excess(this.text);
    const isOver = excess > 0;
    $('send').classList.toggle('ready', !isOver && this.text.trim() !== '');
    this.#field.ariaInvalid = String(isOver);
    $('hint').textContent = isOver ? t('tooLong', excess) : '';
  }
}

// The field in which messages are written, and whom they go to: the room, or one person.
import { $ } from './dom.js';
import { t } from './text.js';

export class Composer {
  #field = $('messageText');
  #to; // an id
  #room = '';

  // onSend(text, to): false keeps the text. onEmpty(): Enter in an empty field. onSize(): its height may differ.
  // nameOf(id), names()
  constructor(chat, on) {
    Object.assign(this, { chat, ...on });
    this.#field.oninput = () => this.#update();
    this.#field.onkeydown = (event) => this.#onKey(event);
    $('to').onclick = () => {
      this.to = undefined;
      this.focus();
    };
    $('call').onclick = () => this.complete();
    $('send').onpointerdown = (event) => event.preventDefault(); // or a phone's keyboard closes
  }

  get text() {
    return this.#field.value;
  }

  set text(value) {
    this.#field.value = value;
    this.#update();
  }

  get to() {
    return this.#to;
  }

  set to(id) {
    this.#to = id;
    const name = id && this.nameOf(id);
    $('to').hidden = !id;
    $('to').textContent = id ? `${t('to', name)} ✕` : '';
    $('to').title = $('to').ariaLabel = id ? t('toNobody', name) : '';
    $('composer').classList.toggle('private', Boolean(id));
    this.#field.placeholder = id ? t('privately', name) : this.#room;
  }

  set room(words) {
    this.#room = words;
    this.to = this.#to;
  }

  focus() {
    this.#field.focus();
  }

  send() {
    this.focus();
    const { text } = this;
    if (!text.trim()) return this.onEmpty();
    if (this.chat.excess(text) > 0) return;
    this.text = '';
    if (this.onSend(text, this.to) === false) this.text = text;
  }

  // Whom @ab in front of the cursor may call.
  #call() {
    const [, begun] = this.text.slice(0, this.#field.selectionStart).match(/(?:^|\s)@([^\s@]+)$/) ?? [];
    const name = begun && this.names().find((one) => one.toLowerCase().startsWith(begun.toLowerCase()));
    return name && name !== begun ? { name, length: begun.length } : undefined;
  }

  complete() {
    const { name, length } = this.#call();
    const end = this.#field.selectionStart;
    this.#field.setRangeText(`${name} `, end - length, end, 'end');
    this.#update();
    this.focus();
  }

  #onKey(event) {
    // In an input method, as for Chinese, Enter ends a word.
    if (event.isComposing || event.keyCode === 229) return;
    const isEmpty = !this.text && this.to;
    if (isEmpty && (event.key === 'Backspace' || event.key === 'Escape')) this.to = undefined;
    const isTab = event.key === 'Tab' && this.#call();
    if (event.shiftKey || !(isTab || event.key === 'Enter')) return;
    event.preventDefault();
    if (isTab) this.complete();
    else this.send();
  }

  #update() {
    const { style } = this.#field;
    style.height = 'auto';
    style.height = `${this.#field.scrollHeight}px`;
    this.onSize();
    const excess = this.chat.excess(this.text);
    const isOver = excess > 0;
    $('send').classList.toggle('ready', !isOver && this.text.trim() !== '');
    this.#field.ariaInvalid = String(isOver);
    const call = this.#call();
    $('call').hidden = !call;
    $('call').textContent = call ? `@${call.name}  ⇥` : '';
    $('hint').textContent = isOver ? t('tooLong', excess) : '';
  }
}

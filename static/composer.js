// The field in which messages are written, and whom they go to: the room, or one person.
import { $, put } from './dom.js';
import { t } from './text.js';

export class Composer {
  #field = $('messageText');
  #to; // an id
  #re; // the place of the message that this one answers
  #room = '';

  // onSend(text, to, re): false keeps the text. onEmpty(): Enter in an empty field. onUp(): the arrow in one. onType(): something for the room is written. onSize(): its
  // height may differ. nameOf(id), names(), quote(re): who said what
  constructor(chat, on) {
    Object.assign(this, { chat, ...on });
    this.#field.oninput = () => {
      this.#update();
      if (!this.#to && /^[^/]/.test(this.text)) this.onType();
    };
    this.#field.onkeydown = (event) => this.#onKey(event);
    $('to').onclick = () => {
      this.forAll();
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
    if (id) this.#re = undefined;
    this.#showTo();
  }

  get re() {
    return this.#re;
  }

  set re(pos) {
    this.#re = pos;
    if (pos) this.#to = undefined;
    this.#showTo();
  }

  forAll() {
    this.#to = this.#re = undefined;
    this.#showTo();
  }

  #showTo() {
    const [id, re] = [this.#to, this.#re];
    const name = id && this.nameOf(id);
    $('to').hidden = !id && !re;
    put('to', id ? `${t('to', name)} ✕` : re ? `${this.quote(re)} ✕` : '');
    $('to').title = $('to').ariaLabel = id ? t('toNobody', name) : re ? t('noReply') : '';
    $('composer').classList.toggle('private', Boolean(id));
    this.#field.placeholder = id ? t('privately', name) : this.#room;
  }

  set room(words) {
    this.#room = words;
    this.#showTo();
  }

  focus() {
    this.#field.focus();
  }

  send() {
    this.focus();
    const { text } = this;
    if (!text.trim()) return this.onEmpty();
    if (this.chat.excess(text, this.re) > 0) return;
    this.text = '';
    if (this.onSend(text, this.to, this.re) === false) this.text = text;
    else this.re = undefined;
  }

  // Whom @ab in front of the cursor may call.
  #call() {
    const [, begun] = this.text.slice(0, this.#field.selectionStart).match(/(?<!\w)[@＠]([^\s@＠]+)$/) ?? [];
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
    if (!this.text && (event.key === 'Backspace' || event.key === 'Escape')) this.forAll();
    if (!this.text && event.key === 'ArrowUp') return void (event.preventDefault(), this.onUp());
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
    const excess = this.chat.excess(this.text, this.re);
    const isOver = excess > 0;
    $('send').classList.toggle('ready', !isOver && this.text.trim() !== '');
    this.#field.ariaInvalid = String(isOver);
    const call = this.#call();
    $('call').hidden = !call;
    put('call', call ? `@${call.name}  ⇥` : '');
    put('hint', isOver ? t('tooLong', excess) : '');
  }
}

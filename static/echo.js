// The echo page: sends what is typed to /ws and shows what comes back.
import { Connection } from './connection.js';
import { $, make } from './dom.js';
import { markup } from './markup.js';
import { socketUrl } from './protocol.js';
import { localize, t } from './text.js';

localize();
const list = $('messages');
const field = $('messageText');
const waiting = []; // typed while there is no connection

let isOpen = false;

function flush() {
  while (isOpen && waiting.length) connection.send(waiting.shift());
}

const QUESTION = `alive ${crypto.getRandomValues(new Uint32Array(2)).join('')}`; // it comes back, and is not shown

const connection = new Connection({
  url: () => socketUrl('ws'),
  question: () => QUESTION,
  onState(state) {
    isOpen = state === 'open';
    const shown = isOpen ? 'online' : 'connecting';
    document.body.dataset.state = shown;
    $('status').textContent = t(shown);
    if (isOpen) connection.ask();
    flush();
  },
  onFrame(text) {
    if (text.endsWith(QUESTION)) return;
    list.append(make('li', 'other new', make('div', 'bubble', make('div', 'text', ...markup(text)))));
    list.lastChild.role = 'none';
    if (list.children.length > 500) list.firstChild.remove();
    list.scrollTop = list.scrollHeight;
  },
  onClose: () => 'retry',
});

field.oninput = () => $('send').classList.toggle('ready', field.value !== '');
$('composer').onsubmit = (event) => {
  event.preventDefault();
  if (field.value) waiting.push(field.value);
  field.value = '';
  field.oninput();
  field.focus();
  flush();
};
connection.start();
field.focus();

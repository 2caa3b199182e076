// The echo page: sends what is typed to /ws and shows what comes back.
import { $, make, put } from './dom.js';
import { markup } from './markup.js';
import { localize, t } from './text.js';
import { Connection, socketUrl } from './wschat.js';

localize();
const list = $('messages');
const field = $('messageText');
const waiting = []; // typed while there is no connection

let isOpen = false;

function show(state) {
  document.body.dataset.state = state;
  put('status', t(state));
}

function flush() {
  while (isOpen && waiting.length) connection.send(waiting.shift());
}

const QUESTION = `alive ${crypto.getRandomValues(new Uint32Array(2)).join('')}`; // it comes back, and is not shown

const connection = new Connection({
  url: () => socketUrl(location.href, 'ws'),
  question: () => QUESTION,
  onState(state) {
    isOpen = state === 'open';
    show(isOpen ? 'online' : 'connecting');
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
  onClose(code) {
    if (code !== 4401 && code !== 4403) return 'retry';
    show('token');
    return 'stop';
  },
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

// The echo page: sends what is typed to /ws and shows what comes back, as plain text frames.
import { Connection } from './connection.js';
import { $, make } from './dom.js';
import { linkify } from './message.js';
import { socketUrl } from './protocol.js';
import { localize, t } from './text.js';

const MAX = 500; // answers in the page

localize();
const list = $('messages');
const waiting = []; // typed while there was no connection

function show(text) {
  const words = make('div', 'text', ...linkify(text));
  words.dir = 'auto';
  const item = make('li', 'other new', make('div', 'bubble', words));
  item.role = 'none';
  list.append(item);
  if (list.children.length > MAX) list.firstChild.remove();
  list.scrollTop = list.scrollHeight;
}

const connection = new Connection({
  url: () => socketUrl('ws'),
  onState(state) {
    const shown = { open: 'online', waiting: 'offline' }[state] ?? 'connecting';
    document.body.dataset.state = shown;
    $('status-text').textContent = t(shown);
    while (state === 'open' && waiting.length) connection.send(waiting.shift());
  },
  onFrame: show,
  onClose: () => 'retry',
});

$('messageText').oninput = () => $('send').classList.toggle('ready', $('messageText').value !== '');
$('composer').onsubmit = (event) => {
  event.preventDefault();
  const text = $('messageText').value;
  $('messageText').focus();
  if (!text) return;
  if (connection.isOpen) connection.send(text);
  else waiting.push(text);
  $('messageText').value = '';
  $('messageText').oninput();
};

connection.start();
$('messageText').focus();

// The chat page: ties the conversation (chat.js) to what is seen.
import { Chat } from './chat.js';
import { parse } from './commands.js';
import { Composer } from './composer.js';
import { $, avatar } from './dom.js';
import { Identity } from './identity.js';
import { Log } from './log.js';
import * as notify from './notify.js';
import { dialog, panel } from './panels.js';
import { roomLink, roomOfAddress, showPeople, showRooms } from './people.js';
import { LOBBY, cleanName } from './protocol.js';
import { site } from './store.js';
import { localize, roomTitle, t, who } from './text.js';
import { WireView } from './wire.js';

localize();
const wire = new WireView();
const me = await Identity.claim();
const chat = new Chat(me, roomOfAddress(), (...frame) => wire.record(...frame));

const log = new Log($('messages'), {
  isOwn: (id) => me.isMine(id),
  onMove() {
    $('jump').hidden = log.isFollowing;
    $('jump-text').textContent = log.missed ? t('newMessages', log.missed) : t('toEnd');
    $('jump').classList.toggle('some', log.missed > 0);
  },
});

const composer = new Composer({ onSend: submit, excess: (text) => chat.excess(text), limit: () => chat.limit });
const isWide = matchMedia('(min-width: 720px)');
const nav = panel('nav', { isAlways: () => isWide.matches });
const wirePanel = panel('wire', { onOpen: () => wire.draw() });
const settings = dialog('settings');
wire.shownWhen(wirePanel.isOpen);

// ---- what the person does ----

function submit(line) {
  const command = parse(line, chat.room.members);
  switch (command.act) {
    case 'say':
      chat.say(command.text, command.to);
      log.jump();
      return true;
    case 'name':
      if (!command.name) openSettings();
      else chat.rename(command.name);
      return true;
    case 'room':
      goTo(command.room);
      return true;
    case 'help':
      chat.note(t('help'));
      log.jump();
      return true;
    default:
      chat.note(t(...command.problem));
      log.jump();
      return false;
  }
}

function goTo(room) {
  if (room !== chat.room.name) history.pushState(null, '', roomLink(room));
  switchRoom(room);
  nav.close({ keepFocus: true });
  composer.focus();
}

function switchRoom(room) {
  chat.room.draft = composer.text;
  chat.enter(room);
}

function openSettings() {
  $('name').value = me.name;
  $('name-hint').textContent = t('nameHint', t('client', me.id));
  settings.showModal();
}

async function share() {
  const link = new URL(roomLink(chat.room.name), location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    chat.note(t('shared', link));
  } catch {
    chat.note(t('shareThis', link));
  }
  log.jump();
}

function writeTo(id, name) {
  const isUnique = name && [...chat.room.members.values()].filter((other) => other === name).length === 1;
  nav.close({ keepFocus: true });
  composer.begin(`/msg ${isUnique ? name : `#${id}`}`);
}

// ---- what is seen ----

function showRoom() {
  const { room } = chat;
  $('room-name').textContent = roomTitle(room.name);
  $('messageText').placeholder = t('placeholder', roomTitle(room.name));
  notify.setTitle(room.name === LOBBY ? t('title') : `${room.name} · ${t('title')}`);
  showRooms(room.name);
  log.show(room);
  log.onMove();
  composer.text = room.draft;
  showEmpty();
  drawPeople();
}

function showEmpty() {
  const { records, outbox } = chat.room;
  const isEmpty = !outbox.entries.length && !records.some((record) => record.kind !== 'notice');
  $('empty').hidden = !isEmpty || chat.state !== 'online';
}

function showMe() {
  $('ws-id').textContent = me.id;
  const disc = avatar(me.id, me.name);
  $('me').replaceChildren(disc);
  $('me').ariaLabel = me.name ? `${me.name} – ${t('settings')}` : t('setName');
  $('me').title = $('me').ariaLabel;
}

let isPeopleDue = false;

function drawPeople() {
  if (isPeopleDue) return;
  isPeopleDue = true;
  setTimeout(() => {
    isPeopleDue = false;
    showPeople(me, chat.room, writeTo);
    showMe();
    showState();
  }, 60);
}

let retryAt = 0;

function showState() {
  const { state, room } = chat;
  document.body.dataset.state = state;
  const here = state === 'online' && room.count ? ` · ${t('here', room.count)}` : '';
  const line = t(state) + here;
  if ($('status-text').textContent !== line) $('status-text').textContent = line;
  const isCut = state === 'offline' || state === 'replaced';
  const banner = isCut ? t(state === 'offline' ? 'offlineLong' : 'replacedLong') : '';
  // While an attempt runs the banner stays as it was: it would only flicker.
  if (state !== 'connecting') {
    if ($('banner-text').textContent !== banner) $('banner-text').textContent = banner;
    $('banner').hidden = !isCut;
    $('banner-act').textContent = t(state === 'replaced' ? 'useHere' : 'tryNow');
  }
  const left = Math.ceil((retryAt - Date.now()) / 1000);
  $('countdown').textContent = state === 'offline' && left > 1 ? t('retryIn', left) : '';
}

// ---- settings ----

function setUpSettings() {
  $('settings-open').onclick = $('me').onclick = openSettings;
  $('settings-form').onsubmit = (event) => {
    event.preventDefault();
    settings.close();
  };
  settings.addEventListener('close', () => {
    const name = cleanName($('name').value);
    if (name !== me.name) chat.rename(name);
    composer.focus();
  });
  for (const choice of document.getElementsByName('theme')) {
    choice.checked = choice.value === window.wschatTheme.get();
    choice.onchange = () => window.wschatTheme.set(choice.value);
  }
  $('sound').checked = notify.wants('sound');
  $('sound').onchange = (event) => {
    site.set('sound', event.target.checked);
    if (event.target.checked) notify.playSound();
  };
  $('notify').checked = notify.wants('notify');
  $('notify').onchange = async (event) => {
    const isWanted = event.target.checked;
    event.target.checked = await notify.allowNotifications(isWanted);
    $('notify-hint').textContent = isWanted && !event.target.checked ? t('denied') : '';
  };
}

// ---- wiring ----

chat.addEventListener('room', showRoom);
chat.addEventListener('people', drawPeople);
chat.addEventListener('records', ({ detail: { record, isFresh } }) => {
  log.changed();
  showEmpty();
  if (record && isFresh) notify.arrived(who(record.from, record.name), record.text);
});
chat.addEventListener('state', ({ detail }) => {
  retryAt = detail.retryAt ?? 0;
  showState();
  showEmpty();
});
setInterval(() => chat.state === 'offline' && showState(), 1000);

$('messages').addEventListener('outbox', ({ detail: { act, record } }) => chat[act](record));
$('jump').onclick = () => {
  log.jump();
  composer.focus();
};
$('share').onclick = $('empty-share').onclick = share;
$('banner-act').onclick = () => (chat.state === 'replaced' ? chat.start() : chat.connection.hurry());
$('rooms').addEventListener('click', (event) => {
  const link = event.target.closest('a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.dataset.room);
});
$('room-form').onsubmit = (event) => {
  event.preventDefault();
  const room = cleanName($('room-field').value);
  $('room-field').value = '';
  if (room) goTo(room);
};
$('backdrop').onclick = () => nav.close();
addEventListener('popstate', () => switchRoom(roomOfAddress()));
addEventListener('pagehide', () => {
  chat.room.draft = composer.text;
  chat.save();
});

setUpSettings();
showRoom();
showMe();
chat.start();
if (matchMedia('(hover: hover)').matches) composer.focus();

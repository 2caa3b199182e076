// The chat page: ties the conversation to what is seen.
import { Chat } from './chat.js';
import { parse } from './commands.js';
import { Composer } from './composer.js';
import { $, avatar, make } from './dom.js';
import { Identity } from './identity.js';
import { Log } from './log.js';
import { roomLabel, visible } from './names.js';
import * as notify from './notify.js';
import { panel } from './panels.js';
import { roomLink, roomOfAddress, showPeople, showRooms } from './people.js';
import { LOBBY, cleanName } from './protocol.js';
import { site } from './store.js';
import { localize, t } from './text.js';
import { WireView } from './wire.js';

localize();
const wire = new WireView();
const me = await Identity.claim();
const on = { room: showRoom, people: showPeopleSoon, records: onRecords, twins: onTwins, state: onState };
const chat = new Chat(me, roomOfAddress(), on, (...frame) => wire.record(...frame));
const log = new Log($('messages'), showJump);
const composer = new Composer(chat, onSend);
const nav = panel('nav');
wire.isShown = panel('wire', () => wire.draw()).isOpen;

function onSend(line) {
  const { act, text, to, name, why } = parse(line, chat.room.members);
  if (act === 'say') chat.say(text, to);
  else if (act === 'help') chat.note('help');
  else if (act === 'problem') chat.note(...why);
  else if (!name) openSettings();
  else if (act === 'room') goTo(name);
  else chat.rename(name);
  log.jump();
  return act !== 'problem';
}

function goTo(name) {
  if (name !== chat.room.name) history.pushState(null, '', roomLink(name));
  switchTo(name);
  nav.close();
  composer.focus();
}

function switchTo(name) {
  chat.room.draft = composer.text;
  chat.enter(name);
}

function writeTo(id, text) {
  nav.close();
  composer.text = `/msg #${id} ${text}`;
  composer.focus();
}

async function share() {
  const isCopied = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
  chat.note(isCopied ? 'shared' : 'noCopy', location.href);
  log.jump();
}

function openSettings() {
  $('name').value = me.name;
  $('settings').showModal();
}

function showRoom() {
  const { name, draft } = chat.room;
  const label = roomLabel(name);
  $('room-name').replaceChildren('# ', make('bdi', '', label));
  $('messageText').placeholder = `${t('message')} # ${label}`;
  notify.setTitle(name === LOBBY ? 'WebSocket Chat' : `${label} · WebSocket Chat`);
  showRooms(name);
  log.show(chat.room);
  composer.text = draft;
  showPeopleSoon();
}

function onRecords(record, isNews) {
  log.changed();
  const { name, records, unsent, names } = chat.room;
  $('empty').hidden = chat.state !== 'online' || unsent.entries.length || records.some(({ kind }) => kind !== 'notice');
  if (!record || record.kind === 'notice' || record.state === 'failed') return;
  const key = [name, record.pos ?? record.ts, record.from].join();
  notify.arrived(key, { isNews, isOwn: record.isOwn }, names.who(record.from, record.name), record.text);
}

let relabelling;

// Names stand in many places: once for all that come at a time.
function onTwins() {
  relabelling ??= setTimeout(() => {
    relabelling = undefined;
    log.relabel();
    showPeopleSoon();
  });
}

function showJump() {
  $('jump').hidden = log.isFollowing;
  $('jump').textContent = `↓ ${log.missed ? t('newMessages', log.missed) : t('toEnd')}`;
}

let due;

// At most every 50 ms: rooms may be large.
function showPeopleSoon() {
  due ??= setTimeout(showPeopleNow, 50);
}

function showPeopleNow() {
  due = undefined;
  showPeople(me, chat.room, (id) => writeTo(id, composer.text));
  $('here').textContent = t('here', chat.room.count);
  $('ws-id').textContent = me.id;
  $('me').replaceChildren(avatar(me.id, me.name));
  $('me').ariaLabel = $('me').title = visible(me.name) || t('client', me.id);
}

let retryAt = 0;

function onState(at) {
  retryAt = at;
  const { state } = chat;
  document.body.dataset.state = state;
  $('status').textContent = t(state);
  if (state === 'connecting') return; // or the banner would flicker
  $('banner').hidden = state === 'online';
  $('banner-text').textContent = t(`${state}Long`);
  $('banner-act').textContent = t(`${state}Act`);
}

setInterval(() => {
  const left = Math.ceil((retryAt - performance.now()) / 1000);
  $('countdown').textContent = left > 0 ? t('retryIn', left) : '';
}, 500);

function onSubmit(id, work) {
  $(id).onsubmit = (event) => {
    event.preventDefault();
    work();
  };
}

function setting(id, property, value, work) {
  const node = $(id);
  node[property] = value;
  node.onchange = async () => {
    site.set(id, node[property]);
    await work(node);
  };
}

onSubmit('composer', () => composer.send());
onSubmit('settings-form', () => $('settings').close());
onSubmit('room-form', () => {
  const name = cleanName($('room-field').value);
  $('room-field').value = '';
  if (name) goTo(name);
});
$('rooms').onclick = (event) => {
  const link = event.target.closest('a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.dataset.room);
};
$('messages').addEventListener('again', ({ detail: { to, text } }) => {
  if (to) writeTo(to, text);
  else composer.text = text;
});
$('jump').onclick = () => {
  log.jump();
  composer.focus();
};
$('share').onclick = share;
$('banner-act').onclick = () => chat.connection.start();
$('backdrop').onclick = nav.close;
$('settings-open').onclick = $('me').onclick = openSettings;
$('settings').onclose = () => {
  const name = cleanName($('name').value);
  if (name !== me.name) chat.rename(name);
  composer.focus();
};
setting('theme', 'value', site.get('theme', 'auto'), localize);
setting('sound', 'checked', site.get('sound', false), ({ checked }) => {
  $('sound-why').textContent = checked && !notify.playSound() ? t('noSound') : '';
});
setting('notify', 'checked', site.get('notify', false), async (node) => {
  const why = node.checked && (await notify.refusal());
  $('notify-why').textContent = why ? t(why) : '';
  if (why) site.set('notify', (node.checked = false));
});
addEventListener('popstate', () => switchTo(roomOfAddress()));
addEventListener('pagehide', () => {
  chat.room.draft = composer.text;
  chat.room.save();
});

showRoom();
if (!me.isKept) chat.note('noStorage');
chat.connection.start();
composer.focus();

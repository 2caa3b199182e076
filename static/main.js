// The chat page: ties the conversation to what is seen.
import { Chat } from './chat.js';
import { parse, roomOf } from './commands.js';
import { Composer } from './composer.js';
import { $, avatar, make, put } from './dom.js';
import { Identity } from './identity.js';
import { Log } from './log.js';
import { quoted, roomLabel, visible } from './names.js';
import { calls } from './markup.js';
import * as notify from './notify.js';
import { panel } from './panels.js';
import { forgetRoom, roomLink, roomOfAddress, roomText, showPeople, showRooms, showUnread, unread, waitingRooms } from './people.js';
import { LOBBY, cleanName, excessOfName } from './protocol.js';
import { site, tab } from './store.js';
import { guestName, localize, t } from './text.js';
import { WireView } from './wire.js';

const ASK = 20000; // ms between two looks at other rooms
const TYPING = 4500; // ms that somebody is said to write

localize();
const wire = new WireView();
const me = await Identity.claim();
const told = {
  room: showRoom, people: showPeopleSoon, records: onRecords, twins: onTwins, state: onState, token: askToken,
  changed: (record) => log.redo(record), reacted: (record) => log.react(record), past: () => log.past(),
};
takeToken();
const chat = new Chat(me, roomOfAddress(), told, (...frame) => wire.record(...frame));
const log = new Log($('messages'), { onMove: showJump, onTop: () => chat.past(), me });
const composer = new Composer(chat, {
  onSend,
  onEmpty: keepGuestName,
  onUp: () => log.focusLast(),
  onType: () => chat.typing(),
  onSize: () => log.settle(),
  quote: (re) => chat.place.quote(re),
  nameOf: (id) => chat.place.who(id),
  names: () => [...chat.place.members.values()].map(visible).filter((name) => name && name !== me.name),
});
const nav = panel('nav');
wire.isShown = panel('wire', () => wire.draw()).isOpen;

function onSend(line, to, re) {
  const { act, why, ...what } = parse(line, chat.place);
  if (act === 'say') say(what.text, what.to ?? to, re);
  else if (act === 'to') composer.to = what.to;
  else if (act === 'help') chat.note('help');
  else if (act === 'retract') retractLast();
  else if (act === 'slow') chat.slow(what.seconds);
  else if (act === 'kick') chat.kick(what.to, what.text);
  else if (act === 'ban') ban(what.to, what.seconds, what.text);
  else if (act === 'problem') chat.note(...why);
  else if (act === 'room') goTo(what.name, what.text);
  else if (what.name) rename(what.text);
  else openSettings();
  log.jump();
  return act !== 'problem';
}

function say(text, to, re) {
  chat.say(text, to ? { to } : { re });
  hideWelcome();
}

function retractLast() {
  const last = chat.place.records.findLast(({ isOwn, pos, kind, retracted }) => isOwn && pos && kind === 'message' && !retracted);
  if (last) chat.retract(last.pos);
}

async function ban(id, seconds, reason) {
  const who = chat.place.who(id);
  if (await chat.ban(id, seconds, reason).catch(() => {})) chat.note('banned', who);
}

$('emoji').append(...'👍 ❤️ 😂 🎉 😮 👀'.split(' ').map((value) => Object.assign(make('button', '', value), { value })));

// about: a record, or {from, name} of a person
function openMenu({ from, name, pos, isOwn }) {
  const menu = $('menu');
  put('menu-who', chat.place.names.who(from, name));
  for (const node of menu.querySelectorAll('.says')) node.hidden = !pos;
  menu.querySelector('[value=retract]').hidden = !pos || !(isOwn || chat.isModerator);
  for (const node of menu.querySelectorAll('.mods')) node.hidden = isOwn || !chat.isModerator;
  menu.returnValue = '';
  menu.showModal();
  menu.onclose = () => {
    const act = menu.returnValue;
    if (act === 'reply') {
      composer.re = pos;
      composer.focus();
    }
    if (/[^a-z]/.test(act)) chat.react(pos, act);
    if (act === 'retract') chat.retract(pos);
    if (act === 'kick') chat.kick(from);
    if (act === 'hour') ban(from, 3600);
    if (act === 'ban') ban(from);
  };
}

// The link of a moderator ends with #token=T: no server sees that, and it stays in no history.
function takeToken() {
  const [, token] = location.hash.match(/^#token=([\w.-]+)$/) ?? [];
  if (!token) return;
  tab.set('token', token);
  history.replaceState(null, '', location.pathname + location.search);
}

// The server wants another token. It may give one for a password; else the banner tells what is wanted.
async function askToken() {
  tab.set('token', null);
  site.set('token', null);
  const answer = await fetch('api/password').catch(() => undefined);
  if (answer?.status !== 204) return undefined;
  $('door').showModal();
  return new Promise((resolve) => ($('door-form').onsubmit = (event) => knock(event).then((token) => token && resolve(token))));
}

async function knock(event) {
  event.preventDefault();
  const body = JSON.stringify({ password: $('password').value });
  const answer = await fetch('api/password', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    .catch(() => undefined);
  $('door-why').textContent = answer?.status === 429 ? t('waitPassword', answer.headers.get('Retry-After'))
    : answer ? t('wrongPassword') : t('offline');
  $('password').select();
  if (!answer?.ok) return undefined;
  const { token } = await answer.json();
  site.set('token', token);
  $('password').value = '';
  $('door').close();
  return token;
}

function rename(text) {
  const name = cleanName(text);
  chat.rename(name);
  hideWelcome();
  if (excessOfName(text)) chat.note('cut', name);
}

function goTo(name, text = name) {
  if (name !== chat.place.name) history.pushState(null, '', roomLink(name));
  switchTo(name);
  if (excessOfName(text)) chat.note('cut', name);
  nav.close();
  composer.focus();
}

function switchTo(name) {
  leaveDraft();
  unread.delete(name);
  chat.enter(name);
  tellWaiting();
}

function leaveDraft() {
  chat.place.draft = composer.text;
  chat.place.draftTo = composer.to;
  chat.place.draftRe = composer.re;
}

function tellWaiting() {
  for (const [name, count] of waitingRooms()) if (name !== chat.place.name) chat.note('waitsIn', count, quoted(roomLabel(name)));
}

function forget(name) {
  const isWaiting = waitingRooms().find(([other]) => other === name);
  if (isWaiting) return chat.note('waitsIn', isWaiting[1], quoted(roomLabel(name)));
  if (name === chat.place.name) goTo(LOBBY);
  chat.forget(name);
  forgetRoom(name);
  showRooms(chat.place.name, forget);
}

function writeTo(id) {
  nav.close();
  composer.to = id;
  composer.focus();
}

function openShare() {
  const link = new URL(roomLink(chat.place.name), location.href).href;
  $('link').value = link;
  $('qr').src = `qr.svg?text=${encodeURIComponent(link)}`;
  put('link-why', /^(localhost|127\.|\[::1\])/.test(location.hostname) ? t('onlyHere') : '');
  put('copy', t('copy'));
  $('invite').showModal();
  $('link').select();
}

async function copyLink() {
  const isCopied = await navigator.clipboard?.writeText($('link').value).then(() => true, () => false);
  $('link').select();
  put('copy', t(isCopied || document.execCommand('copy') ? 'copied' : 'noCopy'));
}

function save() {
  const lines = chat.place.records.filter(({ kind }) => kind !== 'notice').map(({ ts, from, name, text }) =>
    `${new Date(ts).toISOString()} ${chat.place.names.who(from, name)}: ${text}\n`);
  const href = URL.createObjectURL(new Blob(lines, { type: 'text/plain' }));
  Object.assign(make('a', ''), { href, download: `${roomLabel(chat.place.name)}.txt` }).click();
  setTimeout(URL.revokeObjectURL, 10000, href);
}

function openSettings() {
  $('name').value = me.name;
  put('name-why', '');
  $('settings').showModal();
}

// A newcomer is asked for a name once; who just talks stays a number.
function showWelcome() {
  $('welcome').hidden = me.name !== '' || site.get('asked', false);
  $('guest').value = guestName(me.id);
}

function hideWelcome() {
  if ($('welcome').hidden) return;
  $('welcome').hidden = true;
  site.set('asked', true);
}

function keepGuestName() {
  if ($('welcome').hidden) return;
  rename($('guest').value);
  composer.focus();
}

function showRoom() {
  const { name, draft, draftTo, draftRe } = chat.place;
  const label = roomLabel(name);
  $('room-name').replaceChildren('# ', make('bdi', '', label));
  composer.room = `${t('message')} # ${label}`;
  notify.setTitle(name === LOBBY ? notify.siteTitle : `${label} · ${notify.siteTitle}`);
  showRooms(name, forget);
  typists.clear();
  log.show(chat.place);
  composer.text = draft;
  composer.to = draftTo;
  composer.re = draftRe ?? undefined;
  showPeopleSoon();
}

function onRecords(record, isNews) {
  const { place: room } = chat;
  if (isNews && (notify.isAway() || chat.isReplaying)) room.leftOff ??= record;
  if (record?.isOwn) room.leftOff = undefined;
  log.changed();
  const { name, records, entries, names } = chat.place;
  $('empty').hidden = chat.state !== 'online' || entries.length || records.some(({ kind }) => kind !== 'notice');
  if (!record || record.kind === 'notice' || record.state === 'failed') return;
  const key = [name, record.pos ?? record.ts, record.from].join();
  const isCall = isNews && calls(record.text, me.name);
  notify.arrived(key, { isNews, isOwn: record.isOwn, isCall }, () => names.who(record.from, record.name), record.text);
}

// What has come in rooms that were left.
async function askUnread() {
  if (document.hidden || chat.state !== 'online') return;
  chat.place.markSeen();
  for (const { dataset: { room } } of document.querySelectorAll('#rooms a')) {
    const since = site.get(`seen.${room}`);
    const answer = since && room !== chat.room && (await chat.unread(room, since).catch(() => {}));
    unread.set(room, answer?.count);
  }
  showUnread();
}

// Pings and pongs, which browsers hide. What the browser tells itself is not told twice.
chat.on('wire', ({ by, frame, hex, count }) => {
  if (/^p/.test(frame)) wire.record(by === 'server' ? 'in' : 'out', frame, hex, count);
});
chat.on('live', () => $('controls').checked && hearControls());

function hearControls() {
  chat.command({ type: 'wire', on: $('controls').checked });
}

let relabelling;

function onTwins() {
  relabelling ??= setTimeout(() => {
    relabelling = undefined;
    log.relabel();
    showPeopleSoon();
  }, 200);
}

function showJump() {
  $('jump').hidden = log.isFollowing;
  put('jump', `↓ ${log.missed ? t('newMessages', log.missed) : t('toEnd')}${log.called ? ` · @${log.called}` : ''}`);
}

let due;

// At most every 50 ms: rooms may be large.
function showPeopleSoon() {
  due ??= setTimeout(showPeopleNow, 50);
}

function showPeopleNow() {
  due = undefined;
  showPeople(me, chat.place, writeTo);
  composer.to = composer.to; // names change
  put('here', t('here', chat.place.count));
  put('ws-id', me.id);
  $('me').replaceChildren(avatar(me.id, me.name));
  $('me').ariaLabel = $('me').title = visible(me.name) || t('client', me.id);
}

const typists = new Map(); // id → until when it is shown
chat.on('typing', ({ from, isOwn }) => {
  if (!isOwn) typists.set(from, performance.now() + TYPING);
  showTypists();
});
chat.on('message', ({ from }) => typists.delete(from));

function showTypists() {
  const names = [...typists].filter(([, until]) => until > performance.now()).map(([id]) => chat.place.who(id));
  put('types', names.length ? t('types', names.slice(-3).join(', ')) : '');
}

let retryAt = 0;

function onState(at) {
  retryAt = at;
  const state = chat.condition;
  document.body.dataset.state = state;
  put('status', t(state));
  if (state === 'connecting') return; // or the banner would flicker
  askUnread();
  $('banner').hidden = state === 'online';
  document.body.classList.toggle('mod', chat.isModerator);
  put('banner-text', t(`${state}Long`, chat.why?.text, quoted(roomLabel(chat.place.name))));
  put('banner-act', t(`${state}Act`) || t('again'));
}

setInterval(() => {
  const left = Math.ceil((retryAt - performance.now()) / 1000);
  showTypists();
  put('countdown', left > 0 ? t('retryIn', left) : '');
}, 500);

setInterval(askUnread, ASK);
document.addEventListener('visibilitychange', askUnread);

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
onSubmit('share-form', () => $('invite').close());
onSubmit('welcome', keepGuestName);
$('guest-no').onclick = () => {
  hideWelcome();
  composer.focus();
};
onSubmit('settings-form', () => {
  const { value } = $('name');
  $('settings').close();
  if (cleanName(value) !== me.name) rename(value);
});
onSubmit('room-form', () => {
  const { value } = $('room-field');
  const name = roomOf(value);
  $('room-field').value = '';
  if (name) goTo(name, value);
});
$('people-filter').oninput = showPeopleNow;
$('name').oninput = ({ target }) => {
  const excess = excessOfName(target.value);
  put('name-why', excess ? t('tooLong', excess) : '');
};
$('rooms').onclick = (event) => {
  const link = event.target.closest('a');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  goTo(link.dataset.room);
};
$('messages').addEventListener('again', ({ detail: { to, text } }) => {
  composer.text = text;
  composer.to = to;
});
addEventListener('more', ({ detail }) => openMenu(detail));
addEventListener('react', ({ detail: { pos, emoji, on } }) => chat.react(pos, emoji, on));
addEventListener('goto', ({ detail }) => log.goTo(detail));
$('jump').onclick = () => {
  log.jump();
  composer.focus();
};
$('share').onclick = openShare;
$('copy').onclick = copyLink;
$('save').onclick = save;
$('invite').onclose = () => composer.focus();
$('banner-act').onclick = () => chat.start();
$('backdrop').onclick = nav.close;
$('settings-open').onclick = $('me').onclick = openSettings;
$('settings').onclose = () => composer.focus();
setting('theme', 'value', site.get('theme', 'auto'), localize);
setting('language', 'value', site.get('language', 'auto'), () => location.reload());
setting('controls', 'checked', site.get('controls', false), hearControls);
setting('sound', 'checked', site.get('sound', false), ({ checked }) => {
  put('sound-why', checked && !notify.playSound() ? t('noSound') : '');
});
setting('notify', 'checked', site.get('notify', false), async (node) => {
  const why = node.checked && (await notify.refusal());
  put('notify-why', why ? t(why) : '');
  if (why) site.set('notify', (node.checked = false));
});
addEventListener('blur', () => (chat.place.leftOff = undefined));
addEventListener('hashchange', () => location.hash && location.reload());
addEventListener('popstate', () => switchTo(roomOfAddress()));
addEventListener('pagehide', () => {
  leaveDraft();
  chat.place.save();
});

showRoom();
showWelcome();
if (!me.isStored) chat.note('noStorage');
if (excessOfName(roomText())) chat.note('cut', chat.place.name);
tellWaiting();
chat.start();
composer.focus();

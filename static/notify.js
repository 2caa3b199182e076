// Tells of messages to somebody who looks elsewhere: once for one person, however many tabs are open.
import { straight } from './names.js';
import { channel, site } from './store.js';

const SOUND_PAUSE = 3000; // ms between two sounds
const MANY = 999; // messages that are counted
const TALK = 1000; // ms in which the other tabs say what they know of a message

const icon = document.querySelector('link[rel=icon]');
const plain = icon.href;
const rank = Math.random(); // among tabs that nobody looks at, one tells
const heard = new Map(); // message → what other tabs say of it: 'own', 'seen', or their rank
export const siteTitle = document.title; // of the server's choice
let title = '';
let unread = [];
const calls = new Set(); // those of them that call us
let audio;
let soundAt = -Infinity;

const others = channel('wschat.news', (all) => {
  for (const { key, says } of all) {
    heard.set(key, [...(heard.get(key) ?? []), says]);
    if (heard.size > 500) heard.delete(heard.keys().next().value);
  }
  const done = new Set(all.filter(({ says }) => says !== +says).map(({ key }) => key));
  unread = unread.filter((key) => !done.has(key));
  setTitle();
});
let due;

// The first at once, for timers of hidden tabs are slow; what follows in portions.
function tellOthers(key, says) {
  if (due) return due.push({ key, says });
  others.postMessage([{ key, says }]);
  due = [];
  setTimeout(() => {
    others.postMessage(due);
    due = undefined;
  }, 50);
}

export const isAway = () => document.hidden || !document.hasFocus();

const badge = () =>
  `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4.5" fill="%23d3304a"/><text x="4.5" y="6.7" font-size="6" font-family="sans-serif" fill="%23fff" text-anchor="middle">${Math.min(unread.length, 99)}</text></svg>`;

export function setTitle(next = title) {
  title = next;
  const called = unread.filter((key) => calls.has(key)).length;
  document.title = unread.length ? `(${called ? `@${called} · ` : ''}${unread.length}) ${title}` : title;
  icon.href = unread.length ? badge() : plain;
}

function seen() {
  if (!unread.length || isAway()) return;
  for (const key of unread) tellOthers(key, 'seen');
  unread = [];
  calls.clear();
  setTitle();
}
addEventListener('focus', seen);
document.addEventListener('visibilitychange', seen);

// A soft tone. Browsers are silent until the page is used. False where there is no sound.
export function playSound() {
  try {
    audio ??= new AudioContext();
    const now = audio.currentTime;
    const tone = new OscillatorNode(audio, { frequency: 740 });
    const volume = new GainNode(audio, { gain: 0.1 });
    tone.frequency.setValueAtTime(990, now + 0.09);
    volume.gain.setTargetAtTime(0, now, 0.08);
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(now + 0.5);
    return true;
  } catch {
    return false;
  }
}

// A message has come. key: the same in all tabs; isNews: it was not there before; isCall: it calls us
export function arrived(key, { isNews, isOwn, isCall }, from, body) {
  const says = isOwn ? 'own' : isAway() ? rank : 'seen';
  if (says !== rank || isNews) tellOthers(key, says);
  if (isCall) calls.add(key);
  if (says === rank && isNews) setTimeout(tell, TALK, key, from, body);
}

function tell(key, from, body) {
  const known = heard.get(key) ?? [];
  if (known.includes('own') || known.includes('seen') || !isAway()) return;
  if (unread.push(key) > MANY) unread.shift();
  setTitle();
  if (known.some((other) => other < rank)) return;
  if (site.get('sound') && performance.now() - soundAt > SOUND_PAUSE) {
    soundAt = performance.now();
    playSound();
  }
  try {
    if (site.get('notify')) new Notification(from(), { body: straight(body), tag: 'wschat' }).onclick = () => window.focus();
  } catch {
    // Phones allow them only from service workers.
  }
}

// Undefined, or why there will be none: the words for t().
export async function refusal() {
  if (!window.isSecureContext) return 'needsHttps';
  const answer = await window.Notification?.requestPermission().catch(() => {});
  return answer === 'granted' ? undefined : 'notAllowed';
}

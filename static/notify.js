// Tells of messages to somebody who looks elsewhere.
import { site } from './store.js';

const icon = document.querySelector('link[rel=icon]');
const plain = icon.href;
let unread = 0;
let title = '';
let audio;

const isAway = () => document.hidden || !document.hasFocus();

const badge = () =>
  `data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4.5" fill="%23d3304a"/><text x="4.5" y="6.7" font-size="6" font-family="sans-serif" fill="%23fff" text-anchor="middle">${Math.min(unread, 99)}</text></svg>`;

export function setTitle(next = title) {
  title = next;
  document.title = unread ? `(${unread}) ${title}` : title;
  icon.href = unread ? badge() : plain;
}

function seen() {
  if (!unread || isAway()) return;
  unread = 0;
  setTitle();
}
addEventListener('focus', seen);
document.addEventListener('visibilitychange', seen);

// A soft tone. Browsers are silent until the page is used.
export function playSound() {
  audio ??= new AudioContext();
  const now = audio.currentTime;
  const tone = new OscillatorNode(audio, { frequency: 740 });
  const volume = new GainNode(audio, { gain: 0.1 });
  tone.frequency.setValueAtTime(990, now + 0.09);
  volume.gain.setTargetAtTime(0, now, 0.08);
  tone.connect(volume).connect(audio.destination);
  tone.start();
  tone.stop(now + 0.5);
}

export function arrived(from, body) {
  if (!isAway()) return;
  unread++;
  setTitle();
  if (site.get('sound')) playSound();
  try {
    if (site.get('notify')) new Notification(from, { body, tag: 'wschat' }).onclick = () => window.focus();
  } catch {
    // Phones allow them only from service workers.
  }
}

// The switch goes back when the browser refuses.
export async function allow(node) {
  if (node.checked) node.checked = (await window.Notification?.requestPermission()) === 'granted';
  site.set('notify', node.checked);
}

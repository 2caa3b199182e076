// Tells of messages to somebody who looks elsewhere: number in the title and on the icon, and, when the person wants
// them, a sound and a desktop notification.
import { site } from './store.js';

const icon = document.querySelector('link[rel=icon]');
const plainIcon = icon.href;
let unread = 0;
let title = document.title;
let audio;

export const wants = (what) => site.get(what, false);

const isAway = () => document.hidden || !document.hasFocus();

function drawIcon() {
  if (!unread) {
    icon.href = plainIcon;
    return;
  }
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 64;
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#4656d8';
  pen.beginPath();
  pen.roundRect(2, 6, 54, 46, 16);
  pen.fill();
  pen.fillStyle = '#e0364f';
  pen.beginPath();
  pen.arc(42, 42, 22, 0, 7);
  pen.fill();
  pen.fillStyle = '#fff';
  pen.font = 'bold 28px sans-serif';
  pen.textAlign = 'center';
  pen.fillText(unread > 9 ? '9+' : unread, 42, 52);
  icon.href = canvas.toDataURL();
}

function show() {
  document.title = unread ? `(${unread}) ${title}` : title;
  drawIcon();
}

export function setTitle(next) {
  title = next;
  show();
}

function seen() {
  if (isAway() || !unread) return;
  unread = 0;
  show();
}

addEventListener('focus', seen);
document.addEventListener('visibilitychange', seen);

// Two soft tones. Browsers allow sound only after the person did something with the page: until then it is silent.
export function playSound() {
  audio ??= new AudioContext();
  audio.resume();
  for (const [i, pitch] of [660, 880].entries()) {
    const start = audio.currentTime + i * 0.09;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, start);
    volume.gain.linearRampToValueAtTime(0.08, start + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.22);
    tone.connect(volume).connect(audio.destination);
    tone.start(start);
    tone.stop(start + 0.24);
  }
}

function notify(from, text) {
  try {
    const note = new Notification(from, { body: text.slice(0, 200), tag: 'wschat' });
    note.onclick = () => {
      window.focus();
      note.close();
    };
  } catch {
    // Some phones allow notifications only from service workers.
  }
}

// A message of somebody else has come.
export function arrived(from, text) {
  if (!isAway()) return;
  unread++;
  show();
  if (wants('sound')) playSound();
  if (wants('notify') && 'Notification' in window && Notification.permission === 'granted') notify(from, text);
}

// Resolves to whether notifications are on now.
export async function allowNotifications(isWanted) {
  const isOn = isWanted && 'Notification' in window && (await Notification.requestPermission()) === 'granted';
  site.set('notify', isOn);
  return isOn;
}

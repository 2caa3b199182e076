import { t } from './status-words.js';

// How figures are written. Each returns the number and its unit; NaN is a dash.
const short = (value) => String(Number(value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)));

function scaled(value, steps) {
  if (Number.isNaN(value)) return ['–', ''];
  const [factor, unit] = steps.find(([factor]) => value >= factor * 0.9995) ?? steps.at(-1);
  return [short(value / factor), unit];
}

export const count = (value) =>
  Number.isInteger(value) && value < 1e5 ? [value.toLocaleString('en'), ''] : scaled(value, [[1e9, 'G'], [1e6, 'M'], [1e3, 'k'], [1, '']]);

export function rate(value) {
  const [number, unit] = count(value < 10 ? value : Math.round(value));
  return [number + unit, '/s'];
}

export const bytes = (value) => scaled(value, [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [1024, 'KiB'], [1, 'B']]);

export function byteRate(value) {
  const [number, unit] = bytes(value);
  return [number, `${unit || 'B'}/s`];
}

export const duration = (value) => scaled(value, [[1, 's'], [1e-3, 'ms'], [1e-6, 'µs']]);
export const percent = (value) => [scaled(value * 100, [[1, '']])[0], '%'];

export function age(seconds) {
  const [days, hours, minutes] = [seconds / 86400, (seconds / 3600) % 24, (seconds / 60) % 60].map(Math.floor);
  if (days > 0) return t('{0} d {1} h', days, hours);
  if (hours > 0) return t('{0} h {1} min', hours, minutes);
  return minutes > 0 ? t('{0} min', minutes) : t('{0} s', short(Math.max(0, seconds)));
}

export const clock = (date) => date.toLocaleTimeString('en-GB');

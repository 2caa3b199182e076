// What the cards of the status page show.
import { byLabel, quantile } from './status-metrics.js';
import { age, byteRate, bytes, count, duration, percent, rate } from './status-text.js';
import { t } from './status-words.js';

// Each figure is made of a reading (now), the one before it and the seconds between, and one of a while ago.
const get = (name) => ({ now }) => now.get(name) ?? NaN;
const perSecond = (name) => ({ now, before, seconds }) => (now.get(name) - before?.get(name)) / seconds;
const below = (share, name) => ({ now, earlier }) => (earlier ? quantile(share, name, now, earlier) : NaN);
const halves = (name) => [[t('median'), below(0.5, name)], ['99 %', below(0.99, name)]];

const write = (format, now, name) => format(now.get(name) ?? NaN).join(' ').trim();

const journal = (now) =>
  now.get('wschat_journal_failing') ? t('cannot be written now: messages are refused')
    : t('{0} in {1} files · waiting: {2} · failures: {3}', write(bytes, now, 'wschat_journal_bytes'), write(count, now, 'wschat_journal_segments'),
      write(count, now, 'wschat_journal_waiting'), write(count, now, 'wschat_journal_failures_total'));

const redis = (now) => {
  const all = byLabel(now, 'wschat_redis_up');
  const down = all.filter(([, isUp]) => !isUp).map(([name]) => name);
  const state = down.length ? t('down: {0}', down.join(', ')) : all.length > 1 ? t('all {0} up', all.length) : t('up');
  return t('{0} · waiting: {1} · rooms: {2} · connections lost: {3}', state, write(count, now, 'wschat_redis_pending'), write(count, now, 'wschat_redis_rooms'),
    write(count, now, 'wschat_redis_reconnects_total'));
};

// needs: a series without which there is no such card; lines: what each means, and its value; write: how it is written; height, low: of the chart (status-chart.js)
export const cards = [
  {
    title: t('Clients'), lines: [['', get('wschat_clients')]], write: count, height: 4,
    note: ({ now }) => t('of {0} · rooms: {1} · connections: {2}', write(count, now, 'wschat_max_clients'), write(count, now, 'wschat_rooms'), write(count, now, 'wschat_connections')),
  }, {
    title: t('Messages'), lines: [['', perSecond('wschat_messages_total')]], write: rate, height: 2,
    note: ({ now }) => t('{0} since the start', write(count, now, 'wschat_messages_total')),
  }, {
    title: t('Deliveries'), lines: [['', perSecond('wschat_deliveries_total')]], write: rate, height: 2,
    note: ({ now }) => t('{0} since the start', write(count, now, 'wschat_deliveries_total')),
  }, {
    title: t('Traffic'), lines: [[t('out'), perSecond('wschat_sent_bytes_total')], [t('in'), perSecond('wschat_received_bytes_total')]], write: byteRate, height: 1024,
    note: ({ now }) => t('{0} out, {1} in since the start', write(bytes, now, 'wschat_sent_bytes_total'), write(bytes, now, 'wschat_received_bytes_total')),
  }, {
    title: t('Delivery lag'), lines: halves('wschat_delivery_lag_seconds'), write: duration, height: 1e-3, low: 1e-5,
    note: () => t('from readable to handed to the sockets'),
  }, {
    title: t('Tick'), lines: halves('wschat_tick_seconds'), write: duration, height: 1e-3, low: 1e-5,
    note: () => t('how long the server is busy at a time'),
  }, {
    title: 'CPU', lines: [['', perSecond('process_cpu_seconds_total')]], write: percent, height: 0.05,
    note: ({ now }) => t('of one core · {0} since the start', age(now.get('process_cpu_seconds_total') ?? 0)),
  }, {
    title: t('Memory'), lines: [['', get('process_resident_memory_bytes')]], write: bytes, height: 2 ** 20,
    note: ({ now }) => t('{0} of it history · open files: {1}', write(bytes, now, 'wschat_history_bytes'), write(count, now, 'process_open_fds')),
  }, {
    title: t('Clients behind'), lines: [['', get('wschat_slow_connections')]], write: count, height: 4,
    note: ({ now }) => t('by up to {0} · closed: {1} · slowed down: {2}', write(bytes, now, 'wschat_slowest_lag_bytes'), write(count, now, 'wschat_lagged_total'), write(count, now, 'wschat_throttled_total')),
  }, {
    title: t('Journal: syncs'), needs: 'wschat_journal_bytes', lines: halves('wschat_journal_sync_seconds'), write: duration, height: 1e-2, low: 1e-5,
    note: ({ now }) => journal(now),
  }, {
    title: t('Redis: round trips'), needs: 'wschat_redis_pending', lines: halves('wschat_redis_round_trip_seconds'), write: duration, height: 1e-2, low: 1e-5,
    note: ({ now }) => redis(now),
  },
];

const CLOSES = {
  1000: 'done', 1001: 'going away', 1002: 'protocol error', 1003: 'binary message', 1005: 'no code given', 1006: 'connection lost',
  1007: 'not UTF-8', 1009: 'message too long', 1011: 'out of memory', 1012: 'its room began anew', 1013: 'too far behind, or no place',
  4000: 'taken over by its owner', 4009: 'id in use', 4401: 'no valid token', 4403: 'no right, or put out',
};

const STATUSES = {
  101: 'now a WebSocket', 200: 'answered', 201: 'made', 204: 'done', 304: 'not modified', 308: 'sent to its base path', 400: 'malformed', 401: 'no valid token',
  403: 'not allowed', 404: 'no such path', 405: 'other method', 406: 'other kind of answer wanted', 408: 'took too long', 409: 'contradicts what is there',
  411: 'no length given', 413: 'too long a body', 414: 'line too long', 415: 'other kind of body', 421: 'other host', 422: 'makes no sense', 426: 'not an upgrade',
  429: 'too many from there', 431: 'head too long', 500: 'file not readable', 501: 'not implemented', 503: 'full, or shutting down', 505: 'HTTP version',
};

// Rows of a table: code, meaning, how often.
const rows = (now, name, meanings) =>
  byLabel(now, name).filter(([, times]) => times > 0).map(([code, times]) => [code, t(meanings[code] ?? ''), times.toLocaleString('en')]);

export const tables = {
  closes: (now) => rows(now, 'wschat_closes_total', CLOSES),
  responses: (now) => rows(now, 'wschat_http_responses_total', STATUSES),
};

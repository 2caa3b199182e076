// The status page: asks for /metrics every two seconds and shows what happened in the last five minutes. It begins with what
// the server remembers of them.
import { cards, tables } from './status-cards.js';
import { Chart } from './status-chart.js';
import { byLabel, parse } from './status-metrics.js';
import { age, clock } from './status-text.js';
import { localize, t } from './status-words.js';

const EVERY = 2000; // ms between two questions
const PATIENCE = 5000; // ms for an answer
const SPAN = 300000; // ms that are shown
const ROOMS_EVERY = 5; // questions
const LOOK_BACK = 5; // readings that a quantile is made of

const $ = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

// The page changes only where it has to, so that what is selected stays so.
function tell(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// ---- Readings ----

let readings = []; // oldest first: { series, time, date }, and of each card { values, note }
let hasGap = true; // what comes next has nothing to be compared with
let pointed = null; // the time that the pointer is at

// time: of performance.now()
function keep(series, date, time = performance.now()) {
  const start = 'process_start_time_seconds';
  if (readings.at(-1)?.series.get(start) !== series.get(start)) {
    readings = []; // another process: its counters are others
    hasGap = true;
  }
  const before = hasGap ? undefined : readings.at(-1);
  const earlier = readings.at(-LOOK_BACK) ?? readings[0];
  const made = { now: series, before: before?.series, seconds: (time - before?.time) / 1000, earlier: earlier?.series };
  const shown = cards.map(({ lines, note }) => ({ values: lines.map(([, value]) => value(made)), note: note(made) }));
  if (readings.length > LOOK_BACK) readings.at(-1 - LOOK_BACK).series = null;
  readings.push({ series, time, date, shown, isFirst: hasGap });
  readings = readings.filter((reading) => reading.time > time - SPAN);
  hasGap = false;
}

// What was before this page was opened.
async function recall() {
  const response = await fetch('past', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  const [now, date] = [performance.now(), new Date(response.headers.get('Date'))];
  for (const text of response.ok ? (await response.text()).split('\n\n') : []) {
    const series = parse(text);
    const then = new Date(series.get('time'));
    const time = now - (date - then);
    if (time <= now && time > (readings.at(-1)?.time ?? now - SPAN)) keep(series, then, time);
  }
}

// ---- Cards ----

function addCard({ title, needs, lines, write, height, low = 0 }, index) {
  const heading = make('h2', '', title);
  const numbers = lines.map(() => make('b', ''));
  const units = lines.map(() => make('span', 'unit'));
  const figures = lines.map(([name], i) => make('p', `figure line-${i}`, numbers[i], units[i], ...(name ? [make('span', 'name', name)] : [])));
  const note = make('p', 'note');
  const peak = make('p', 'peak');
  const chart = new Chart(lines.length, SPAN, (time) => {
    pointed = time;
    draw();
  });
  heading.id = `card-${index}`;
  const node = make('section', 'card', heading, make('div', 'figures', ...figures), peak, chart.node, note);
  node.setAttribute('aria-labelledby', heading.id);
  $('cards').append(node);
  return (at) => {
    node.hidden = needs && !readings.at(-1).series.has(needs);
    const points = readings.map(({ time, shown, isFirst }) => ({ time, isFirst, values: shown[index].values }));
    const most = chart.draw(points, readings.indexOf(at), height, low);
    at.shown[index].values.forEach((value, i) => {
      const [number, unit] = write(value);
      tell(numbers[i], number);
      tell(units[i], unit);
    });
    tell(note, at.shown[index].note);
    const summary = most > 0 ? t('peak {0}', write(most).join(' ').trim()) : '';
    tell(peak, at === readings.at(-1) ? summary : clock(at.date));
    chart.node.setAttribute('aria-label', `${t('{0} over the last five minutes', title)}${summary && ', '}${summary}`);
  };
}

const drawCards = cards.map(addCard);

function drawTable(id, rows) {
  const row = (cells) => make('tr', '', ...cells.map((cell, i) => make(i ? 'td' : 'th', '', cell)));
  const key = JSON.stringify(rows);
  if ($(id).dataset.key === key) return;
  $(id).dataset.key = key;
  $(id).replaceChildren(...(rows.length ? rows.map(row) : [make('tr', '', make('td', 'none', t('None so far')))]));
}

function draw() {
  const latest = readings.at(-1);
  const at = pointed === null ? latest : readings.findLast(({ time }) => time <= pointed) ?? readings[0];
  if (!at) return;
  for (const drawCard of drawCards) drawCard(at);
  tell($('shown'), at === latest ? t('The last five minutes') : t('At {0}', clock(at.date)));
}

// ---- The server ----

function show(state, text) {
  document.body.dataset.state = state;
  tell($('state'), text);
}

function showAnswer(series, date) {
  const [[version]] = byLabel(series, 'wschat_build_info');
  const up = age(Math.floor(date / 1000 - series.get('process_start_time_seconds')));
  tell($('facts'), t('Version {0} · up {1} · {2}', version, up, location.host));
  document.title = t('{0} clients – wschat status', series.get('wschat_clients'));
  if (series.get('wschat_stopping')) show('stopping', t('Shutting down'));
  else show('running', t('Running'));
  for (const [id, rows] of Object.entries(tables)) drawTable(id, rows(series));
}

function showSilence() {
  const last = readings.at(-1);
  hasGap = true;
  document.title = t('No answer – wschat status');
  show('gone', last ? t('No answer since {0}', clock(last.date)) : t('No answer'));
}

// All of them may be many to look through, so that is asked for more seldom.
async function askRooms() {
  const response = await fetch('busiest', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
  const { rooms } = response.ok ? await response.json() : { rooms: [] };
  $('busiest').parentNode.hidden = !response.ok; // under another name than the server's it tells none
  drawTable('busiest', rooms.map(({ room, members, messages }) => [`# ${room}`, t('{0} here', members.toLocaleString('en')), t('{0}/min', messages.toLocaleString('en'))]));
}

let asked = 0;

async function ask() {
  try {
    if (!asked) await recall();
    if (asked++ % ROOMS_EVERY === 0) await askRooms();
    const response = await fetch('metrics', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    const series = parse(await response.text());
    const date = new Date(response.headers.get('Date'));
    keep(series, date);
    showAnswer(series, date);
    draw();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof DOMException || /^status/.test(error.message))) throw error;
    showSilence();
  } finally {
    setTimeout(ask, EVERY);
  }
}

localize();
ask();

// A small chart without axes: lines over time up to their peak, and a mark where the pointer is.
const WIDTH = 300;
const HEIGHT = 60;
const TOP = 4; // kept free above the peak, so that a line is whole
const RIGHT = 3; // ... and for the dot at the end

function svg(tag, attributes) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

// Points that belong together: without a gap, and with a value.
function runs(points, line) {
  const all = [[]];
  for (const { time, values, isFirst } of points) {
    if (isFirst || !Number.isFinite(values[line])) all.push([]);
    if (Number.isFinite(values[line])) all.at(-1).push([time, values[line]]);
  }
  return all.filter((run) => run.length);
}

export class Chart {
  // lines: how many; span: milliseconds that are shown; onPoint: told the time that is pointed at, or null
  constructor(lines, span, onPoint) {
    const paths = (kind) => Array.from({ length: lines }, (_, i) => svg('path', { class: `${kind} line-${i}` }));
    this.span = span;
    this.node = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
    [this.areas, this.lines, this.dots] = ['area', 'line', 'dot'].map(paths);
    this.mark = svg('path', { class: 'mark' });
    this.node.append(...this.areas, this.mark, ...this.lines, ...this.dots);
    this.node.addEventListener('pointermove', ({ clientX }) => {
      const { left, width } = this.node.getBoundingClientRect();
      onPoint(this.end - span * (1 - (clientX - left) / (width * (1 - RIGHT / WIDTH))));
    });
    this.node.addEventListener('pointerleave', () => onPoint(null));
  }

  // points: [{ time, values: one for each line, maybe NaN; isFirst: nothing leads here }]; at: which one has a dot.
  // height: the least that the whole height means; low: where it begins, in powers of ten, or 0: evenly from zero on.
  // Returns the peak, NaN where there is none.
  draw(points, at, height, low) {
    const shown = points.flatMap(({ values }) => values.filter(Number.isFinite));
    const full = Math.max(height, ...shown);
    const share = (value) => (low ? Math.log(Math.max(value, low) / low) / Math.log(full / low) : value / full);
    this.end = points.at(-1).time;
    const x = (time) => ((1 - (this.end - time) / this.span) * (WIDTH - RIGHT)).toFixed(1);
    const y = (value) => (HEIGHT - 1 - share(value) * (HEIGHT - 1 - TOP)).toFixed(1);
    this.lines.forEach((line, i) => {
      const all = runs(points, i).map((run) => run.map(([time, value]) => [x(time), y(value)]));
      const path = (run) => run.map((point) => point.join(' ')).join('L');
      const { time, values } = points[at];
      line.setAttribute('d', all.map((run) => `M${path(run)}`).join(''));
      this.areas[i].setAttribute('d', all.map((run) => `M${run[0][0]} ${HEIGHT}L${path(run)}V${HEIGHT}Z`).join(''));
      this.dots[i].setAttribute('d', Number.isFinite(values[i]) ? `M${x(time)} ${y(values[i])}h0` : '');
    });
    this.mark.setAttribute('d', at < points.length - 1 ? `M${x(points[at].time)} 0V${HEIGHT}` : '');
    return shown.length ? Math.max(...shown) : NaN;
  }
}

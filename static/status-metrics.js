// Reads what /metrics says, and makes of two such readings what happened between them.

// Series by name and labels, as they are written.
export function parse(text) {
  const series = new Map();
  for (const line of text.split('\n')) {
    const [, name, value] = line.match(/^([^#\s].*) (\S+)$/) ?? [];
    if (name) series.set(name, Number(value.replace('Inf', 'Infinity')));
  }
  return series;
}

// Counts by the value of the one label: [['1000', 3], ...].
export const byLabel = (series, name) =>
  [...series].flatMap(([key, value]) => (key.startsWith(`${name}{`) ? [[key.match(/"(.*)"/)[1], value]] : []));

// Upper bound and count of each bucket of a histogram, since `before`.
function buckets(name, now, before) {
  let last = 0;
  return byLabel(now, `${name}_bucket`).map(([le, total]) => {
    const upTo = total - (before.get(`${name}_bucket{le="${le}"}`) ?? 0);
    const bucket = { bound: Number(le.replace('Inf', 'Infinity')), count: upTo - last };
    last = upTo;
    return bucket;
  });
}

// The value that the share q of what was counted between two readings is below, in seconds; NaN where nothing was
// counted. Within a bucket all values are taken to be evenly spread.
export function quantile(q, name, now, before) {
  const all = buckets(name, now, before);
  let rank = q * all.reduce((sum, { count }) => sum + count, 0);
  let low = 0;
  if (!(rank > 0)) return NaN;
  for (const { bound, count } of all) {
    if (rank <= count) return bound === Infinity ? low : low + (bound - low) * (rank / count);
    rank -= count;
    low = bound;
  }
  return low;
}

// Makes elements. Text goes in as text nodes only: nothing that a person wrote is ever read as HTML.
export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export const $ = (id) => document.getElementById(id);

export function button(className, label, onClick) {
  const node = make('button', className, label);
  node.type = 'button';
  node.onclick = onClick;
  return node;
}

// The colour of a person: neighbouring ids, as times are, get colours far apart.
function hue(id) {
  let hash = 0;
  for (const char of id) hash = (hash * 31 + char.charCodeAt(0)) >>> 0;
  return (Math.imul(hash, 2654435761) >>> 16) % 24 * 15;
}

export const paint = (node, id) => node.style.setProperty('--hue', hue(id));

const graphemes = 'Segmenter' in Intl ? new Intl.Segmenter() : null;
const first = (word) => (graphemes ? graphemes.segment(word)[Symbol.iterator]().next().value?.segment : [...word][0]) ?? '';

// One or two letters for a disc: the initials of a name, or the last digits of an id.
function initials(id, name) {
  if (!name) return id.slice(-2);
  const [one, two] = name.split(/\s+/);
  return (first(one) + (two ? first(two) : '')).toUpperCase();
}

export function avatar(id, name) {
  const node = make('span', 'avatar', initials(id, name));
  node.ariaHidden = 'true';
  paint(node, id);
  return node;
}

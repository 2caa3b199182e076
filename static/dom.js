// Makes elements. Text goes in as text nodes: nothing that a person wrote is read as HTML.
import { initials } from './names.js';

export const $ = (id) => document.getElementById(id);

export const put = (id, text) => ($(id).textContent = text);

export function make(tag, className, ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

export function button(className, onclick, ...children) {
  return Object.assign(make('button', className, ...children), { type: 'button', onclick });
}

// Everybody's colour. Ids are times: the hash sends neighbours far apart.
export function paint(node, id) {
  let hash = 0;
  for (const digit of id) hash = Math.imul(hash ^ digit.charCodeAt(0), 2654435761);
  node.style.setProperty('--hue', ((hash >>> 8) % 24) * 15);
}

// A disc with the initials of a name or the last digits of an id.
export function avatar(id, name) {
  const node = make('span', 'avatar');
  node.dataset.initials = initials(id, name);
  paint(node, id);
  return node;
}

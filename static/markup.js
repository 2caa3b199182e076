// What a message looks like: code, bold, links, a name that is called. All of it goes in as text, nothing as HTML.
import { make } from './dom.js';
import { graphemes, skeleton } from './names.js';

const LINK = /\bhttps?:\/\/[^\s<>"'`“”‘’«»（）《》，。；！？、\p{Default_Ignorable_Code_Point}\u2800]+/iu;
const PARTS = new RegExp([
  '```(?:[\\w+#-]*\\n)?(?<block>[^]*?)```\\n?',
  '`(?<code>[^`\\n]+)`',
  '(?<![\\w*])\\*\\*(?<bold>[^\\s*](?:[^\\n]{0,500}?[^\\s*])?)\\*\\*(?![\\w*])',
  `(?<link>${LINK.source})`,
  '(?<!\\w)[@＠](?<call>[^\\s@＠].{0,80})',
].join('|'), 'giu');

// Punctuation behind an address belongs to the sentence.
function trim(link) {
  const short = link.replace(/[.,:;!?*_~\]}]+$/, '');
  const isOdd = short.endsWith(')') && short.split(')').length > short.split('(').length;
  return isOdd ? trim(short.slice(0, -1)) : short;
}

// Its host stands behind a link that could be read otherwise, such as https://good.example@evil.example/
function anchor(text) {
  if (!URL.canParse(text)) return text;
  const link = Object.assign(make('a', '', text), { href: text, target: '_blank', rel: 'noopener noreferrer' });
  const { protocol, host } = link;
  if (!`${text.toLowerCase()}/`.startsWith(`${protocol}//${host}/`)) link.dataset.host = host;
  return link;
}

// @Ada, where we are Ada: a name may have several words. Chinese has no blanks around them.
function called(rest, mine) {
  const bones = skeleton(mine);
  let name = '';
  for (const char of rest) {
    name += char;
    const sofar = skeleton(name);
    if (sofar === bones && !/^[^\p{sc=Han}](?!\p{sc=Han})[\p{L}\p{N}\p{M}]/u.test(rest.slice(name.length - 1))) return name;
    if (!bones.startsWith(sofar)) return undefined;
  }
  return undefined;
}

// A node, and how many characters of the text it stands for.
function part({ 0: all, groups: { block, code, bold, link, call } }, mine) {
  if (block !== undefined) return [make('pre', '', make('code', '', block.replace(/\n$/, ''))), all.length];
  if (code) return [make('code', '', code), all.length];
  if (bold) return [make('strong', '', ...markup(bold, mine)), all.length];
  if (link) return [anchor(trim(link)), trim(link).length];
  const name = mine && called(call, mine);
  return name ? [make('mark', '', all[0] + name), 1 + name.length] : [all[0], 1];
}

// mine: the name that is highlighted where it is called, or ''
export function markup(text, mine = '') {
  const nodes = [];
  let end = 0;
  const parts = new RegExp(PARTS);
  for (let match; (match = parts.exec(text)); ) {
    const [node, length] = part(match, mine);
    nodes.push(text.slice(end, match.index), node);
    parts.lastIndex = end = match.index + length;
  }
  return [...nodes, text.slice(end)];
}

// Is somebody of that name called?
export const calls = (text, mine) => markup(text, mine).some(({ localName }) => localName === 'mark');

// A few emoji alone are large.
const EMOJI = /^(?:\p{RGI_Emoji}|\s)+$/v;
export const isBig = (text) => text.length < 60 && EMOJI.test(text) && graphemes(text.replace(/\s/g, '')).length < 4;

// Names are chosen by strangers. Shown is what can be seen of one; who looks like somebody else of the room has digits of
// the id beside the name.
import { t } from './text.js';

// By property: also what Unicode will add. Some flags have invisible tags.
const FLAG = '\\u{1F3F4}[\\u{E0030}-\\u{E007A}]+\\u{E007F}';
const HIDDEN = '\\p{Default_Ignorable_Code_Point}\\p{Cc}\\p{Cs}\\uFFF9-\\uFFFB\\u2800';
const HIDDEN_PARTS = new RegExp(`${FLAG}|[${HIDDEN}]`, 'gu');
const ALL_HIDDEN = new RegExp(`[${HIDDEN}\\p{M}\\p{White_Space}]`, 'gu');
const JOINERS = /^[\u200C\u200D\uFE0E\uFE0F\u180B-\u180D\u{E0100}-\u{E01EF}]$/u; // they shape what stands beside them
const MARKS = /([\p{M}\u200C\u200D]{4})[\p{M}\u200C\u200D]+/gu; // letters with more marks hide their neighbours
const TURNING = /[\u200E\u200F\u061C\u202A-\u202E\u2066-\u2069]/g;

const segmenter = Intl.Segmenter && new Intl.Segmenter();
export const graphemes = (text) => (segmenter ? Array.from(segmenter.segment(text), ({ segment }) => segment) : [...text]);

// What a person said, where it cannot be isolated: names and rooms have no such signs once they are shown.
export const straight = (text) => text.replace(TURNING, '');

export function visible(name) {
  const seen = name
    .replace(HIDDEN_PARTS, (part) => (part.length > 2 || JOINERS.test(part) ? part : ''))
    .replace(/\p{White_Space}+/gu, ' ').trim().replace(MARKS, '$1');
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(seen.replace(ALL_HIDDEN, '')) ? seen : '';
}

// A room is its bytes: what cannot be seen is spelled.
export const roomLabel = (name) =>
  name.replace(HIDDEN_PARTS, (part) => (part.length > 2 ? part : `⟨U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`));

// Letters, each before the Latin one that it looks like. An error costs a few digits on the screen.
const TWINS = new Map();
for (const [letter, latin] of 'аaΑAАAβbΒBВBсcСCϲcԁdеeЕEΕEһhΗHНHіiІIΙIιiјjЈJκkΚKКKкkӏlΜMМMΝNνvоoОOοoΟOрpРPρpΡPѕsЅSΤTТTυuуyУYΥYхxХXχxΧXΖZԛqԝwɑaɡgıi'
  .match(/../g)) TWINS.set(letter, latin);

// Two names with the same skeleton look alike.
export const skeleton = (name) =>
  [...name.normalize('NFKD').replace(ALL_HIDDEN, '')].map((char) => TWINS.get(char) ?? char).join('')
    .toLowerCase().replace(/[l1|]/g, 'i').replace(/0/g, 'o').replace(/rn/g, 'm').replace(/vv/g, 'w');

const isReserved = (bones) => ['you', '你'].includes(bones) || /#|^ciient|^客户端/.test(bones);

// What is one word needs no quotation marks. Those around a name are the only ones of their kind.
const WORD = /^[\p{L}\p{M}\p{N}\p{S}\p{Cf}._'’-]+$/u;
export const quoted = (name) => (WORD.test(name) ? name : `“${name.replace(/[“”]/g, '"')}”`);

const MANY = 20000; // names; then it begins anew

export class Names {
  #ids = new Map(); // skeleton → the ids that have been seen with it
  last = new Map(); // id → its last name: most are seen again and again

  // True when somebody has become one of two.
  see(id, name) {
    if (!name || !id || this.last.get(id) === name) return false;
    if (this.last.size + this.#ids.size > MANY) this.#ids.clear(), this.last.clear();
    this.last.set(id, name);
    const bones = skeleton(name);
    const ids = this.#ids.get(bones) ?? new Set();
    if (ids.has(id)) return false;
    this.#ids.set(bones, ids.add(id));
    return ids.size > 1;
  }

  // {name, mark}, to stand alone: the mark is empty where the name is enough.
  split(id, name) {
    const seen = visible(name ?? '');
    if (!seen) return { name: t('client', id), mark: '' };
    const bones = skeleton(name);
    const others = [...(this.#ids.get(bones) ?? [])].filter((other) => other !== id);
    if (!others.length && !isReserved(bones)) return { name: seen, mark: '' };
    let digits = 4;
    while (digits < id.length && others.some((other) => other.endsWith(id.slice(-digits)))) digits++;
    return { name: seen, mark: `#${id.slice(-digits)}` };
  }

  // To stand among words, which may be those of a name: “bob joined” joined.
  who(id, name) {
    const { name: seen, mark } = this.split(id, name);
    const known = visible(name ?? '') ? quoted(seen) : seen;
    return mark ? `${known} ${mark}` : known;
  }
}

// The first signs of the first two words, or the last digits of an id.
export function initials(id, name) {
  const words = visible(name ?? '').split(' ').map((word) => graphemes(word)[0] ?? '');
  return words[0] ? words.slice(0, 2).join('').toUpperCase() : id.slice(-2);
}

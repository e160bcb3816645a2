import type { ExprFunction, Vocabulary } from '@/api/expressions';

/** A tag or property as it may stand in a condition. */
export interface Name {
  name: string;
  title: string;
  unit: string;
}
export interface Offer {
  kind: 'tag' | 'function' | 'word' | 'unit';
  /** What stands in the list and, with `tail`, what is put in. */
  text: string;
  tail: string;
  note: string;
  help?: { zh: string; en: string };
}
export interface Offers {
  /** From here to the caret is replaced. */
  start: number;
  list: Offer[];
  /** What is typed is whole already: none is chosen before an arrow key is pressed. */
  whole: boolean;
}

/** The word that ends at the caret: it begins with a letter; names, paths and dots belong to it. */
export function wordAt(text: string, caret: number): { start: number; text: string } {
  const word = /(?:[\p{L}_%][\p{L}\p{N}_./%-]*)?$/u.exec(text.slice(0, caret))![0];
  return { start: caret - word.length, text: word };
}

function quoted(before: string): boolean {
  let open = '';
  for (const c of before) if (open ? c === open : c === "'" || c === '"') open = open ? '' : c;
  return open !== '';
}

/** The innermost call that is open at the caret: its name and which of its values the caret is in. */
export function callAt(text: string, caret: number): { name: string; argument: number } | null {
  const open: { name: string; argument: number }[] = [];
  let quote = '';
  for (let i = 0; i < caret; i++) {
    const c = text[i]!;
    if (quote) quote = c === quote ? '' : quote;
    else if (c === "'" || c === '"') quote = c;
    else if (c === '(') open.push({ name: /[\p{L}_][\p{L}\p{N}_]*(?=\s*$)/u.exec(text.slice(0, i))?.[0] ?? '', argument: 0 });
    else if (c === ')') open.pop();
    else if (c === ',' && open.length) open.at(-1)!.argument++;
  }
  return [...open].reverse().find((one) => one.name) ?? null;
}

const links = ['and', 'or', 'for', 'in', 'between', 'then', 'else'];
const number = /(?:^|[^\p{L}\p{N}_./-])\d+(?:\.\d+)?\s*$/u;

/** What may come next, by what stands before: a value, or what joins two; after a number its unit. */
function expected(before: string): 'value' | 'link' | 'unit' | 'quality' | 'duration' {
  if (/\.quality\s*(?:==|!=)\s*$/.test(before)) return 'quality';
  if (number.test(before)) return 'unit';
  const last = /[\p{L}\p{N}_./%'")-]+$/u.exec(before.trimEnd())?.[0] ?? '';
  if (last === 'for') return 'duration';
  if (!last || /^(?:and|or|not|if|then|else|in|between)$/.test(last) || /-$/.test(last)) return 'value';
  return 'link';
}

/** How well a word fits: 0 the name begins with it, 1 the title does, 2 either holds it; null not at all. */
function fit(word: string, name: string, title: string): number | null {
  const [low, n, x] = [word.toLowerCase(), name.toLowerCase(), title.toLowerCase()];
  if (n.startsWith(low)) return 0;
  if (x && x.startsWith(low)) return 1;
  const long = low.length > 1 || /\p{Script=Han}/u.test(low);
  return long && (n.includes(low) || x.includes(low)) ? 2 : null;
}

const call = (f: ExprFunction): Offer => ({ kind: 'function', text: f.name, tail: f.signature === `${f.name}()` ? '()' : '(', note: f.signature, help: f.help });
const plain = (kind: 'word' | 'unit', text: string): Offer => ({ kind, text, tail: '', note: '' });
const tagOffer = (tag: Name): Offer => ({ kind: 'tag', text: tag.name, tail: '', note: [tag.title, tag.unit].filter(Boolean).join(' · ') });

/** The unit of the tag that stands last before: what is compared with it is in that unit most of the time. */
function unitBefore(before: string, names: Name[]): string {
  const used = names.filter((tag) => tag.unit && before.includes(tag.name)).sort((a, b) => before.lastIndexOf(b.name) - before.lastIndexOf(a.name) || b.name.length - a.name.length);
  return used[0]?.unit ?? '';
}

function candidates(before: string, word: string, own: Name[], others: Name[], known: Vocabulary): Offer[] {
  const words = (wanted: string[]): Offer[] => known.words.filter((w) => wanted.includes(w)).map((w) => plain('word', w));
  const quality = /^(.+)\.q?\w*$/.exec(word)?.[1];
  const ofQuality = quality && [...own, ...others].some((tag) => tag.name === quality) ? [{ kind: 'tag' as const, text: `${quality}.quality`, tail: ' == ', note: 'good, uncertain, bad' }] : [];
  switch (expected(before)) {
    case 'quality': return ['good', 'uncertain', 'bad'].map((text) => plain('word', text));
    case 'unit': {
      const first = unitBefore(before, [...own, ...others]);
      return [...(first ? [first] : []), ...known.units.filter((u) => u !== first)].map((u) => plain('unit', u)).concat(words(links));
    }
    case 'link': return words(links);
    case 'duration': return [];
    case 'value': return [...own.map(tagOffer), ...ofQuality, ...known.functions.map(call), ...words(['not', 'if', 'true', 'false']), ...others.map(tagOffer)];
  }
}

/** What may be put in at the caret. `own`: by their short names; `asked`: also where no letter is typed yet. */
export function offersAt(text: string, caret: number, own: Name[], others: Name[], known: Vocabulary, asked = false, most = 12): Offers {
  const word = wordAt(text, caret);
  const before = text.slice(0, word.start);
  const none: Offers = { start: caret, list: [], whole: false };
  if (quoted(before)) return none;
  if (!word.text) {
    if (asked) return { start: caret, list: candidates(before, '', own, others, known).slice(0, most), whole: false };
    const unit = /\d\s$/.test(before) && expected(before) === 'unit' ? unitBefore(before, [...own, ...others]) : '';
    return { start: caret, list: unit ? [plain('unit', unit)] : [], whole: true };
  }
  const all = candidates(before, word.text, own, others, known);
  const ranked = all.flatMap((offer) => {
    const rank = fit(word.text, offer.text, offer.kind === 'tag' ? offer.note : '');
    return rank === null ? [] : [{ offer, rank }];
  }).sort((a, b) => a.rank - b.rank).map((one) => one.offer);
  const same = ranked.find((offer) => offer.text === word.text);
  // A finished word is left alone, so that Enter and Tab do what they always do.
  if (same && same.kind === 'word') return none;
  const list = ranked.filter((offer) => offer !== same || same.kind === 'function').slice(0, most);
  if (!list.length && word.text.includes('-')) {
    // `a-b` may be one name or a difference.
    const at = word.text.lastIndexOf('-') + 1;
    return offersAt(text.slice(0, word.start) + ' '.repeat(at - 1) + text.slice(word.start + at - 1), caret, own, others, known, false, most);
  }
  return { start: word.start, list, whole: same !== undefined && same.kind !== 'function' };
}

/** The text with an offer put in, and where the caret goes. */
export function put(text: string, caret: number, start: number, offer: Pick<Offer, 'text' | 'tail'>): { text: string; caret: number } {
  const rest = text.slice(caret);
  const tail = offer.tail.startsWith('(') && /^\s*\(/.test(rest) ? '' : offer.tail;
  const head = text.slice(0, start) + offer.text + tail;
  return { text: head + rest, caret: head.length };
}

/** An example put in at the caret, with blanks where it would touch what is there. */
export function insert(text: string, from: number, to: number, example: string): { text: string; caret: number } {
  const [before, after] = [text.slice(0, from), text.slice(to)];
  const head = before + (/[^\s(]$/.test(before) ? ' ' : '') + example;
  return { text: head + (/^[^\s),]/.test(after) ? ' ' : '') + after, caret: head.length };
}

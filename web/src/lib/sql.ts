// What the page of queries knows of SQL: colours, completion, where a fault is, what can be drawn. No state.
import type { Line } from '@/chart/series';
import type { Cell, Result } from '@/api/query';

export type TokenKind = 'keyword' | 'function' | 'text' | 'number' | 'comment' | 'parameter' | 'name' | 'sign' | 'space';
export interface Token {
  kind: TokenKind;
  start: number;
  text: string;
}

const words = 'select from where and or not in is null as on using join left right full inner outer cross asof lateral group by order having limit offset union all except intersect distinct case when then else end between like ilike with recursive over partition rows range window asc desc nulls interval exclude replace filter qualify describe summarize explain sample tablesample values cast true false unnest pivot exists any'.split(' ');
export const keywords: ReadonlySet<string> = new Set(words);

/** Functions worth offering, with what stands between their parentheses. */
export const functions: readonly [name: string, inside: string][] = [
  ['avg', 'x'], ['sum', 'x'], ['count', '*'], ['min', 'x'], ['max', 'x'], ['median', 'x'], ['quantile_cont', 'x, 0.95'], ['stddev', 'x'], ['first', 'x ORDER BY ts'], ['last', 'x ORDER BY ts'], ['arg_max', 'what, x'], ['arg_min', 'what, x'], ['corr', 'x, y'], ['regr_slope', 'y, x'], ['histogram', 'x'],
  ['lag', 'x'], ['lead', 'x'], ['row_number', ''], ['time_bucket', "INTERVAL 1 HOUR, ts"], ['date_trunc', "'day', ts"], ['date_part', "'hour', ts"], ['epoch', 'interval'], ['now', ''], ['in_zone', "ts, 'Asia/Shanghai'"], ['make_timestamp_ns', 'ns'], ['strftime', "ts, '%Y-%m-%d'"],
  ['round', 'x, 2'], ['abs', 'x'], ['coalesce', 'x, 0'], ['greatest', 'x, y'], ['least', 'x, y'], ['split_part', "tag, '/', 1"], ['concat', 'a, b'], ['lower', 'text'], ['upper', 'text'], ['length', 'text'], ['regexp_extract', "text, '…'"], ['range', '10'], ['list', 'x'], ['string_agg', "x, ', '"],
];
const functionNames = new Set(functions.map(([name]) => name));

const readings = ['tag', 'ts', 'value', 'quality', 'integer', 'text'];
const lasting = ['id', 'kind', 'path', 'tag', 'starts', 'ends', 'attributes', 'source', 'made_by', 'confidence', 'by', 'reason', 'revision'];
export const resourceColumns = ['name', 'uid', 'revision', 'created', 'updated', 'by', 'spec'];
/** Tables that are there besides those of the kinds of resources. */
export const tables: Readonly<Record<string, readonly string[]>> = {
  history: [...readings, 'good_fraction'],
  readings,
  last: readings,
  tags: ['tag', 'device', 'property', 'type', 'unit', 'labels'],
  intervals: lasting,
  alarms: lasting,
};
/** Tables that take arguments, and which. */
export const tableArguments: Readonly<Record<string, readonly string[]>> = {
  history: ['tags', 'since', 'until', 'condition', 'every', 'agg', 'zone'],
  intervals: ['since', 'until', 'kinds', 'path'],
  alarms: ['since', 'until', 'path'],
};

const pattern = /(--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|('(?:[^']|'')*(?:'|$))|("(?:[^"]|"")*(?:"|$))|(\$\d+|\?)|(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|([\p{L}_][\p{L}\p{N}_]*)|(\s+)|(:=|<>|!=|<=|>=|\|\||->>|->|::|[^\s])/gu;

export function tokens(text: string): Token[] {
  const out: Token[] = [];
  for (const m of text.matchAll(pattern)) {
    const [whole, comment, quoted, name, parameter, digits, word, space] = m;
    const lower = word?.toLowerCase() ?? '';
    const called = word !== undefined && /^\s*\(/.test(text.slice(m.index + whole.length, m.index + whole.length + 40));
    const kind: TokenKind = comment ? 'comment' : quoted ? 'text' : name ? 'name' : parameter ? 'parameter' : digits ? 'number' : space ? 'space' : !word ? 'sign' : called && (functionNames.has(lower) || !keywords.has(lower)) ? 'function' : keywords.has(lower) ? 'keyword' : 'name';
    out.push({ kind, start: m.index, text: whole });
  }
  return out;
}

export interface Offer {
  kind: 'table' | 'column' | 'function' | 'word' | 'argument' | 'tag';
  text: string;
  note: string;
  /** What is written in its place, and where the caret is then, from its begin. */
  insert: string;
  caret: number;
}
export interface Offers {
  start: number;
  list: Offer[];
}
const offersMax = 40;
const plain = (kind: Offer['kind'], text: string, note = '', insert = text): Offer => ({ kind, text, note, insert, caret: insert.length });

/** The tables that a statement reads, in its order. */
export function tablesIn(text: string, kinds: readonly string[]): string[] {
  const known = new Set([...Object.keys(tables), ...kinds]);
  return [...new Set(tokens(text).filter((token) => (token.kind === 'name' || token.kind === 'function') && known.has(token.text.toLowerCase())).map((token) => token.text.toLowerCase()))];
}

/** The table whose arguments the caret is in: "history" in `history(tags := '…', |`. */
function argumentsAt(before: Token[]): string | null {
  let depth = 0;
  for (let i = before.length - 1; i >= 0; i--) {
    const { text, kind } = before[i]!;
    if (kind === 'sign' && text === ')') depth++;
    if (kind !== 'sign' || text !== '(') continue;
    if (depth-- > 0) continue;
    const name = before.slice(0, i).reverse().find((token) => token.kind !== 'space')?.text.toLowerCase() ?? '';
    return name in tableArguments ? name : null;
  }
  return null;
}

export interface Known {
  /** Plurals of the kinds of resources. */
  kinds: readonly string[];
  tags: readonly { path: string; title: string; unit: string }[];
}

/** What may stand where the caret is. `force`: also where nothing is written yet. */
export function offersAt(text: string, caret: number, known: Known, force: boolean): Offers {
  const all = tokens(text);
  const at = all.find((token) => token.start < caret && caret <= token.start + token.text.length);
  const before = all.filter((token) => token.start + token.text.length <= caret && (token !== at || token.kind === 'sign'));
  const nothing: Offers = { start: caret, list: [] };
  if (at?.kind === 'comment' || at?.kind === 'number') return nothing;
  const inside = at?.kind === 'text' && (caret < at.start + at.text.length || !/^'(?:[^']|'')*'$/.test(at.text));
  const meant = before.filter((token) => token.kind !== 'space');
  if (inside) {
    const about = meant.slice(-8).reverse().find((token) => token.kind === 'name' || token.kind === 'function' || token.kind === 'keyword')?.text.toLowerCase();
    const names = meant.slice(-8).map((token) => token.text.toLowerCase());
    if (about !== 'tags' && about !== 'tag' && !names.includes('tag') && !names.includes('tags')) return nothing;
    const word = text.slice(at.start + 1, caret).toLowerCase();
    const parts = word.split(/[\s*]+/).filter(Boolean);
    const list = known.tags.filter((tag) => parts.every((one) => tag.path.toLowerCase().includes(one) || tag.title.toLowerCase().includes(one)));
    return { start: at.start + 1, list: list.slice(0, offersMax).map((tag) => plain('tag', tag.path, [tag.title, tag.unit].filter(Boolean).join(' · '))) };
  }
  const word = at && at.kind !== 'space' && at.kind !== 'sign' ? text.slice(at.start, caret).toLowerCase() : '';
  if (!word && !force) return nothing;
  const start = word ? at!.start : caret;
  const last = meant[meant.length - 1]?.text.toLowerCase() ?? '';
  const names = [...Object.keys(tables), ...known.kinds.filter((kind) => !(kind in tables))];
  const tableOffers = names.map((name) => {
    if (name === 'history') return { kind: 'table' as const, text: name, note: 'tags, since, until …', insert: "history(tags := '')", caret: "history(tags := '".length };
    return plain('table', name);
  });
  const of = argumentsAt(before);
  const wantsTable = !of && ['from', 'join', ','].includes(last) && (last !== ',' || meant.some((token) => token.text.toLowerCase() === 'from' && !meant.slice(meant.indexOf(token)).some((later) => ['where', 'group', 'order'].includes(later.text.toLowerCase()))));
  const used = new Set(meant.map((token) => token.text.toLowerCase()));
  const argumentOffers = of && last !== ':=' ? tableArguments[of]!.filter((name) => !used.has(name) || name.startsWith(word)).map((name) => plain('argument', name, of, name + ' := ')) : [];
  const read = tablesIn(text, known.kinds);
  const columns = new Map<string, string>();
  for (const table of read.length ? read : Object.keys(tables)) for (const column of tables[table] ?? resourceColumns) if (!columns.has(column)) columns.set(column, table);
  const columnOffers = [...columns].map(([name, table]) => plain('column', name, table));
  const functionOffers = functions.map(([name, hint]): Offer => ({ kind: 'function', text: name, note: `(${hint})`, insert: name + '()', caret: name.length + (hint ? 1 : 2) }));
  const wordOffers = words.map((one) => plain('word', one.toUpperCase()));
  const list = wantsTable ? tableOffers : of && last !== ':=' ? [...argumentOffers, ...functionOffers] : [...columnOffers, ...(read.length ? [] : tableOffers), ...functionOffers, ...wordOffers, ...(read.length ? tableOffers : [])];
  const begins = list.filter((offer) => offer.text.toLowerCase().startsWith(word) && offer.text.toLowerCase() !== word);
  const holds = word.length > 1 ? list.filter((offer) => !begins.includes(offer) && offer.text.toLowerCase() !== word && offer.text.toLowerCase().includes(word)) : [];
  return { start, list: [...begins, ...holds].slice(0, offersMax) };
}

/** Where a character of the statement (from 1, whole characters) is: its place in the text, its line and column. */
export function placeOf(text: string, position: number): { index: number; line: number; column: number } | null {
  if (position < 1) return null;
  const before = [...text].slice(0, position - 1).join('');
  const index = Math.min(before.length, text.length);
  const lines = before.split('\n');
  return { index, line: lines.length, column: [...lines[lines.length - 1]!].length + 1 };
}
/** How much there is wrong: the token that begins there. */
export function faultAt(text: string, index: number): { start: number; end: number } {
  const found = tokens(text).find((token) => token.start <= index && index < token.start + token.text.length && token.kind !== 'space');
  if (found) return { start: found.start, end: found.start + found.text.length };
  return { start: Math.max(0, Math.min(index, text.length) - 1), end: text.length };
}

// A result as a chart
const linesMax = 8;
const asNumber = (cell: Cell | undefined): number | null => (typeof cell === 'number' && Number.isFinite(cell) ? cell : typeof cell === 'boolean' ? Number(cell) : typeof cell === 'string' && cell !== '' && Number.isFinite(Number(cell)) ? Number(cell) : null);
const secondsOf = (cell: Cell | undefined, type: string): number | null => (typeof cell === 'number' ? cell / 1e6 : type === 'date' && typeof cell === 'string' ? Date.parse(cell + 'T00:00:00Z') / 1000 : null);

/** Lines over the first column of times; one for each text of the first column of texts, if these are few. Null: nothing can be drawn. */
export function chartOf(result: Result): { lines: Line[]; names: string[]; from: number; to: number; left: number } | null {
  const { columns, rows } = result;
  const time = columns.findIndex((column) => column.type === 'time' || column.type === 'date');
  const numbers = columns.map((column, i) => ({ column, i })).filter(({ column, i }) => i !== time && ['number', 'integer', 'decimal'].includes(column.type));
  if (time < 0 || !numbers.length || rows.length < 2) return null;
  const text = columns.findIndex((column) => column.type === 'text' && column.name !== 'quality');
  const groups = text < 0 ? [null] : [...new Set(rows.map((row) => row[text] ?? null))];
  const asked = numbers.filter(({ i }) => rows.some((row) => asNumber(row[i]) !== null));
  const byGroup = new Map<Cell, Cell[][]>(groups.map((group) => [group, []]));
  for (const row of rows) byGroup.get(text < 0 ? null : (row[text] ?? null))!.push(row);
  const lines: Line[] = [];
  const names: string[] = [];
  let left = 0;
  let [from, to] = [Infinity, -Infinity];
  for (const [group, mine] of byGroup) {
    for (const { column, i } of asked) {
      if (lines.length >= linesMax) {
        left++;
        continue;
      }
      const points = mine.map((row) => [secondsOf(row[time], columns[time]!.type), asNumber(row[i])] as const).filter((point): point is readonly [number, number | null] => point[0] !== null).sort((a, b) => a[0] - b[0]);
      const stats = { last: null as number | null, min: null as number | null, max: null as number | null, avg: null, good: null };
      const [xs, ys]: [number[], (number | null)[]] = [[], []];
      for (const [x, y] of points) {
        if (xs[xs.length - 1] === x) {
          ys[ys.length - 1] = y ?? ys[ys.length - 1]!;
          continue;
        }
        xs.push(x);
        ys.push(y);
        [from, to] = [Math.min(from, x), Math.max(to, x)];
        if (y === null) continue;
        stats.last = y;
        stats.min = Math.min(stats.min ?? y, y);
        stats.max = Math.max(stats.max ?? y, y);
      }
      if (stats.last === null) continue;
      lines.push({ key: `${String(group)} ${i}`, unit: '', xs, ys, lo: null, hi: null, unsure: null, bad: [], stats, stepped: false });
      names.push(group === null ? column.name : asked.length > 1 ? `${String(group)} · ${column.name}` : String(group));
    }
  }
  return lines.length && to > from ? { lines, names, from: from * 1000, to: to * 1000, left } : null;
}

// A result as rows
const two = (n: number): string => String(n).padStart(2, '0');
/** Microseconds since 1970 as the local time, with as many digits of the second as it has. */
export function timeText(us: number): string {
  const ms = Math.floor(us / 1000);
  const d = new Date(ms);
  const rest = us - Math.floor(us / 1e6) * 1e6;
  const digits = rest === 0 ? '' : '.' + (rest % 1000 === 0 ? String(rest / 1000).padStart(3, '0') : String(rest).padStart(6, '0'));
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}${digits}`;
}
/** The same in UTC, as other programs read it. */
export function isoOf(us: number): string {
  const rest = us - Math.floor(us / 1e6) * 1e6;
  const whole = new Date(Math.floor(us / 1e6) * 1000).toISOString().slice(0, 19);
  return whole + (rest === 0 ? '' : '.' + String(rest).padStart(6, '0').replace(/0+$/, '')) + 'Z';
}
/** For files: times in UTC, all else as the server said it. */
export function plainRows(result: Result): Cell[][] {
  return result.rows.map((row) => row.map((cell, i) => (result.columns[i]!.type === 'time' && typeof cell === 'number' ? isoOf(cell) : cell)));
}

// What was asked before
export interface Past {
  sql: string;
  at: number;
  ms: number;
  rows: number | null;
  failed: boolean;
}
export const pastMax = 50;
/** The newest first; the same statement stands there once. */
export function remember(past: readonly Past[], fresh: Past): Past[] {
  return [fresh, ...past.filter((one) => one.sql.trim() !== fresh.sql.trim())].slice(0, pastMax);
}
/** What is kept in the browser may be of an older page, or anybody's. */
export function pastOf(text: string | null): Past[] {
  try {
    const list = JSON.parse(text ?? '[]') as unknown;
    return Array.isArray(list) ? (list as Past[]).filter((one) => typeof one?.sql === 'string' && typeof one.at === 'number').slice(0, pastMax) : [];
  } catch {
    return [];
  }
}

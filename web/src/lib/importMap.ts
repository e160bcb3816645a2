// A map says what the columns of a file become. Here it is as a form holds it, and as the YAML that the server and
// `gongshu import --map` take. No state.
import type { Json } from '@/api/resources';

type Tree = { [key: string]: Json };
export interface MapColumn {
  /** How the map names it: the heading, or the number where that is not the only one. */
  column: string;
  use: boolean;
  property: string;
  type: 'number' | 'integer' | 'boolean' | 'text';
  unit: string;
  scale: number;
  offset: number;
  missing: string[];
}
export interface ImportMap {
  file: { /** Of a workbook; "" for text. */ sheet: string; joined: boolean; leaveOut: boolean; encoding: string; delimiter: string; quote: string; comment: string; skip: number; header: number; decimal: string; thousands: string; transposed: boolean; ragged: boolean };
  time: { kind: 'column' | 'count' | 'cycle'; columns: string[]; formats: string[]; zone: string; repeated: string; start: string; starts: Record<string, string>; step: string; cycle: string };
  path: string;
  columns: MapColumn[];
  missing: string[] | null;
  wrong: 'skip' | 'bad';
}

const text = (v: Json | undefined, other = ''): string => (typeof v === 'string' ? v : typeof v === 'number' ? String(v) : other);
const number = (v: Json | undefined, other: number): number => (typeof v === 'number' ? v : other);
const tree = (v: Json | undefined): Tree => (v !== null && typeof v === 'object' && !Array.isArray(v) ? v : {});
const texts = (v: Json | undefined): string[] => (v === undefined ? [] : Array.isArray(v) ? v.map((one) => text(one)) : [text(v)]);

/** How a map names each column of a header; `width` columns where there is no header. */
export function references(names: string[], width = names.length): string[] {
  return Array.from({ length: Math.max(width, names.length) }, (_, i) => {
    const name = names[i] ?? '';
    // eslint-disable-next-line no-control-regex
    const odd = name.length > 60 || /[\u0000-\u001f\u007f]/.test(name);
    return !name || odd || names.filter((one) => one === name).length > 1 ? String(i + 1) : name;
  });
}
/** Where a column of a map stands in the file; -1 where it is not there. */
export function columnAt(reference: string, names: string[], width: number): number {
  const at = names.indexOf(reference);
  if (at >= 0) return at;
  const n = /^\d+$/.test(reference) ? Number(reference) : 0;
  return n >= 1 && n <= Math.max(width, names.length) ? n - 1 : -1;
}
/** `{column}` in a path or a property. */
export const holes = (template: string): string[] => [...template.matchAll(/\{([^{}]+?)(?::raw)?\}/g)].map((m) => m[1]!);
const plainProperty = (name: string, i: number): string => name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '_').replace(/^_+|_+$/g, '') || `c${i + 1}`;

/** The form of a map, with all columns of the file; those that the map does not name are not used. */
export function readMap(json: Tree, names: string[], width: number, file = ''): ImportMap {
  const [f, t] = [tree(json.file), tree(json.time)];
  const starts = Object.fromEntries(Object.entries(tree(t.start)).map(([k, v]) => [k, text(v)]));
  const columns = [...texts(t.column), ...texts(t.columns)];
  const map: ImportMap = {
    file: { sheet: text(f.sheet), joined: f.join_header === true, leaveOut: f.notes !== 'take', encoding: text(f.encoding, 'auto'), delimiter: text(f.delimiter, 'auto'), quote: text(f.quote, '"'), comment: text(f.comment), skip: number(f.skip, 0), header: number(f.header, 1), decimal: text(f.decimal, '.'), thousands: text(f.thousands, 'none'), transposed: f.transposed === true, ragged: f.ragged === true },
    time: { kind: t.cycle !== undefined ? 'cycle' : t.start !== undefined && !columns.length ? 'count' : 'column', columns, formats: texts(t.format), zone: text(t.zone), repeated: text(t.repeated, 'order'), start: starts[file] ?? text(t.start), starts, step: text(t.step, '1s'), cycle: text(t.cycle) },
    path: text(json.path),
    columns: [],
    missing: json.missing === undefined ? null : texts(json.missing),
    wrong: json.wrong === 'bad' ? 'bad' : 'skip',
  };
  const found = new Map<number, MapColumn>();
  const lost: MapColumn[] = [];
  for (const [column, value] of Object.entries(tree(json.columns))) {
    const o = tree(value);
    const type = text(o.type, 'number');
    const one: MapColumn = { column, use: true, property: typeof value === 'string' ? value : text(o.property), type: (['integer', 'boolean', 'text'].includes(type) ? type : 'number') as MapColumn['type'], unit: text(o.unit), scale: number(o.scale, 1), offset: number(o.offset, 0), missing: texts(o.missing) };
    const at = columnAt(column, names, width);
    if (at < 0) lost.push(one);
    else found.set(at, one);
  }
  map.columns = [...references(names, width).map((column, i) => found.get(i) ?? { column, use: false, property: plainProperty(names[i] ?? '', i), type: 'number' as const, unit: '', scale: 1, offset: 0, missing: [] }), ...lost];
  return map;
}

/** The same map after the header changed: columns keep their places and take their new names. */
export function renamed(map: ImportMap, before: { names: string[]; width: number }, after: { names: string[]; width: number }): ImportMap {
  const fresh = references(after.names, after.width);
  const to = (reference: string): string => {
    const at = columnAt(reference, before.names, before.width);
    return at >= 0 && at < fresh.length ? fresh[at]! : reference;
  };
  const inText = (template: string): string => template.replace(/\{([^{}]+?)(:raw)?\}/g, (all, name: string, raw: string | undefined) => (name === 'file' ? all : `{${to(name)}${raw ?? ''}}`));
  // A name that nobody chose follows the heading.
  const name = (c: MapColumn): string => {
    const at = columnAt(c.column, before.names, before.width);
    const chosen = at < 0 || (c.property !== `c${at + 1}` && c.property !== plainProperty(before.names[at] ?? '', at));
    return chosen ? inText(c.property) : plainProperty(after.names[at] ?? '', at);
  };
  const kept = map.columns.filter((c) => c.use || columnAt(c.column, before.names, before.width) >= 0).map((c) => ({ ...c, column: to(c.column), property: name(c) }));
  const known = new Set(kept.map((c) => c.column));
  const more = fresh.filter((column) => !known.has(column)).map((column) => ({ column, use: false, property: plainProperty(column, fresh.indexOf(column)), type: 'number' as const, unit: '', scale: 1, offset: 0, missing: [] }));
  return { ...map, time: { ...map.time, columns: map.time.columns.map(to), cycle: map.time.cycle ? to(map.time.cycle) : '' }, path: inText(map.path), columns: [...kept.filter((c) => c.use || fresh.includes(c.column)), ...more] };
}

// Quoted unless it is a plain word that YAML reads as a text.
const word = (value: string): string => (/^[A-Za-z_][A-Za-z_/-]*$/.test(value) && !/^(?:y|n|yes|no|on|off|true|false|null)$/i.test(value) ? value : JSON.stringify(value));
const list = (values: string[]): string => `[${values.map(word).join(', ')}]`;
const oneOrList = (values: string[]): string => (values.length === 1 ? word(values[0]!) : list(values));

export function layoutYaml(file: ImportMap['file']): string {
  const lines = ['file:', ...(file.sheet ? [`  sheet: ${word(file.sheet)}`] : [`  encoding: ${word(file.encoding)}`, `  delimiter: ${word(file.delimiter)}`]), `  header: ${file.header}`];
  if (file.header > 1 && file.joined) lines.push('  join_header: true');
  if (!file.leaveOut) lines.push('  notes: take');
  if (file.skip > 0) lines.push(`  skip: ${file.skip}`);
  if (file.quote !== '"') lines.push(`  quote: ${word(file.quote)}`);
  if (file.comment) lines.push(`  comment: ${word(file.comment)}`);
  if (file.decimal !== '.') lines.push(`  decimal: ${word(file.decimal)}`);
  if (file.thousands !== 'none') lines.push(`  thousands: ${word(file.thousands)}`);
  if (file.transposed) lines.push('  transposed: true');
  if (file.ragged) lines.push('  ragged: true');
  return lines.join('\n') + '\n';
}
/** As the server and `gongshu import --map` take it. */
export function mapYaml(map: ImportMap, file = ''): string {
  const lines = ['time:'];
  const time = map.time;
  if (time.kind === 'column') {
    lines.push(time.columns.length === 1 ? `  column: ${word(time.columns[0]!)}` : `  columns: ${list(time.columns)}`, `  format: ${oneOrList(time.formats)}`);
    if (time.zone && !time.formats.every((f) => epoch.includes(f))) lines.push(`  zone: ${word(time.zone)}`);
    if (time.repeated !== 'order') lines.push(`  repeated: ${word(time.repeated)}`);
  } else {
    if (Object.keys(time.starts).length) lines.push(`  start: {${Object.entries({ ...time.starts, [file]: time.start }).map(([k, v]) => `${word(k)}: ${word(v)}`).join(', ')}}`);
    else lines.push(`  start: ${word(time.start)}`);
    lines.push(`  step: ${word(time.step)}`);
    if (time.kind === 'cycle') lines.push(`  cycle: ${word(time.cycle)}`);
  }
  lines.push(`path: ${word(map.path)}`, 'columns:');
  for (const c of map.columns.filter((one) => one.use)) {
    const parts = [`property: ${word(c.property)}`];
    if (c.type !== 'number') parts.push(`type: ${c.type}`);
    if (c.unit) parts.push(`unit: ${word(c.unit)}`);
    if (c.type === 'number' && c.scale !== 1) parts.push(`scale: ${c.scale}`);
    if (c.type === 'number' && c.offset !== 0) parts.push(`offset: ${c.offset}`);
    if (c.missing.length) parts.push(`missing: ${list(c.missing)}`);
    lines.push(`  ${word(c.column)}: {${parts.join(', ')}}`);
  }
  if (map.missing) lines.push(`missing: ${list(map.missing)}`);
  if (map.wrong === 'bad') lines.push('wrong: bad');
  return layoutYaml(map.file) + lines.join('\n') + '\n';
}
export const epoch = ['s', 'ms', 'us', 'ns'];
export const formats = ['iso', 'zh', 's', 'ms', 'us', 'ns', 'excel', '%d/%m/%Y %H:%M:%S', '%m/%d/%Y %H:%M:%S', '%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M', '%d.%m.%Y %H:%M:%S', '%d.%m.%Y %H:%M', '%d-%m-%Y %H:%M:%S', '%Y年%m月%d日 %H:%M:%S', '%Y年%m月%d日 %H时%M分%S秒', '%Y年%m月%d日 %H:%M', '%m/%d/%Y %I:%M:%S %p', '%d-%b-%Y %H:%M:%S', '%Y%m%d%H%M%S'];
/** A moment as a format writes it: 31 January 2024, 20:05:59. */
export function example(format: string): string {
  const fixed: Record<string, string> = { iso: '2024-01-31 20:05:59', zh: '2024年1月31日 下午8:05:59', s: '1706731559', ms: '1706731559000', us: '1706731559000000', ns: '1706731559000000000', excel: '45322.8374' };
  const letters: Record<string, string> = { Y: '2024', y: '24', m: '01', d: '31', e: '31', H: '20', I: '08', M: '05', S: '59', f: '000', p: 'PM', b: 'Jan', B: 'January', j: '031', z: '+0800', T: '20:05:59', R: '20:05', D: '01/31/24', F: '2024-01-31', '%': '%' };
  return fixed[format] ?? format.replace(/%([A-Za-z%])/g, (all, letter: string) => letters[letter] ?? all);
}

export type Want = 'noTime' | 'noFormat' | 'noZone' | 'noStep' | 'noStart' | 'noCycle' | 'noPath' | 'noColumns' | 'noProperty' | 'sameTag';
/** What a map lacks before the server need be asked: where, and what. */
export function lacks(map: ImportMap): { part: 'time' | 'path' | 'columns'; what: Want; column?: string }[] {
  const out: { part: 'time' | 'path' | 'columns'; what: Want; column?: string }[] = [];
  const time = map.time;
  if (time.kind === 'column') {
    if (!time.columns.length) out.push({ part: 'time', what: 'noTime' });
    if (!time.formats.length) out.push({ part: 'time', what: 'noFormat' });
    else if (!time.zone && !time.formats.every((f) => epoch.includes(f))) out.push({ part: 'time', what: 'noZone' });
  } else {
    if (!time.start) out.push({ part: 'time', what: 'noStart' });
    if (!/^\d+(?:\.\d+)?(?:ns|us|ms|s|m|h|d|w)$/.test(time.step)) out.push({ part: 'time', what: 'noStep' });
    if (time.kind === 'cycle' && !time.cycle) out.push({ part: 'time', what: 'noCycle' });
  }
  if (!map.path.trim()) out.push({ part: 'path', what: 'noPath' });
  const used = map.columns.filter((c) => c.use);
  if (!used.length) out.push({ part: 'columns', what: 'noColumns' });
  const seen = new Map<string, string>();
  for (const c of used) {
    if (!c.property.trim()) out.push({ part: 'columns', what: 'noProperty', column: c.column });
    else if (seen.has(c.property)) out.push({ part: 'columns', what: 'sameTag', column: c.column });
    seen.set(c.property, c.column);
  }
  return out;
}

/** Readings as they come, tag by tag, turned to a table: one row a moment, one column a tag. */
export function pivot<R extends { tag: string; ts: number }>(readings: R[], rowsMax: number, tagsMax: number): { tags: { tag: string; unit: string }[]; more: number; rows: { ts: number; cells: (R | undefined)[] }[] } {
  const tags = new Map<string, { index: number; unit: string }>();
  const rows: { ts: number; cells: (R | undefined)[] }[] = [];
  let row: { ts: number; cells: (R | undefined)[] } | undefined;
  const hidden = new Set<string>();
  for (const one of readings) {
    let tag = tags.get(one.tag);
    if (!tag && tags.size >= tagsMax) {
      hidden.add(one.tag);
      continue;
    }
    if (!tag) tags.set(one.tag, (tag = { index: tags.size, unit: (one as { unit?: string }).unit ?? '' }));
    if (!row || row.ts !== one.ts || row.cells[tag.index] !== undefined) {
      if (rows.length >= rowsMax) break;
      rows.push((row = { ts: one.ts, cells: [] }));
    }
    row.cells[tag.index] = one;
  }
  return { tags: [...tags].map(([tag, { unit }]) => ({ tag, unit })), more: hidden.size, rows };
}

export type TagState = 'fresh' | 'known' | 'conflict';
/** Whether a tag of a file is there already, and takes what the file holds: the server converts nothing by itself. */
export function tagState(one: { tag: string; type: string; unit: string }, known: ReadonlyMap<string, { type: string; unit: string }> | null): TagState {
  const there = known?.get(one.tag);
  if (!there) return 'fresh';
  return there.type !== one.type || (one.unit !== '' && there.unit !== '' && one.unit !== there.unit) ? 'conflict' : 'known';
}

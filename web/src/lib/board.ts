// Dashboards: what one is, how its widgets lie on the grid, what its texts and thresholds say. No state, no clock.
import type { Severity } from '@/api/alarms';
import { severities } from '@/api/alarms';
import type { Json, Spec } from '@/api/resources';
import type { Locale } from './format';
import { splitTag } from './titles';

export const columns = 24;
export const rowPx = 40;
export const gapPx = 8;
export const widgetsMax = 200;
export const kinds = ['tile', 'chart', 'states', 'table', 'alarms', 'text'] as const;
export type WidgetKind = (typeof kinds)[number];
export const aggregates = ['auto', 'avg', 'min', 'max', 'sum', 'count', 'last', 'median', 'p95', 'stddev', 'range', 'delta', 'increase', 'twa'] as const;
export const styles = ['line', 'area', 'bars'] as const;

export interface Threshold {
  value: number;
  below: boolean;
  severity: Severity;
  title_zh: string;
  title_en: string;
}
export interface Rect {
  x: number;
  y: number;
  w: number;
  h: number;
}
export interface Widget extends Rect {
  /** Of this page alone: tells widgets apart while they move. */
  id: number;
  kind: WidgetKind;
  title_zh: string;
  title_en: string;
  tags: string[];
  aggregate: (typeof aggregates)[number];
  style: (typeof styles)[number];
  range: string;
  y_min?: number;
  y_max?: number;
  thresholds: Threshold[];
  unit: string;
  decimals?: number;
  target?: number;
  trend: boolean;
  place: string;
  group: string;
  severity?: Severity;
  text: string;
}
export interface Board {
  title_zh: string;
  title_en: string;
  about: string;
  range: string;
  device_type: string;
  device: string;
  widgets: Widget[];
}

const text = (v: Json | undefined): string => (typeof v === 'string' ? v : '');
const numberOr = (v: Json | undefined): number | undefined => (typeof v === 'number' ? v : undefined);
const one = <T extends string>(all: readonly T[], v: Json | undefined, standard: T): T => all.find((x) => x === v) ?? standard;

let ids = 0;
export const sizes: Record<WidgetKind, { w: number; h: number }> = { tile: { w: 6, h: 3 }, chart: { w: 12, h: 7 }, states: { w: 12, h: 5 }, table: { w: 8, h: 7 }, alarms: { w: 8, h: 7 }, text: { w: 8, h: 2 } };
export const widgetOf = (kind: WidgetKind, more: Partial<Widget> = {}): Widget => ({ kind, title_zh: '', title_en: '', x: 0, y: 0, ...sizes[kind], tags: [], aggregate: 'auto', style: 'line', range: '', thresholds: [], unit: '', trend: true, place: '', group: '', text: '', ...more, id: ++ids });

export function boardOf(spec: Spec): Board {
  const widgets = (Array.isArray(spec.widgets) ? (spec.widgets as Spec[]) : []).map((w) =>
    widgetOf(one(kinds, w.kind, 'tile'), {
      title_zh: text(w.title_zh), title_en: text(w.title_en), x: numberOr(w.x) ?? 0, y: numberOr(w.y) ?? 0, w: numberOr(w.w) ?? 6, h: numberOr(w.h) ?? 4,
      tags: Array.isArray(w.tags) ? w.tags.map((x) => String(x)) : [], aggregate: one(aggregates, w.aggregate, 'auto'), style: one(styles, w.style, 'line'), range: text(w.range),
      y_min: numberOr(w.y_min), y_max: numberOr(w.y_max), thresholds: (Array.isArray(w.thresholds) ? (w.thresholds as Spec[]) : []).map((x) => ({ value: Number(x.value), below: x.below === true, severity: one(severities, x.severity, 'warning'), title_zh: text(x.title_zh), title_en: text(x.title_en) })),
      unit: text(w.unit), decimals: numberOr(w.decimals), target: numberOr(w.target), trend: w.trend !== false, place: text(w.place), group: text(w.group), severity: severities.find((s) => s === w.severity), text: text(w.text),
    }),
  );
  return { title_zh: text(spec.title_zh), title_en: text(spec.title_en), about: text(spec.about), range: text(spec.range) || '1h', device_type: text(spec.device_type), device: text(spec.device), widgets };
}

/** As the server takes it: what a kind of widget does not have is left out. */
export function specOf(board: Board): Spec {
  const widgets = [...board.widgets].sort((a, b) => a.y - b.y || a.x - b.x).map((w) => {
    const out: Spec = { kind: w.kind, title_zh: w.title_zh, title_en: w.title_en, x: w.x, y: w.y, w: w.w, h: w.h };
    const add = (fields: (keyof Widget)[]): void => {
      for (const f of fields) if (w[f] !== undefined && w[f] !== '') out[f] = w[f] as unknown as Json;
    };
    if (w.kind === 'chart') add(['tags', 'aggregate', 'style', 'range', 'y_min', 'y_max', 'thresholds']);
    else if (w.kind === 'tile') add(['tags', 'unit', 'decimals', 'target', 'trend', 'thresholds']);
    else if (w.kind === 'states') add(['tags', 'range']);
    else if (w.kind === 'table') add(['tags', 'unit', 'decimals', 'thresholds']);
    else if (w.kind === 'alarms') add(['place', 'group', 'severity']);
    else add(['text']);
    return out;
  });
  const out: Spec = { title_zh: board.title_zh, title_en: board.title_en, about: board.about, range: board.range, widgets };
  if (board.device_type) out.device_type = board.device_type;
  if (board.device_type && board.device) out.device = board.device;
  return out;
}

// The grid
export const overlap = (a: Rect, b: Rect): boolean => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
export const bottom = (all: Rect[]): number => all.reduce((most, r) => Math.max(most, r.y + r.h), 0);

/** Within the grid, no smaller than one field. */
export function within<R extends Rect>(r: R): R {
  const w = Math.min(Math.max(1, Math.round(r.w)), columns);
  return { ...r, w, h: Math.min(Math.max(1, Math.round(r.h)), 60), x: Math.min(Math.max(0, Math.round(r.x)), columns - w), y: Math.max(0, Math.round(r.y)) };
}

/** `moved` lies where it is wanted; what lay there goes down, and what lies there in turn. */
export function settle<R extends Rect & { id: number }>(all: R[], moved: R): R[] {
  const place = within(moved);
  const done: R[] = [place];
  const rest = all.filter((r) => r.id !== moved.id).sort((a, b) => a.y - b.y || a.x - b.x);
  for (const r of rest) {
    let next = r;
    for (let hit = done.find((d) => overlap(d, next)); hit; hit = done.find((d) => overlap(d, next))) next = { ...next, y: hit.y + hit.h };
    done.push(next);
  }
  const byId = new Map(done.map((r) => [r.id, r]));
  return all.some((r) => r.id === moved.id) ? all.map((r) => byId.get(r.id)!) : [...all, place];
}

/** The first free field of that size, from the top. */
export function freePlace(all: Rect[], w: number, h: number): { x: number; y: number } {
  const end = bottom(all);
  for (let y = 0; y <= end; y++) for (let x = 0; x + w <= columns; x++) if (!all.some((r) => overlap(r, { x, y, w, h }))) return { x, y };
  return { x: 0, y: end };
}

// The device that is looked at
export const usesDevice = (board: Board): boolean => board.widgets.some((w) => [...w.tags, w.place].some((x) => x.includes('${device}')));
export const fill = (path: string, device: string): string => path.replaceAll('${device}', device);
export const isGlob = (path: string): boolean => /[*?]/.test(path);

/** What is asked of the server to know all these tags: by machine, or by the place that they share when they are many. */
export function globsFor(paths: string[], most = 12): string[] {
  const globs = new Set(paths.filter(isGlob));
  const machines = new Set(paths.filter((p) => !isGlob(p)).map((p) => splitTag(p).device));
  if (machines.size <= most) {
    for (const m of machines) globs.add(`${m}.*`);
    return [...globs];
  }
  const parts = [...machines].map((m) => m.split('/'));
  let common = 0;
  while (parts.every((p) => p.length > common + 1 && p[common] === parts[0]![common])) common++;
  globs.add([...parts[0]!.slice(0, common), '**'].join('/'));
  return [...globs];
}

// What a value means
/** The worst of the thresholds that hold. */
export function reached(value: unknown, thresholds: Threshold[]): Threshold | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  const hold = thresholds.filter((t) => (t.below ? value < t.value : value >= t.value));
  return hold.sort((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))[0] ?? null;
}
/** With so many decimals, always all of them: figures that change stay in their columns. */
export function fixed(value: number, locale: Locale, decimals: number): string {
  return value.toLocaleString(locale === 'zh' ? 'zh-CN' : 'en-GB', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

// Plain text with a little emphasis
export interface Piece {
  text: string;
  as: 'plain' | 'strong' | 'soft';
}
export interface Line {
  as: 'head' | 'item' | 'plain' | 'gap';
  pieces: Piece[];
}
/** `# ` begins a head, `- ` an item; *strong*, _soft_. Anything else is what it says. */
export function linesOf(source: string): Line[] {
  return source.split(/\r?\n/).map((raw): Line => {
    const as = raw.startsWith('# ') ? 'head' : raw.startsWith('- ') ? 'item' : raw.trim() ? 'plain' : 'gap';
    const rest = as === 'head' || as === 'item' ? raw.slice(2) : raw;
    const pieces: Piece[] = [];
    const mark = /(?<![A-Za-z0-9])(?:\*(\S(?:[^*]*\S)?)\*|_(\S(?:[^_]*\S)?)_)(?![A-Za-z0-9])/gu;
    let at = 0;
    for (const m of rest.matchAll(mark)) {
      if (m.index > at) pieces.push({ text: rest.slice(at, m.index), as: 'plain' });
      pieces.push(m[1] !== undefined ? { text: m[1], as: 'strong' } : { text: m[2]!, as: 'soft' });
      at = m.index + m[0].length;
    }
    if (at < rest.length) pieces.push({ text: rest.slice(at), as: 'plain' });
    return { as, pieces };
  });
}

// Steps back and forth
export class Steps<T> {
  private past: T[] = [];
  private future: T[] = [];
  constructor(private readonly most = 100) {}
  push(before: T): void {
    this.past.push(before);
    if (this.past.length > this.most) this.past.shift();
    this.future = [];
  }
  get canUndo(): boolean {
    return this.past.length > 0;
  }
  get canRedo(): boolean {
    return this.future.length > 0;
  }
  undo(now: T): T {
    const before = this.past.pop();
    if (before === undefined) return now;
    this.future.push(now);
    return before;
  }
  redo(now: T): T {
    const next = this.future.pop();
    if (next === undefined) return now;
    this.past.push(now);
    return next;
  }
}

// A proposal from what is there
export interface Known {
  path: string;
  type: string;
  unit: string;
  title_zh?: string;
  title_en?: string;
}
const telling = ['temperature', 'vibration', 'power', 'pressure', 'flow', 'load', 'speed', 'current', 'level', 'energy'];
const rank = (property: string): number => (telling.findIndex((word) => property.includes(word)) + telling.length + 1) % (telling.length + 1);
const numeric = (tag: Known): boolean => tag.type === 'number' || tag.type === 'integer';
/** Counts that only grow and codes say little as a curve. */
const curve = (tag: Known): boolean => numeric(tag) && tag.unit !== '' && !/(_energy|_count|energy_|total|hours)/.test(splitTag(tag.path).property);

/** Tiles of what tells most, charts by unit, a table of all and the alarms of the place. `asked`: how a tag is named on the board. */
export function propose(tags: Known[], place: string, asked: (path: string) => string = (p) => p): Widget[] {
  const sorted = tags.map((tag, i) => ({ tag, i })).sort((a, b) => rank(splitTag(a.tag.path).property) - rank(splitTag(b.tag.path).property) || a.i - b.i).map((x) => x.tag);
  const machines = new Set(tags.map((tag) => splitTag(tag.path).device));
  const many = machines.size > 1;
  const shown = new Set<string>();
  // Of one machine its first numbers; of many the first of each.
  const tiles = sorted.filter(curve).filter((tag) => {
    const key = many ? splitTag(tag.path).device : tag.path;
    return !shown.has(key) && shown.add(key) !== undefined;
  }).slice(0, 8);
  const out: Widget[] = [];
  const perRow = Math.min(Math.max(tiles.length, 1), 4);
  tiles.forEach((tag, i) => out.push(widgetOf('tile', { tags: [asked(tag.path)], x: (i % perRow) * (columns / perRow), y: Math.floor(i / perRow) * 3, w: columns / perRow, h: 3 })));
  let y = bottom(out);
  const byUnit = new Map<string, Known[]>();
  for (const tag of sorted.filter(curve)) byUnit.set(tag.unit, [...(byUnit.get(tag.unit) ?? []), tag]);
  const charts = [...byUnit.values()].sort((a, b) => b.length - a.length).slice(0, 4);
  charts.forEach((list, i) => {
    const last = i === charts.length - 1 && charts.length % 2 === 1;
    out.push(widgetOf('chart', { tags: list.slice(0, 6).map((tag) => asked(tag.path)), x: (i % 2) * 12, y: y + Math.floor(i / 2) * 7, w: last ? 24 : 12, h: 7 }));
  });
  y = bottom(out);
  if (tags.length) out.push(widgetOf('table', { tags: many ? [...machines].slice(0, 8).map((m) => asked(`${m}.*`)) : [asked(`${[...machines][0]}.*`)], x: 0, y, w: 14, h: 8 }));
  out.push(widgetOf('alarms', { place: asked(place), x: tags.length ? 14 : 0, y, w: tags.length ? 10 : 24, h: 8 }));
  return out;
}

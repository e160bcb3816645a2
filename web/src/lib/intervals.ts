// Intervals as pictures and words: colours, lanes, lengths. No state, no clock.
import type { Interval } from '@/api/intervals';

export const seriesColors = ['--series-1', '--series-2', '--series-3', '--series-4', '--series-5', '--series-6', '--series-7', '--series-8'] as const;
/** Kinds that people know by these words everywhere; others are told by their name. */
export const knownKinds = ['downtime', 'batch', 'shift', 'operation', 'alarm', 'label', 'maintenance', 'setup', 'run'] as const;
/** Offered in forms; alarms come from rules. */
export const kindsToMake = knownKinds.filter((k) => k !== 'alarm');

/** A colour for each name, the same for the same set: by order, so that neighbours differ as long as there are colours. */
export function colorsOf(names: Iterable<string>): Map<string, string> {
  return new Map([...new Set(names)].sort().map((name, i) => [name, seriesColors[i % seriesColors.length]!]));
}
/** A colour for a kind, always the same one. */
export function colorOfKind(kind: string): string {
  const known = (knownKinds as readonly string[]).indexOf(kind);
  if (known >= 0) return seriesColors[(known + 1) % seriesColors.length]!;
  let sum = 0;
  for (const c of kind) sum = (sum * 31 + c.charCodeAt(0)) % 997;
  return seriesColors[sum % seriesColors.length]!;
}

export interface Bar {
  left: number;
  width: number;
}
/** Where [from, to) lies within the window, in per cent; null outside of it. */
export function barOf(from: number, to: number | null, window: { from: number; to: number }): Bar | null {
  const whole = Math.max(1, window.to - window.from);
  const a = Math.max(from, window.from);
  const b = Math.min(to ?? window.to, window.to);
  if (b <= a) return null;
  return { left: ((a - window.from) / whole) * 100, width: ((b - a) / whole) * 100 };
}

/** Side by side where they overlap: the lane of each, from 0; and how many lanes there are. */
export function lanesOf(all: { from: number; to: number | null }[]): { lanes: number[]; count: number } {
  const order = all.map((_, i) => i).sort((a, b) => all[a]!.from - all[b]!.from || a - b);
  const ends: number[] = [];
  const lanes = new Array<number>(all.length).fill(0);
  for (const i of order) {
    const free = ends.findIndex((end) => end <= all[i]!.from);
    const lane = free < 0 ? ends.length : free;
    ends[lane] = all[i]!.to ?? Infinity;
    lanes[i] = lane;
  }
  return { lanes, count: Math.max(1, ends.length) };
}

export const endOf = (one: Pick<Interval, 'to'>, now: number): number => one.to ?? now;
export const lengthOfInterval = (one: Pick<Interval, 'from' | 'to'>, now: number): number => Math.max(0, endOf(one, now) - one.from);

/** "reason: jam · parts: 3", what people look for first. */
export function attributesText(attributes: Interval['attributes'], most = 3): string {
  const order = ['reason', 'note', 'message', 'title'];
  const entries = Object.entries(attributes).sort(([a], [b]) => (order.indexOf(a) + 1 || 9) - (order.indexOf(b) + 1 || 9) || a.localeCompare(b));
  return entries.slice(0, most).map(([name, value]) => (order.includes(name) ? String(value) : `${name}: ${String(value)}`)).join(' · ');
}

export interface Difference {
  what: string;
  before: unknown;
  after: unknown;
}
/** What one revision says otherwise than the one before it. */
export function differences(before: Interval, after: Interval): Difference[] {
  const out: Difference[] = [];
  for (const what of ['kind', 'from', 'to', 'confidence', 'withdrawn'] as const) if (before[what] !== after[what]) out.push({ what, before: before[what], after: after[what] });
  for (const name of [...new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)])].sort()) {
    const [a, b] = [before.attributes[name], after.attributes[name]];
    if (a !== b) out.push({ what: `attributes.${name}`, before: a ?? null, after: b ?? null });
  }
  return out;
}

/** Ticks of a time axis, on round local times. */
const steps = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000].map((s) => s * 1000);
export function ticksOf(from: number, to: number, most: number): number[] {
  const step = steps.find((s) => (to - from) / s <= Math.max(most, 2)) ?? steps[steps.length - 1]!;
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const out: number[] = [];
  for (let at = Math.ceil((from - zone) / step) * step + zone; at < to; at += step) out.push(at);
  return out;
}

import type { Alarm } from '@/api/alarms';
import type { Rehearsal } from '@/api/rehearse';
import type { Problem } from '@/api/http';

export interface Bar {
  /** Of the window, in percent. */
  left: number;
  width: number;
  /** Where it stands in the list of alarms. */
  index: number;
}
export interface Band {
  device: string;
  count: number;
  bars: Bar[];
}

const round = (x: number): number => Math.round(x * 1000) / 1000;

/** When an alarm ended, or how far it is known to have lasted: a machine that was done before the try stopped is known to the end. */
export const endOf = (alarm: Alarm, r: Pick<Rehearsal, 'to' | 'until'>): number => alarm.cleared ?? (alarm.raised < r.until ? r.until : r.to);

/** One band for each device, the one with most alarms first; what is active at the end reaches to where the try came. */
export function bands(r: Pick<Rehearsal, 'from' | 'to' | 'until' | 'alarms'>): Band[] {
  const length = Math.max(1, r.to - r.from);
  const out = new Map<string, Band>();
  r.alarms.forEach((alarm, index) => {
    const device = alarm.device ?? '';
    const band = out.get(device) ?? { device, count: 0, bars: [] };
    const from = Math.max(alarm.raised, r.from);
    const to = Math.max(from, Math.min(endOf(alarm, r), r.to));
    band.count++;
    band.bars.push({ left: round(((from - r.from) / length) * 100), width: round(((to - from) / length) * 100), index });
    out.set(device, band);
  });
  return [...out.values()].sort((a, b) => b.count - a.count || a.device.localeCompare(b.device));
}

/** Times for the axis beneath, about `most` of them on round hours or days of this computer's zone. */
export function ticks(from: number, to: number, most: number): number[] {
  const hour = 3600_000;
  const steps = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 720, 2160, 4320, 8760].map((h) => h * hour);
  const step = steps.find((s) => (to - from) / s <= most) ?? steps.at(-1)! * Math.ceil((to - from) / most / steps.at(-1)!);
  const zone = new Date(from).getTimezoneOffset() * 60_000;
  const out: number[] = [];
  for (let t = Math.ceil((from - zone) / step) * step + zone; t <= to; t += step) out.push(t);
  return out;
}

/** From a quarter of the alarm's length before it until as long after it, so that the chart shows how it came and went. */
export function around(alarm: Alarm, r: Pick<Rehearsal, 'to' | 'until'>): { from: number; to: number } {
  const end = endOf(alarm, r);
  const margin = Math.max(10 * 60_000, (end - alarm.raised) / 4);
  return { from: Math.round(alarm.raised - margin), to: Math.round(end + margin) };
}

export type Fault = { place: string; text: string };

/** What the server refused: the field, and why. */
export function faultOf(problem: Problem): Fault {
  const place = (problem.place ?? '').replace(/^spec\.?/, '');
  const text = place ? problem.detail.replace(`${problem.place}: `, '') : problem.detail;
  return { place, text };
}

// Alarms set aside: what one is shelved by, how long, until when. No state; "now" is given.
import type { Alarm, Shelf } from '@/api/alarms';
import type { Now } from '@/api/calendars';
import type { Resource } from '@/api/resources';

export const shortest = 60_000;
export const longest = 7 * 86_400_000;

export interface Scope {
  rule: string;
  /** Without it the whole of the rule. */
  device?: string;
}

/** One alarm is set aside by its rule and its machine; of a rule over no one machine, the rule is all there is. */
export function scopeOf(alarm: Pick<Alarm, 'rule' | 'device'>, rules: Resource[] | null): Scope {
  const spec = rules?.find((r) => r.name === alarm.rule)?.spec;
  const ofMachine = Boolean(spec?.device_type || spec?.device);
  return ofMachine && alarm.device ? { rule: alarm.rule, device: alarm.device } : { rule: alarm.rule };
}

/** Each rule and machine once, however many alarms they have. */
export function scopesOf(alarms: Pick<Alarm, 'rule' | 'device'>[], rules: Resource[] | null): Scope[] {
  const all = new Map(alarms.map((a) => scopeOf(a, rules)).map((s) => [`${s.rule}\n${s.device ?? ''}`, s]));
  return [...all.values()];
}

/** The shelves that hold an alarm: of its machine or of the whole rule. */
export function shelvesOf(alarm: Pick<Alarm, 'rule' | 'device'>, shelves: Shelf[]): Shelf[] {
  return shelves.filter((s) => s.rule === alarm.rule && (!s.device || s.device === alarm.device));
}

const unitMs: Record<string, number> = { m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
/** "90m", "1h30m", "2 d"; null for what is none or lies outside of what the server takes. */
export function lengthOfShelf(text: string): number | null {
  const parts = [...text.trim().toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*(min|m|h|d)\s*/gy)];
  if (!parts.length || parts.map((p) => p[0]).join('').trim() !== text.trim().toLowerCase()) return null;
  const ms = parts.reduce((sum, p) => sum + Number(p[1]) * unitMs[p[2]!]!, 0);
  return ms >= shortest && ms <= longest ? ms : null;
}
/** As the server takes it, whole seconds. */
export const wordOf = (ms: number): string => `${Math.round(ms / 1000)}s`;

/** When the shift of that moment ends, by the plant's calendar; the next one's end when that is less than a minute away; null
 * where no shift runs. */
export function shiftEnd(day: Pick<Now, 'shift' | 'next_shift'>, at: number): number | null {
  if (!day.shift) return null;
  if (day.shift.to - at >= shortest) return day.shift.to;
  return day.next_shift && day.next_shift.to - at >= shortest ? day.next_shift.to : null;
}

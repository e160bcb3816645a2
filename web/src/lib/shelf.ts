// Alarms set aside: what one is shelved by, how long, until when. No state; "now" is given.
import type { Alarm, Shelf } from '@/api/alarms';
import type { Resource } from '@/api/resources';

export const shortest = 60_000;
export const longest = 7 * 86_400_000;
export const standardShifts = '08:00 16:00 00:00';

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

/** "08:00 16:00" as minutes of the day, rising; null when one of them is no time of day. */
export function shiftTimes(text: string): number[] | null {
  const words = text.split(/[\s,;，；]+/).filter(Boolean);
  const out: number[] = [];
  for (const word of words) {
    const m = /^(\d{1,2})[:：](\d\d)$/.exec(word);
    if (!m || Number(m[1]) > 24 || Number(m[2]) > 59) return null;
    out.push((Number(m[1]) % 24) * 60 + Number(m[2]));
  }
  return out.length ? [...new Set(out)].sort((a, b) => a - b) : null;
}

/** The next end of a shift on the reader's clock, at least a minute ahead. */
export function shiftEnd(now: number, times: number[]): number {
  for (let day = 0; day < 3; day++) {
    for (const minutes of times) {
      const d = new Date(now);
      d.setDate(d.getDate() + day);
      d.setHours(Math.floor(minutes / 60), minutes % 60, 0, 0);
      if (d.getTime() - now >= shortest) return d.getTime();
    }
  }
  return now + 8 * 3_600_000;
}

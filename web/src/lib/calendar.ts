// A plant's calendar as the page draws and changes it: months as weeks, exceptions, rotations. No state; days are texts
// "2026-10-01" and mean no instant, so no time zone of the browser comes into it.
import type { DayInfo } from '@/api/calendars';

export interface Exception {
  from: string;
  to?: string;
  working: boolean;
  title?: string;
}

const ms = 86_400_000;
const numberOf = (day: string): number => Date.parse(day + 'T00:00:00Z') / ms;
const textOf = (number: number): string => new Date(number * ms).toISOString().slice(0, 10);
export const addDays = (day: string, count: number): string => textOf(numberOf(day) + count);
/** 1 Monday … 7 Sunday. */
export const weekday = (day: string): number => ((((numberOf(day) + 3) % 7) + 7) % 7) + 1;

export interface Month {
  month: number;
  /** Blank places before the first, weeks begin on Monday. */
  lead: number;
  days: DayInfo[];
}
export function monthsOf(days: DayInfo[]): Month[] {
  const out: Month[] = [];
  for (const day of days) {
    const month = Number(day.day.slice(5, 7));
    if (out.at(-1)?.month !== month) out.push({ month, lead: weekday(day.day) - 1, days: [] });
    out.at(-1)!.days.push(day);
  }
  return out;
}

/** The list without anything said of that one day: a stretch around it is cut in two. */
export function withoutDay(list: Exception[], day: string): Exception[] {
  return list.flatMap((one) => {
    const to = one.to ?? one.from;
    if (day < one.from || day > to) return [one];
    const part = (from: string, last: string): Exception[] => (from > last ? [] : [{ ...one, from, ...(last === from ? { to: undefined } : { to: last }) }]);
    return [...part(one.from, addDays(day, -1)), ...part(addDays(day, 1), to)];
  });
}
/** What is said last decides, so the new one stands at the end; of neighbours alike it makes one. */
export function withDay(list: Exception[], day: string, working: boolean, title: string): Exception[] {
  const rest = withoutDay(list, day);
  const last = rest.at(-1);
  const alike = last && last.working === working && (last.title ?? '') === title;
  if (alike && addDays(last.to ?? last.from, 1) === day) return [...rest.slice(0, -1), { ...last, to: day }];
  return [...rest, { from: day, working, ...(title ? { title } : {}) }];
}

/** How far along [from, to) a moment is, in percent, kept within. */
export const along = (at: number, from: number, to: number): number => Math.max(0, Math.min(100, ((at - from) / (to - from)) * 100));

export interface Pattern {
  shifts: { name: string; title_zh: string; title_en: string; from: string; to: string }[];
  teams: { name: string; title_zh: string; title_en: string }[];
  days: Record<string, string>[];
}
const eight = [
  { name: 'day', title_zh: '早班', title_en: 'Day', from: '08:00', to: '16:00' },
  { name: 'swing', title_zh: '中班', title_en: 'Swing', from: '16:00', to: '00:00' },
  { name: 'night', title_zh: '夜班', title_en: 'Night', from: '00:00', to: '08:00' },
];
const twelve = [
  { name: 'day', title_zh: '白班', title_en: 'Day', from: '08:00', to: '20:00' },
  { name: 'night', title_zh: '夜班', title_en: 'Night', from: '20:00', to: '08:00' },
];
const teamNames = [['A', '甲班', 'Team A'], ['B', '乙班', 'Team B'], ['C', '丙班', 'Team C'], ['D', '丁班', 'Team D']] as const;
const teams = (count: number): Pattern['teams'] => teamNames.slice(0, count).map(([name, title_zh, title_en]) => ({ name, title_zh, title_en }));
/** Every team has the same cycle ("day day swing swing …"), each `step` days after the one before. */
function rotate(cycle: string[], count: number, step: number): Record<string, string>[] {
  return cycle.map((_, day) => {
    const of: Record<string, string> = {};
    for (let team = 0; team < count; team++) {
      const shift = cycle[(((day - team * step) % cycle.length) + cycle.length) % cycle.length]!;
      if (shift !== '-') of[shift] = teamNames[team]![0];
    }
    return of;
  });
}
const week = (shift: string): string[] => Array<string>(7).fill(shift);
/** What plants commonly run. */
export const patterns: Record<'four3' | 'three2' | 'four2' | 'two' | 'three', () => Pattern> = {
  // 四班三运转: two days each of day, swing, night and off.
  four3: () => ({ shifts: eight, teams: teams(4), days: rotate(['day', 'day', 'swing', 'swing', 'night', 'night', '-', '-'], 4, 2) }),
  // 四班两运转: day, night, two off.
  four2: () => ({ shifts: twelve, teams: teams(4), days: rotate(['day', 'night', '-', '-'], 4, 1) }),
  // 三班两运转: day, night, off.
  three2: () => ({ shifts: twelve, teams: teams(3), days: rotate(['day', 'night', '-'], 3, 1) }),
  // 两班倒: changed every week.
  two: () => ({ shifts: twelve, teams: teams(2), days: rotate([...week('day'), ...week('night')], 2, 7) }),
  // 三班倒: changed every week.
  three: () => ({ shifts: eight, teams: teams(3), days: rotate([...week('day'), ...week('swing'), ...week('night')], 3, 7) }),
};

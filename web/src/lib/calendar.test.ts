import { describe, expect, it } from 'vitest';
import type { DayInfo } from '@/api/calendars';
import { addDays, along, monthsOf, patterns, weekday, withDay, withoutDay } from './calendar';

describe('days', () => {
  it('are counted without a time zone', () => {
    expect(addDays('2026-02-28', 1)).toBe('2026-03-01');
    expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
    expect(weekday('2026-11-21')).toBe(6);
    expect(weekday('1969-12-29')).toBe(1);
  });
  it('make months of weeks that begin on Monday', () => {
    const days: DayInfo[] = [];
    for (let day = '2026-01-01'; day < '2027-01-01'; day = addDays(day, 1)) days.push({ day, kind: 'workday', working: true, sure: true });
    const months = monthsOf(days);
    expect(months.map((m) => m.days.length)).toEqual([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]);
    expect(months.map((m) => m.lead).slice(0, 3)).toEqual([3, 6, 6]);
  });
  it('lie along a stretch', () => {
    expect([along(5, 0, 10), along(-1, 0, 10), along(11, 0, 10)]).toEqual([50, 0, 100]);
  });
});

describe('exceptions', () => {
  it('are cut around a day', () => {
    const f = (list: string, day: string, want: string): void => {
      const read = list.split(' ').filter(Boolean).map((one) => ({ from: one.slice(0, 10), ...(one.length > 10 ? { to: one.slice(11) } : {}), working: false }));
      expect(withoutDay(read, day).map((one) => one.from + (one.to ? '/' + one.to : '')).join(' ')).toBe(want);
    };
    f('2026-10-01', '2026-10-01', '');
    f('2026-10-01', '2026-10-02', '2026-10-01');
    f('2026-10-01/2026-10-03', '2026-10-02', '2026-10-01 2026-10-03');
    f('2026-10-01/2026-10-03', '2026-10-01', '2026-10-02/2026-10-03');
    f('2026-10-01/2026-10-03', '2026-10-03', '2026-10-01/2026-10-02');
    f('2026-10-01/2026-10-09', '2026-10-03', '2026-10-01/2026-10-02 2026-10-04/2026-10-09');
  });
  it('are made and joined', () => {
    let list = withDay([], '2026-10-08', false, '检修');
    list = withDay(list, '2026-10-09', false, '检修');
    expect(list).toEqual([{ from: '2026-10-08', to: '2026-10-09', working: false, title: '检修' }]);
    list = withDay(list, '2026-10-09', true, '');
    expect(list).toEqual([{ from: '2026-10-08', to: undefined, working: false, title: '检修' }, { from: '2026-10-09', working: true }]);
  });
});

describe('patterns', () => {
  it('give every shift of every day exactly one team, and every team the same share', () => {
    for (const make of Object.values(patterns)) {
      const { shifts, teams, days } = make();
      const count = new Map<string, number>();
      for (const day of days) {
        expect(Object.keys(day).sort()).toEqual(shifts.map((s) => s.name).sort());
        expect(new Set(Object.values(day)).size).toBe(shifts.length);
        for (const team of Object.values(day)) count.set(team, (count.get(team) ?? 0) + 1);
      }
      expect([...count.keys()].sort()).toEqual(teams.map((one) => one.name));
      expect(new Set(count.values()).size).toBe(1);
    }
  });
  it('never lets a team go from night straight to day', () => {
    const { days } = patterns.four3();
    days.forEach((day, i) => expect(day.night).not.toBe(days[(i + 1) % days.length]!.day));
  });
});

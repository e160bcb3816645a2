import { describe, expect, it } from 'vitest';
import { diskState, globOf, orderOf, perPoint, ticks, wholeDays } from './storage';

describe('storage', () => {
  it('reckons bytes a reading', () => {
    expect(perPoint(120, 100)).toBe(1.2);
    expect(perPoint(0, 0)).toBeNull();
  });
  it('shows days without readings as holes', () => {
    const now = Date.parse('2026-03-04T23:59:00Z');
    const days = wholeDays([{ day: '2026-03-02', rows: 5, bytes: 10 }, { day: '2026-02-01', rows: 1, bytes: 1 }], 4, now);
    expect(days.map((one) => [one.day, one.rows])).toEqual([['2026-03-01', 0], ['2026-03-02', 5], ['2026-03-03', 0], ['2026-03-04', 0]]);
  });
  it('takes round steps that reach the largest', () => {
    for (const [largest, want] of [[0, [0]], [4, [0, 1, 2, 3, 4]], [7.3, [0, 2, 4, 6, 8]], [100, [0, 50, 100]], [0.9, [0, 0.5, 1]]] as const) {
      expect(ticks(largest).map((n) => Math.round(n * 1e6) / 1e6)).toEqual(want);
    }
  });
  it('makes a glob of what is typed', () => {
    for (const [typed, want] of [['', ''], [' pump ', '**pump**'], ['a/**', 'a/**'], ['a/b?', 'a/b?']]) expect(globOf(typed!)).toBe(want);
  });
  it('reads the order of the address', () => {
    expect(orderOf(undefined)).toEqual({ order: 'bytes', ascending: false });
    expect(orderOf('rows')).toEqual({ order: 'rows', ascending: true });
    expect(orderOf('-bytes_per_row')).toEqual({ order: 'bytes_per_row', ascending: false });
    expect(orderOf('tag')).toEqual({ order: 'bytes', ascending: false });
  });
  it('says when a disk is scarce', () => {
    expect(diskState(50, 100, null)).toEqual({ used: 0.5, scarce: false });
    expect(diskState(5, 100, null).scarce).toBe(true);
    expect(diskState(50, 100, 86_400_000 * 10).scarce).toBe(true);
    expect(diskState(0, 0, null)).toEqual({ used: 0, scarce: false });
  });
});

import { describe, expect, it } from 'vitest';
import type { Interval } from '@/api/intervals';
import { attributesText, barOf, colorOfKind, colorsOf, differences, kindsToMake, lanesOf, lengthOfInterval, seriesColors, ticksOf } from './intervals';

const interval = (more: Partial<Interval>): Interval => ({ id: '1', revision: 1, asset: 'a', tag: '', kind: 'downtime', from: 0, to: 10, open: false, attributes: {}, source: 'hand', made_by: '', confidence: 1, withdrawn: false, action: 'opened', by: '', at: 0, reason: '', ...more });

describe('intervals', () => {
  it('lie in the window by per cent', () => {
    const f = (from: number, to: number | null, want: [number, number] | null): void => {
      const bar = barOf(from, to, { from: 100, to: 200 });
      expect(bar && [bar.left, bar.width]).toEqual(want);
    };
    f(100, 200, [0, 100]);
    f(150, 160, [50, 10]);
    f(0, 150, [0, 50]);
    f(150, null, [50, 50]);
    f(0, 100, null);
    f(200, 300, null);
    f(300, null, null);
  });
  it('stand in lanes where they overlap', () => {
    const f = (all: [number, number | null][], lanes: number[], count: number): void => expect(lanesOf(all.map(([from, to]) => ({ from, to })))).toEqual({ lanes, count });
    f([], [], 1);
    f([[0, 5], [5, 9]], [0, 0], 1);
    f([[0, 6], [5, 9], [6, 7]], [0, 1, 0], 2);
    f([[5, 9], [0, null]], [1, 0], 2);
  });
  it('never overlap within a lane', () => {
    let seed = 7;
    const random = (n: number): number => (seed = (seed * 48271) % 2147483647) % n;
    for (let round = 0; round < 200; round++) {
      const all = Array.from({ length: random(20) }, () => {
        const from = random(50);
        return { from, to: random(5) ? from + 1 + random(20) : null };
      });
      const { lanes, count } = lanesOf(all);
      all.forEach((a, i) => all.forEach((b, j) => {
        if (i < j && lanes[i] === lanes[j]) expect(a.from >= (b.to ?? Infinity) || b.from >= (a.to ?? Infinity)).toBe(true);
      }));
      for (const lane of lanes) expect(lane).toBeLessThan(count);
    }
  });
  it('have colours that stay', () => {
    expect([...colorsOf(['run', 'idle', 'run']).entries()]).toEqual([['idle', seriesColors[0]], ['run', seriesColors[1]]]);
    expect(colorOfKind('downtime')).toBe(colorOfKind('downtime'));
    expect(seriesColors).toContain(colorOfKind('something_else'));
    expect(kindsToMake).not.toContain('alarm');
  });
  it('tell what matters first', () => {
    expect(attributesText({ parts: 3, reason: 'jam' })).toBe('jam · parts: 3');
    expect(attributesText({ a: 1, b: 2, c: 3, d: 4 })).toBe('a: 1 · b: 2 · c: 3');
    expect(lengthOfInterval({ from: 5, to: null }, 8)).toBe(3);
  });
  it('tell what a correction changed', () => {
    expect(differences(interval({}), interval({ revision: 2, to: 20, attributes: { reason: 'jam' } }))).toEqual([{ what: 'to', before: 10, after: 20 }, { what: 'attributes.reason', before: null, after: 'jam' }]);
    expect(differences(interval({}), interval({ revision: 2 }))).toEqual([]);
  });
  it('have ticks on round times', () => {
    const hour = 3_600_000;
    const ticks = ticksOf(1_700_000_123_000, 1_700_000_123_000 + 6 * hour, 8);
    expect(ticks.length).toBe(6);
    for (const at of ticks) expect(new Date(at).getMinutes()).toBe(0);
  });
});

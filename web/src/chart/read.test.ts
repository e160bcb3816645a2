import { describe, expect, it } from 'vitest';
import { plan, planOf } from './read';
import { lineOf } from './series';

const hour = 3_600_000;

describe('what a chart asks for', () => {
  it('is readings over short ranges and buckets with their band over long ones', () => {
    expect(plan(['a'], 0, hour, 800).bucket).toBeNull();
    expect(plan(['a'], 0, 24 * hour, 800).question.agg).toContain('min');
  });
  it('is one aggregate in whole buckets where one is wanted', () => {
    const at = 1_700_000_012_345;
    const p = planOf(['a'], at, at + hour, 600, 'max', 26);
    expect(p.question.agg).toEqual(['max']);
    expect(p.bucket!.ms).toBeGreaterThanOrEqual(hour / (600 / 26));
    // The first bar is whole: it begins where a bucket begins.
    expect(p.question.from % p.bucket!.ms).toBe(0);
    expect(p.question.from).toBeLessThanOrEqual(at);
    expect(p.question.to).toBe(at + hour);
    expect(planOf(['a'], at, at + hour, 10, 'sum').bucket!.ms).toBeLessThanOrEqual(hour / 4);
  });
});

describe('what is drawn of one aggregate', () => {
  const series = { tag: 'a', unit: 'kW', columns: ['ts', 'max', 'good_fraction'], rows: [[0, 5, 1], [60_000, 7, 0.4], [120_000, 6, 1]] };
  it('is that aggregate without a band', () => {
    const line = lineOf(series, 60_000, 'max');
    expect(line.ys).toEqual([5, 7, 6]);
    expect([line.lo, line.hi]).toEqual([null, null]);
    expect(line.stats).toMatchObject({ min: 5, max: 7, last: 6 });
  });
  it('keeps gaps and says where the readings were bad', () => {
    const line = lineOf({ ...series, rows: [series.rows[0]!, [600_000, 9, 0.2]] }, 60_000, 'max');
    expect(line.ys).toEqual([5, null, 9]);
    expect(line.bad).toHaveLength(1);
  });
});

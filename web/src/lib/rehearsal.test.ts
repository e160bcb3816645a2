import { describe, expect, it } from 'vitest';
import type { Alarm } from '@/api/alarms';
import { around, bands, faultOf, ticks } from './rehearsal';

const hour = 3600_000;
const alarm = (device: string, raised: number, cleared: number | null): Alarm => ({ device, raised, cleared }) as Alarm;

describe('a rule tried over the past', () => {
  it('stands in bands by device, cut at the window; what is not over reaches to where the try came', () => {
    const alarms = [alarm('b', 80, null), alarm('a', 50, 60), alarm('b', -20, 10), alarm('b', 30, 30)];
    expect(bands({ from: 0, to: 100, until: 90, alarms })).toEqual([
      { device: 'b', count: 3, bars: [{ left: 80, width: 10, index: 0 }, { left: 0, width: 10, index: 2 }, { left: 30, width: 0, index: 3 }] },
      { device: 'a', count: 1, bars: [{ left: 50, width: 10, index: 1 }] },
    ]);
    expect(bands({ from: 0, to: 100, until: 100, alarms: [] })).toEqual([]);
    expect(bands({ from: 0, to: 100, until: 40, alarms: [alarm('done', 80, null)] })[0]!.bars).toEqual([{ left: 80, width: 20, index: 0 }]);
  });
  it('has an axis of a few round times within the window', () => {
    for (const [hours, most] of [[1, 5], [24, 6], [168, 7], [720, 4], [100_000, 6]] as const) {
      const from = Date.UTC(2026, 10, 14, 3, 17);
      const at = ticks(from, from + hours * hour, most);
      expect(at.length).toBeLessThanOrEqual(most + 1);
      expect(at.every((t) => t >= from && t <= from + hours * hour && new Date(t).getMinutes() === 0)).toBe(true);
    }
    expect(ticks(0, 168 * hour, 7).length).toBeGreaterThan(5);
  });
  it('leads to a chart that shows how the alarm came and went', () => {
    expect(around(alarm('a', 10 * hour, 18 * hour), { to: 0, until: 0 })).toEqual({ from: 8 * hour, to: 20 * hour });
    expect(around(alarm('a', 10 * hour, null), { to: 10 * hour, until: 10 * hour })).toEqual({ from: 10 * hour - 600_000, to: 10 * hour + 600_000 });
  });
  it('tells what was refused beside its field, in either language', () => {
    const f = (detail: string, place: string | undefined, want: object): void => expect(faultOf({ status: 400, title: 'invalid', detail, place })).toEqual(want);
    f('device: 没有设备“x/y”', 'device', { place: 'device', text: '没有设备“x/y”' });
    f('spec.device_type: there is no device_type "t"', 'spec.device_type', { place: 'device_type', text: 'there is no device_type "t"' });
    f('condition: column 5: there is no tag "y"', 'condition', { place: 'condition', text: 'column 5: there is no tag "y"' });
    f('something else', undefined, { place: '', text: 'something else' });
  });
});

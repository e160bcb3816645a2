import { describe, expect, it } from 'vitest';
import type { Shelf } from '@/api/alarms';
import type { Resource } from '@/api/resources';
import { lengthOfShelf, scopeOf, scopesOf, shelvesOf, shiftEnd, shiftTimes, wordOf } from './shelf';

const rule = (name: string, spec: Resource['spec']): Resource => ({ kind: 'rule', name, uid: name, revision: 1, created: 1, updated: 1, by: 'x', spec });

describe('what one alarm is set aside by', () => {
  const rules = [rule('of-type', { device_type: 'pump' }), rule('of-one', { device: 'a/b' }), rule('of-none', {})];
  it('is its machine, and the rule alone where that is over no machine', () => {
    expect(scopeOf({ rule: 'of-type', device: 'a/p1' }, rules)).toEqual({ rule: 'of-type', device: 'a/p1' });
    expect(scopeOf({ rule: 'of-one', device: 'a/b' }, rules)).toEqual({ rule: 'of-one', device: 'a/b' });
    expect(scopeOf({ rule: 'of-none', device: 'a/b' }, rules)).toEqual({ rule: 'of-none' });
    expect(scopeOf({ rule: 'gone', device: 'a/b' }, rules)).toEqual({ rule: 'gone' });
  });
  it('comes once for many alarms of the same', () => {
    const alarms = [{ rule: 'of-type', device: 'a/p1' }, { rule: 'of-type', device: 'a/p1' }, { rule: 'of-type', device: 'a/p2' }];
    expect(scopesOf(alarms, rules).map((s) => s.device)).toEqual(['a/p1', 'a/p2']);
  });
  it('finds the shelf of the machine and that of the whole rule', () => {
    const shelf = (r: string, device: string): Shelf => ({ kind: 'shelved', rule: r, device, since: 1, until: 2, by: 'x', reason: 'y' });
    const all = [shelf('of-type', 'a/p1'), shelf('of-type', ''), shelf('of-type', 'a/p2'), shelf('of-one', '')];
    expect(shelvesOf({ rule: 'of-type', device: 'a/p1' }, all)).toEqual([all[0], all[1]]);
  });
});

describe('how long', () => {
  const f = (text: string, want: number | null): void => expect(lengthOfShelf(text), text).toBe(want);
  it('is read as the server reads it', () => {
    f('90m', 90 * 60_000);
    f('1h30m', 90 * 60_000);
    f('1 h 30 min', 90 * 60_000);
    f('7d', 7 * 86_400_000);
    f('0.5h', 30 * 60_000);
    f('8d', null);
    f('30s', null);
    f('10', null);
    f('h', null);
    f('', null);
    f('1h and more', null);
    expect(wordOf(90_000)).toBe('90s');
  });
  it('ends with the shift', () => {
    expect(shiftTimes('08:00 16:00, 24:00')).toEqual([0, 480, 960]);
    expect(shiftTimes('7：30')).toEqual([450]);
    expect(shiftTimes('25:00')).toBeNull();
    expect(shiftTimes('noon')).toBeNull();
    expect(shiftTimes(' ')).toBeNull();
    const at = (h: number, m: number, day = 10): number => new Date(2026, 2, day, h, m).getTime();
    expect(shiftEnd(at(9, 0), [480, 960])).toBe(at(16, 0));
    expect(shiftEnd(at(16, 30), [480, 960])).toBe(at(8, 0, 11));
    // What ends within the minute is no shelf: the next one.
    expect(shiftEnd(at(15, 59) + 30_000, [480, 960])).toBe(at(8, 0, 11));
  });
});

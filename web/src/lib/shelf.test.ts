import { describe, expect, it } from 'vitest';
import type { Shelf } from '@/api/alarms';
import type { Slot } from '@/api/calendars';
import type { Resource } from '@/api/resources';
import { lengthOfShelf, scopeOf, scopesOf, shelvesOf, shiftEnd, wordOf } from './shelf';

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
    const slot = (from: number, to: number): Slot => ({ shift: 'a', title: { zh: '', en: '' }, team: null, production_day: '', from, to });
    const f = (shift: Slot | null, next: Slot | null, at: number): number | null => shiftEnd({ shift, next_shift: next }, at);
    const h = 3_600_000;
    expect(f(slot(0, 8 * h), slot(8 * h, 16 * h), 2 * h)).toBe(8 * h);
    // What ends within the minute is no shelf: the next one.
    expect(f(slot(0, 8 * h), slot(8 * h, 16 * h), 8 * h - 30_000)).toBe(16 * h);
    expect(f(slot(0, 8 * h), null, 8 * h - 30_000)).toBeNull();
    expect(f(null, slot(8 * h, 16 * h), 2 * h)).toBeNull();
  });
});

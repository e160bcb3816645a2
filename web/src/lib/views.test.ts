import { describe, expect, it } from 'vitest';
import { columnsWord, hiddenColumns, nameFor, queryOf, sameQuery, viewOf } from './views';

describe('a view', () => {
  it('is the address without what is open just now', () => {
    expect(queryOf({ state: 'shelved', open: 'x', tab: 'y', new: null, tag: ['b', 'a'], by: undefined })).toEqual({ state: ['shelved'], tag: ['b', 'a'] });
    expect(queryOf({ flag: null })).toEqual({ flag: [''] });
  });
  it('is the same whatever order the address has', () => {
    expect(sameQuery({ a: ['1'], b: ['2'] }, { b: ['2'], a: ['1'] })).toBe(true);
    // The order of tags is that of their colours.
    expect(sameQuery({ tag: ['a', 'b'] }, { tag: ['b', 'a'] })).toBe(false);
  });
  it('is read from what the server keeps', () => {
    const resource = { kind: 'saved_view', name: 'n', uid: 'u', revision: 3, created: 1, updated: 1, by: 'x', spec: { title: 'T', page: 'alarms', query: { state: ['shelved'] }, owner: 'user:li', shared: true, standard: false } };
    expect(viewOf(resource)).toEqual({ name: 'n', revision: 3, title: 'T', page: 'alarms', query: { state: ['shelved'] }, owner: 'user:li', shared: true, standard: false });
  });
  it('has a name of its own', () => {
    expect(nameFor('alarms', '夜班 / 冷却水', [])).toBe('alarms-夜班-冷却水');
    expect(nameFor('alarms', 'Night', ['alarms-night', 'alarms-night-2'])).toBe('alarms-night-3');
    expect(nameFor('tags', '???', [])).toBe('tags-view');
  });
});

describe('columns in the address', () => {
  it('say only what differs', () => {
    expect([...hiddenColumns(['id', 'group'], undefined)]).toEqual(['id', 'group']);
    expect([...hiddenColumns(['id', 'group'], 'group,-rule')]).toEqual(['id', 'rule']);
    expect(columnsWord(['id', 'group'], new Set(['id', 'rule']))).toBe('-rule,group');
    expect(columnsWord(['id'], new Set(['id']))).toBeUndefined();
  });
});

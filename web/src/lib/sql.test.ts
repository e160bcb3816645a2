import { describe, expect, it } from 'vitest';
import { chartOf, faultAt, isoOf, offersAt, pastMax, pastOf, placeOf, plainRows, remember, tablesIn, tokens, type Past } from './sql';

const known = { kinds: ['devices', 'rules'], tags: [{ path: 'mill/oven.temperature', title: '磨机 · 温度', unit: '°C' }, { path: 'mill/oven.recipe', title: '', unit: '' }] };
const offered = (text: string, force = false): string[] => {
  const caret = text.indexOf('|');
  return offersAt(text.replace('|', ''), caret, known, force).list.map((offer) => offer.text);
};

describe('sql', () => {
  it('colours what is written', () => {
    const kinds = (text: string): string[] => tokens(text).filter((token) => token.kind !== 'space').map((token) => `${token.kind}:${token.text}`);
    expect(kinds("SELECT avg(value), 'it''s' FROM \"a b\" -- why")).toEqual(['keyword:SELECT', 'function:avg', 'sign:(', 'name:value', 'sign:)', 'sign:,', "text:'it''s'", 'keyword:FROM', 'name:"a b"', 'comment:-- why']);
    expect(kinds("history(tags := 'x') >= 1.5e3 $1")).toEqual(['function:history', 'sign:(', 'name:tags', 'sign::=', "text:'x'", 'sign:)', 'sign:>=', 'number:1.5e3', 'parameter:$1']);
    expect(kinds("'not over")).toEqual(["text:'not over"]);
    for (const text of ['SELECT /* x', 'a->>b', '温度 > 3', '\n\t;']) expect(tokens(text).map((token) => token.text).join('')).toBe(text);
  });
  it('offers what may stand there', () => {
    expect(offered('SELECT * FROM re|')).toEqual(['readings', 'devices'].filter((one) => one.includes('re')));
    expect(offered('SELECT va| FROM readings')[0]).toBe('value');
    expect(offered('SELECT time_b|')).toEqual(['time_bucket']);
    expect(offered("SELECT * FROM history(tags := 'a', si|")).toContain('since');
    expect(offered("SELECT * FROM history(|", true).slice(0, 3)).toEqual(['tags', 'since', 'until']);
    expect(offered("SELECT * FROM history(tags := 'oven.t|")).toEqual(['mill/oven.temperature']);
    expect(offered("SELECT * FROM readings WHERE tag = '磨机|'")).toEqual(['mill/oven.temperature']);
    expect(offered("SELECT 'oven|'")).toEqual([]);
    expect(offered('-- sel|')).toEqual([]);
    expect(offered('SELECT |')).toEqual([]);
    expect(offered('SELECT * FROM devices WHERE sp|')).toContain('spec');
    const { list } = offersAt('SELECT * FROM his', 17, known, false);
    expect(list[0]!.insert.slice(0, list[0]!.caret)).toBe("history(tags := '");
  });
  it('knows which tables are read', () => {
    expect(tablesIn('SELECT * FROM Readings r JOIN devices d ON true', ['devices'])).toEqual(['readings', 'devices']);
  });
  it('finds the place of a fault by whole characters', () => {
    expect(placeOf('SELECT 1', 0)).toBeNull();
    expect(placeOf('SELECT\n  wrong', 10)).toEqual({ index: 9, line: 2, column: 3 });
    expect(placeOf("SELECT '😀', x", 13)).toEqual({ index: 13, line: 1, column: 13 });
    expect(faultAt('SELECT wrong FROM', 7)).toEqual({ start: 7, end: 12 });
    expect(faultAt('SELECT', 6)).toEqual({ start: 5, end: 6 });
  });
  it('draws numbers over time, a line for each text', () => {
    const columns = [{ name: 'ts', type: 'time', sql: 'TIMESTAMP_NS' }, { name: 'tag', type: 'text', sql: 'VARCHAR' }, { name: 'value', type: 'number', sql: 'DOUBLE' }] as const;
    const chart = chartOf({ columns: [...columns], rows: [[2e6, 'a', 5], [1e6, 'a', 4], [1e6, 'b', null], [3e6, 'b', 7]] })!;
    expect(chart.names).toEqual(['a', 'b']);
    expect(chart.lines[0]!.xs).toEqual([1, 2]);
    expect(chart.lines[1]!.ys).toEqual([null, 7]);
    expect([chart.from, chart.to]).toEqual([1000, 3000]);
    expect(chartOf({ columns: [columns[1], columns[2]], rows: [['a', 1], ['b', 2]] })).toBeNull();
    expect(chartOf({ columns: [...columns], rows: [] })).toBeNull();
    const many = chartOf({ columns: [...columns], rows: Array.from({ length: 24 }, (_, i) => [i * 1e6, 'abcdefghijkl'[i % 12]!, i]) })!;
    expect([many.lines.length, many.left]).toEqual([8, 4]);
  });
  it('writes times for other programs', () => {
    expect(isoOf(1_772_352_000_000_000)).toBe('2026-03-01T08:00:00Z');
    expect(isoOf(1_772_352_000_000_120)).toBe('2026-03-01T08:00:00.00012Z');
    expect(plainRows({ columns: [{ name: 'ts', type: 'time', sql: '' }, { name: 'n', type: 'integer', sql: '' }], rows: [[0, 7], [null, null]] })).toEqual([['1970-01-01T00:00:00Z', 7], [null, null]]);
  });
  it('remembers what was asked, once each', () => {
    const past = (sql: string, at: number): Past => ({ sql, at, ms: 1, rows: 1, failed: false });
    let list: Past[] = [];
    for (let i = 0; i < 60; i++) list = remember(list, past(`SELECT ${i}`, i));
    expect(list.length).toBe(pastMax);
    list = remember(list, past('SELECT 30 ', 99));
    expect(list[0]!.at).toBe(99);
    expect(list.filter((one) => one.sql.trim() === 'SELECT 30').length).toBe(1);
    expect(pastOf('no json')).toEqual([]);
    expect(pastOf('[{"sql":"a","at":1},{"x":2},null]').length).toBe(1);
  });
});

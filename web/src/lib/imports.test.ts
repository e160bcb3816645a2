import { describe, expect, it } from 'vitest';
import { example, holes, lacks, mapYaml, pivot, readMap, references, renamed, tagState } from './importMap';
import { importError, placeOf } from './importWords';

const proposal = { file: { encoding: 'gb18030', delimiter: ';', header: 1, skip: 2, decimal: ',' }, time: { columns: ['日期', '时刻'], format: 'iso', zone: 'UTC' }, path: 'import/{file}', columns: { '窑温(℃)': { property: '窑温', unit: '℃' }, 备注: { property: '备注', type: 'text' } } };
const names = ['日期', '时刻', '窑温(℃)', '备注', '空'];

describe('a map of an import', () => {
  it('names columns by heading, or by number where that is not the only one', () => {
    expect(references(['a', '', 'b', 'b', 'x\ny'])).toEqual(['a', '2', '3', '4', '5']);
    expect(references([], 3)).toEqual(['1', '2', '3']);
  });
  it('comes back as the YAML it was read from', () => {
    const map = readMap(proposal, names, 5);
    expect(map.columns.map((c) => [c.column, c.use])).toEqual([['日期', false], ['时刻', false], ['窑温(℃)', true], ['备注', true], ['空', false]]);
    expect(lacks(map)).toEqual([]);
    expect(mapYaml(map)).toBe('file:\n  encoding: "gb18030"\n  delimiter: ";"\n  header: 1\n  skip: 2\n  decimal: ","\ntime:\n  columns: ["日期", "时刻"]\n  format: iso\n  zone: UTC\npath: "import/{file}"\ncolumns:\n  "窑温(℃)": {property: "窑温", unit: "℃"}\n  "备注": {property: "备注", type: text}\n');
  });
  it('keeps what a form has no field for', () => {
    const map = readMap({ time: { start: { 'a.csv': '2024-01-01T00:00:00Z', 'b.csv': '2025-01-01T00:00:00Z' }, step: '1h', cycle: 'n' }, path: 'x', columns: { n: 'p', lost: { property: 'q', scale: 0.1, missing: [-999] } }, missing: ['', 'NA'], wrong: 'bad' }, ['n'], 1, 'b.csv');
    expect(map.time.start).toBe('2025-01-01T00:00:00Z');
    expect(map.columns.map((c) => c.column)).toEqual(['n', 'lost']);
    expect(mapYaml(map, 'b.csv')).toContain('start: {"a.csv": "2024-01-01T00:00:00Z", "b.csv": "2025-01-01T00:00:00Z"}');
    expect(mapYaml(map)).toContain('lost: {property: q, scale: 0.1, missing: ["-999"]}');
    expect(mapYaml(map)).toContain('missing: ["", NA]\nwrong: bad');
    const sheet = readMap({ ...proposal, file: { sheet: '一月', header: 2, join_header: true, notes: 'take' } }, [], 0);
    expect(mapYaml(sheet)).toContain('file:\n  sheet: "一月"\n  header: 2\n  join_header: true\n  notes: take\n');
  });
  it('quotes what YAML would read as something else', () => {
    const map = readMap({ time: { column: 'yes', format: 's' }, path: 'a', columns: { yes: 'true', '1': 'null' } }, ['yes', '1'], 2);
    expect(mapYaml(map)).toContain('column: "yes"\n  format: s\npath: a');
    expect(mapYaml(map)).toContain('"yes": {property: "true"}');
    expect(mapYaml(map)).toContain('"1": {property: "null"}');
  });
  it('follows the header when it goes and comes', () => {
    const map = { ...readMap(proposal, names, 5), path: 'works/{备注}/{file}' };
    const bare = renamed(map, { names, width: 5 }, { names: [], width: 5 });
    expect(bare.time.columns).toEqual(['1', '2']);
    expect(bare.path).toBe('works/{4}/{file}');
    expect(bare.columns.filter((c) => c.use).map((c) => c.column)).toEqual(['3', '4']);
    const again = renamed(bare, { names: [], width: 5 }, { names, width: 5 });
    expect(again.path).toBe(map.path);
    expect(again.columns.map((c) => c.column)).toEqual(names);
    expect(holes('{a}/{b:raw}.x')).toEqual(['a', 'b']);
  });
  it('says what it lacks', () => {
    const f = (change: (map: ReturnType<typeof readMap>) => void): string[] => {
      const map = readMap(proposal, names, 5);
      change(map);
      return lacks(map).map((w) => w.what);
    };
    expect(f((m) => (m.path = ' '))).toEqual(['noPath']);
    expect(f((m) => (m.time.zone = ''))).toEqual(['noZone']);
    expect(f((m) => ((m.time.zone = ''), (m.time.formats = ['ms'])))).toEqual([]);
    expect(f((m) => ((m.time.kind = 'count'), (m.time.step = '10 min')))).toEqual(['noStart', 'noStep']);
    expect(f((m) => m.columns.forEach((c) => (c.use = false)))).toEqual(['noColumns']);
    expect(f((m) => (m.columns[3]!.property = '窑温'))).toEqual(['sameTag']);
  });
});

it('readings become rows by time, a later one of the same time a row of its own', () => {
  const r = (tag: string, ts: number, value: number): { tag: string; ts: number; value: number } => ({ tag, ts, value });
  const table = pivot([r('a', 1, 1), r('b', 1, 2), r('a', 1, 3), r('b', 2, 4), r('c', 2, 5)], 10, 2);
  expect(table.tags.map((x) => x.tag)).toEqual(['a', 'b']);
  expect(table.more).toBe(1);
  expect(table.rows.map((row) => row.cells.map((c) => c?.value))).toEqual([[1, 2], [3], [undefined, 4]]);
});
it('a tag that is there takes what fits', () => {
  const known = new Map([['a', { type: 'number', unit: 'K' }]]);
  const f = (type: string, unit: string): string => tagState({ tag: 'a', type, unit }, known);
  expect([f('number', 'K'), f('number', ''), f('number', 'degC'), f('text', ''), tagState({ tag: 'b', type: 'text', unit: '' }, known)]).toEqual(['known', 'known', 'conflict', 'conflict', 'fresh']);
});
it('errors are told without the place that the page shows', () => {
  const f = (text: string, want: string): void => expect(importError(text)).toBe(want);
  f("'x' is no number", "'x' is no number");
  f('“x”不是数字', '“x”不是数字');
  f('map: columns.T (a.b).unit: “grad”不是认识的单位：例如 degC、bar、mm/s、m3/h', '“grad”不是认识的单位：例如 degC、bar、mm/s、m3/h');
  f('map: time.zone: 缺少时区', '缺少时区');
  f('a.csv: 最后几行：w/o.t 已有单位 degC', 'w/o.t 已有单位 degC');
  f('a.csv: line 7: w/o.t has the unit degC already', 'w/o.t has the unit degC already');
  f('map: columns.T.unit: "grad" is not a unit', 'unit: "grad" is not a unit');
  expect(placeOf('map: columns.T [degC].unit: x', ['T', 'T [degC]'])).toEqual({ part: 'columns', column: 'T [degC]' });
  expect(placeOf('map: time.zone: x', [])).toEqual({ part: 'time' });
  expect(example('%d.%m.%Y %H:%M')).toBe('31.01.2024 20:05');
});

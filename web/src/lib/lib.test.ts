import { describe, expect, it } from 'vitest';
import { ago, bytes, count, number, qualityOf, span } from './format';
import { bucket, lengthOf, parseRange, rangeQuery } from './range';
import { csv } from './csv';
import { kindBehind } from './titles';
import { globMatcher, treeOf, visible } from './tree';
import { applies, fields, flaws, fresh, pruned, settled, standsIn } from './schema';
import { limitsOf } from '../chart/limits';
import { lineOf } from '../chart/series';
import { plan } from '../chart/read';
import type { Schema, Spec } from '@/api/resources';

describe('the title of a kind behind “New”', () => {
  it('keeps names, and sets Latin words apart from Chinese ones', () => {
    expect(kindBehind('Device type', 'en')).toBe('device type');
    expect(kindBehind('Modbus server', 'en')).toBe('Modbus server');
    expect(kindBehind('设备型号', 'zh')).toBe('设备型号');
    expect(kindBehind('Modbus 服务', 'zh')).toBe(' Modbus 服务');
  });
});

describe('numbers', () => {
  const f = (value: number | null, want: string, digits = 4): void => expect(number(value, 'en', digits)).toBe(want);
  it('keep no more digits than told, and all of whole numbers', () => {
    f(23.45678, '23.46');
    f(1234567, '1,234,567');
    f(12345.678, '12,346');
    f(0.000123456, '0.0001235');
    f(0, '0');
    f(-0.5, '-0.5');
    f(null, '–');
    f(NaN, '–');
    f(1.5e15 + 0.5, '1.500e+15');
  });
  it('count and bytes are short', () => {
    expect(count(99999, 'en')).toBe('99,999');
    expect(count(1234567, 'en')).toBe('1.23\u2009M');
    expect(bytes(1536, 'en')).toBe('1.54\u2009KB');
  });
  it('spans have two units at most', () => {
    expect(span(3_000, 'en')).toBe('3\u2009s');
    expect(span(7_500_000, 'en')).toBe('2\u2009h 5\u2009min');
    expect(span(90_000_000, 'zh')).toBe('1\u2009天 1\u2009小时');
    expect(ago(1000, 1500, 'en')).toBe('now');
    expect(ago(10_000, 5_000, 'en')).toBe('in 5\u2009s');
    expect(ago(6_000, 5_000, 'en')).toBe('now');
  });
  it('quality is what stands before the colon', () => {
    expect(qualityOf('bad:timeout')).toBe('bad');
    expect(qualityOf('uncertain')).toBe('uncertain');
    expect(qualityOf(null)).toBe('good');
  });
});

describe('ranges', () => {
  it('read the address, refuse nonsense', () => {
    expect(parseRange({ range: '6h' }, 1e12)).toEqual({ from: 1e12 - 6 * 3600e3, to: 1e12, live: '6h' });
    expect(parseRange({ from: '1000', to: '2000' }, 1e12)).toEqual({ from: 1000, to: 2000, live: null });
    expect(parseRange({ from: '2000', to: '1000', range: 'x' }, 1e12, '1h').live).toBe('1h');
    expect(lengthOf('15m')).toBe(900e3);
    expect(rangeQuery({ from: 1.4, to: 2.6, live: null })).toEqual({ range: undefined, from: '1', to: '3' });
  });
  it('buckets are round and never finer than a second', () => {
    expect(bucket({ from: 0, to: 30 * 86400e3 }, 500).word).toBe('2h');
    expect(bucket({ from: 0, to: 1000 }, 500).word).toBe('1s');
    expect(bucket({ from: 0, to: 24 * 3600e3 }, 500).word).toBe('5m');
  });
  it('short ranges are asked raw, long ones in buckets', () => {
    expect(plan(['a'], 0, 3600e3, 800).question.points).toBe(1600);
    expect(plan(['a'], 0, 7 * 86400e3, 800).question).toMatchObject({ every: '30m', agg: ['avg', 'min', 'max', 'count'] });
  });
});

it('CSV quotes, and keeps spreadsheets from running formulas', () => {
  expect(csv(['a', 'b'], [['x,"y"', -5], ['=cmd()', null]])).toBe('\ufeffa,b\r\n"x,""y""",-5\r\n\'=cmd(),\r\n');
});

it('paths become a tree in natural order', () => {
  const tree = treeOf(['p/l2/m10', 'p/l2/m2', 'p/l1/m1'], (x) => x);
  expect(visible(tree, () => true).map((n) => n.path)).toEqual(['p', 'p/l1', 'p/l1/m1', 'p/l2', 'p/l2/m2', 'p/l2/m10']);
  expect(visible(tree, (path) => path === 'p').map((n) => n.path)).toEqual(['p', 'p/l1', 'p/l2']);
});

it('globs: ** crosses slashes, * does not', () => {
  const f = (glob: string, path: string): boolean => globMatcher(glob)(path);
  expect(f('a/**', 'a/b/c.d')).toBe(true);
  expect(f('a/*', 'a/b/c')).toBe(false);
  expect(f('**.temp', 'a/b.temp')).toBe(true);
  expect(f('a.b', 'axb')).toBe(false);
});

describe('forms', () => {
  const schema: Schema = {
    type: 'object',
    required: ['host', 'kind'],
    properties: {
      kind: { type: 'string', enum: ['tcp', 'mqtt'] },
      host: { type: 'string', minLength: 1, 'x-if': { field: 'kind', equals: 'tcp' } },
      port: { type: 'integer', minimum: 1, maximum: 65535, default: 502 },
      wait: { type: 'string', 'x-widget': 'duration', default: '1s' },
      items: { type: 'array', items: { type: 'object', required: ['name'], properties: { name: { type: 'string', minLength: 1 }, at: { type: 'number' } } } },
    },
  };
  it('start from the defaults', () => {
    expect(fresh(schema, schema)).toEqual({ kind: 'tcp', host: '', port: 502, wait: '1s' });
  });
  it('tell flaws by place, only for what is shown', () => {
    const places = (value: Record<string, never> | object): string[] => flaws(schema, value as never).map((x) => `${x.place} ${x.key}`);
    expect(places({ kind: 'tcp', host: '', port: 70000 })).toEqual(['host form.required', 'port form.max']);
    expect(places({ kind: 'mqtt', wait: 'soon', items: [{ name: '' }, { name: 'a', at: 'x' }] })).toEqual(['wait form.duration', 'items[0].name form.required', 'items[1].at form.notNumber']);
    expect(places({ kind: 'tcp', host: 'h', port: 1.5 })).toEqual(['port form.notInteger']);
  });
  it('show what hangs on a field only where that one is shown, and what holds while a field is empty', () => {
    const plc: Schema = {
      type: 'object',
      properties: {
        protocol: { type: 'string', enum: ['modbus_tcp', 's7'] },
        port: { type: 'integer', 'x-absent': { field: 'protocol', values: { modbus_tcp: 502, s7: 102 } } },
        plc: { type: 'string', enum: ['s7_300', 's7_1200', 'logo'], default: 's7_1200', 'x-if': { field: 'protocol', equals: 's7' } },
        note: { type: 'string', default: '' },
        rack: { type: 'integer', default: 0, 'x-if': { field: 'plc', equals: ['s7_300', 's7_1200'] } },
        slot: { type: 'integer', 'x-if': { field: 'plc', equals: ['s7_300', 's7_1200'] }, 'x-absent': { field: 'plc', values: { s7_300: 2, s7_1200: 1 } } },
      },
    };
    const shown = (spec: Spec): string[] => fields(plc).filter(([, f]) => applies(f, spec, plc)).map(([key]) => key);
    expect(shown({ protocol: 'modbus_tcp', plc: 's7_300' })).toEqual(['protocol', 'port', 'note']);
    expect(shown({ protocol: 's7' })).toEqual(['protocol', 'port', 'plc', 'note', 'rack', 'slot']);
    expect(shown({ protocol: 's7', plc: 'logo' })).toEqual(['protocol', 'port', 'plc', 'note']);
    const stands = (key: string, spec: Spec): unknown => standsIn(plc.properties![key]!, spec, plc);
    expect([stands('port', { protocol: 's7' }), stands('port', { protocol: 'modbus_tcp' }), stands('port', {})]).toEqual([102, 502, null]);
    expect([stands('slot', { protocol: 's7' }), stands('slot', { protocol: 's7', plc: 's7_300' }), stands('rack', { protocol: 's7' })]).toEqual([1, 2, 0]);
    expect([stands('plc', { protocol: 's7' }), stands('note', {})]).toEqual(['s7_1200', null]);
    expect(settled(plc, { protocol: 's7', plc: 'logo', rack: 0 })).toEqual({ protocol: 's7', plc: 'logo' });
    expect(settled(plc, { protocol: 'modbus_tcp', plc: 's7_1200', rack: 0 })).toEqual({ protocol: 'modbus_tcp' });
  });
  it('leave out what is empty', () => {
    expect(pruned({ a: null, b: '', c: [{ d: null, e: 0 }], f: false })).toEqual({ c: [{ e: 0 }], f: false });
  });
});

it('limits of a condition are its compared numbers, not its durations', () => {
  expect(limitsOf('avg(temperature, 5m) > 80 degC and vibration >= 4.5 for 30s')).toEqual([
    { name: 'temperature', sign: '>', value: 80, unit: 'degC' },
    { name: 'vibration', sign: '>=', value: 4.5, unit: '' },
  ]);
  expect(limitsOf('suction_pressure < 0.25 bar and vibration > 3 mm/s for 5s').map((b) => b.value + b.unit)).toEqual(['0.25bar', '3mm/s']);
  expect(limitsOf('since(x) > 30s')).toEqual([]);
  expect(limitsOf('rate(level, 1m) > 2')).toEqual([]);
});

describe('lines', () => {
  it('tell which rows are uncertain and keep their values', () => {
    const rows = ['good', 'uncertain:range', 'good'].map((quality, i) => [i * 1000, i, quality]);
    const line = lineOf({ tag: 'a', unit: '', columns: ['ts', 'value', 'quality'], rows }, null);
    expect(line.ys).toEqual([0, 1, 2]);
    expect([0, 1, 2].map((i) => Boolean(line.unsure?.[i]))).toEqual([false, true, false]);
    expect(lineOf({ tag: 'a', unit: '', columns: ['ts', 'value', 'quality'], rows: [[0, 1, 'good']] }, null).unsure).toBeNull();
  });
  it('raw: a hole stays a gap, bad quality is a span, numbers skip bad', () => {
    const rows = [0, 1, 2, 3, 20, 21].map((s) => [s * 1000, s, s === 3 ? 'bad:timeout' : 'good']);
    const line = lineOf({ tag: 'a', unit: '', columns: ['ts', 'value', 'quality'], rows }, null);
    expect(line.xs).toEqual([0, 1, 2, 3, 4, 20, 21]);
    expect(line.ys).toEqual([0, 1, 2, null, null, 20, 21]);
    expect(line.bad[0]![0]).toBe(3);
    expect(line.stats).toMatchObject({ last: 21, min: 0, max: 21, avg: 44 / 5 });
  });
  it('raw: minutes of the past and seconds of the present are both drawn through', () => {
    const times = [...Array.from({ length: 10 }, (_, i) => i * 60), ...Array.from({ length: 20 }, (_, i) => 600 + i), 900, 901, 902];
    const line = lineOf({ tag: 'a', unit: '', columns: ['ts', 'value', 'quality'], rows: times.map((s) => [s * 1000, 1, 'good']) }, null);
    expect(line.ys.filter((y) => y === null)).toHaveLength(1);
    expect(line.xs[line.ys.indexOf(null)]).toBe(620);
  });
  it('buckets: average by count, band from min and max, missing bucket is a gap', () => {
    const rows = [[0, 1, 0, 2, 1, 1], [60_000, 5, 4, 6, 3, 1], [240_000, 7, 7, 7, 0, 0.2]];
    const line = lineOf({ tag: 'a', unit: '', columns: ['ts', 'avg', 'min', 'max', 'count', 'good_fraction'], rows }, 60_000);
    expect(line.ys).toEqual([1, 5, null, 7]);
    expect(line.lo).toEqual([0, 4, null, 7]);
    expect(line.stats.min).toBe(0);
    expect(line.bad).toHaveLength(1);
  });
});

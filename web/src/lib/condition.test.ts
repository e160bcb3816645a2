import { describe, expect, it } from 'vitest';
import type { Vocabulary } from '@/api/expressions';
import { callAt, insert, offersAt, put, wordAt, type Name } from './condition';

const f = (name: string, signature: string): Vocabulary['functions'][0] => ({ name, signature, group: 'window', help: { zh: '平均', en: 'mean' }, example: '', given: '', result: '' });
const known: Vocabulary = { functions: [f('avg', 'avg(x, 5m)'), f('min', 'min(a, b, …)'), f('minute', 'minute()'), f('rate', 'rate(x, 1m)'), f('lag', 'lag(x, 1h)')], words: ['and', 'or', 'not', 'for', 'true', 'false', 'in', 'between', 'if', 'then', 'else'], units: ['degC', 'K', 'bar', 'm', 'mm', 'mm/s', 's', 'min'] };
const name = (text: string, title = '', unit = ''): Name => ({ name: text, title, unit });
const own = [name('temperature', '温度', 'degC'), name('spindle_temperature', '主轴温度', 'degC'), name('vibration', '振动', 'mm/s')];
const others = [name('works/cnc-1.load', '1 号 · 负载', '%')];
/** `|` is the caret. */
const offers = (marked: string, asked = false): { list: string[]; whole: boolean; start: number } => {
  const caret = marked.indexOf('|');
  const o = offersAt(marked.replace('|', ''), caret, own, others, known, asked);
  return { list: o.list.map((one) => one.text + one.tail), whole: o.whole, start: o.start };
};

describe('completion', () => {
  it('takes the word at the caret, not the number before it', () => {
    expect(wordAt('avg(temp', 8)).toEqual({ start: 4, text: 'temp' });
    expect(wordAt('温度 > 3', 2)).toEqual({ start: 0, text: '温度' });
    expect(wordAt('x > 80deg', 9)).toEqual({ start: 6, text: 'deg' });
    expect(wordAt('works/cnc-1.lo', 14)).toEqual({ start: 0, text: 'works/cnc-1.lo' });
    expect(wordAt('x > 80', 6)).toEqual({ start: 6, text: '' });
  });
  it('offers what may stand there', () => {
    const list = (marked: string, want: string[]): void => expect(offers(marked).list, marked).toEqual(want);
    list('te|', ['temperature', 'spindle_temperature', 'minute()', 'rate(']);
    list('温|', ['temperature', 'spindle_temperature']);
    list('avg(vib|', ['vibration']);
    list('temperature > 80 d|', ['degC']);
    list('vibration > 4.5m|', ['mm/s', 'mm', 'min']);
    list('temperature > 80 degC a|', ['and']);
    list('temperature > 80 degC and no|', ['not']);
    list('vibration.q|', ['vibration.quality == ']);
    list('vibration.quality == b|', ['bad']);
    list('temperature > 80 for te|', []);
    list("state == 'te|", []);
    list('load|', ['works/cnc-1.load']);
    list('vibration-la|', ['lag(']);
    list('zzz|', []);
  });
  it('puts the unit of the compared tag first, also before a letter is typed', () => {
    expect(offers('vibration > 4.5 |')).toMatchObject({ list: ['mm/s'], whole: true });
    expect(offers('temperature > 80 |').list).toEqual(['degC']);
    expect(offers('1 > 80 |').list).toEqual([]);
  });
  it('leaves a finished word alone, so that Enter is Enter', () => {
    expect(offers('temperature > 5 and|').list).toEqual([]);
    expect(offers('temperature|')).toMatchObject({ list: ['spindle_temperature'], whole: true });
    expect(offers('min|')).toMatchObject({ list: ['min(', 'minute()'], whole: false });
    expect(offers('x > 5 m|')).toMatchObject({ whole: true });
  });
  it('lists all when asked', () => {
    expect(offers('|', true).list.slice(0, 4)).toEqual(['temperature', 'spindle_temperature', 'vibration', 'avg(']);
    expect(offers('temperature > 80 degC |', true).list).toEqual(['and', 'or', 'for', 'in', 'between', 'then', 'else']);
  });
  it('puts an offer in, with the caret behind it and no bracket twice', () => {
    expect(put('av > 5', 2, 0, { text: 'avg', tail: '(' })).toEqual({ text: 'avg( > 5', caret: 4 });
    expect(put('av(x)', 2, 0, { text: 'avg', tail: '(' })).toEqual({ text: 'avg(x)', caret: 3 });
    expect(insert('a >', 3, 3, 'avg(x, 5m)')).toEqual({ text: 'a > avg(x, 5m)', caret: 14 });
    expect(insert('a and b', 2, 2, 'x')).toEqual({ text: 'a x and b', caret: 3 });
  });
});

it('the call that the caret is in', () => {
  const at = (marked: string): string | null => {
    const call = callAt(marked.replace('|', ''), marked.indexOf('|'));
    return call && `${call.name} ${call.argument}`;
  };
  expect(at('avg(x|')).toBe('avg 0');
  expect(at('avg(x, |5m) > 3')).toBe('avg 1');
  expect(at('avg(x, 5m)| > 3')).toBe(null);
  expect(at('max(avg(x, 5m), (a + |')).toBe('max 1');
  expect(at("contains(state, ')|")).toBe('contains 1');
});

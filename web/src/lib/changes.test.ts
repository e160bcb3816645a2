import { describe, expect, it } from 'vitest';
import { changeRows, type Words } from './changes';
import { inWords, splitTag, titleIn, withNames } from './titles';
import type { Difference, Json, Schema } from '@/api/resources';

const words: Words = { yes: 'Yes', no: 'No', secretSet: 'set', secretUnset: 'not set', secretChanged: 'replaced', items: (n) => `${n} items` };
const schema: Schema = {
  type: 'object',
  properties: {
    protocol: { type: 'string', enum: ['modbus_tcp', 'mqtt_device'], 'x-title-zh': '协议', 'x-title-en': 'Protocol', 'x-enum-zh': ['Modbus TCP', '设备自行上报'], 'x-enum-en': ['Modbus TCP', 'Device sends'], 'x-order': 1 },
    timeout_ms: { type: 'integer', 'x-title-zh': '超时', 'x-title-en': 'Time-out', 'x-unit': 'ms', 'x-order': 2 },
    enabled: { type: 'boolean', 'x-title-zh': '启用', 'x-title-en': 'Enabled', 'x-order': 3 },
    password: { type: ['string', 'null'], 'x-secret': true, 'x-title-zh': '密码', 'x-title-en': 'Password', 'x-order': 4 },
    properties: { type: 'array', 'x-title-zh': '属性', 'x-title-en': 'Properties', 'x-order': 5, items: { type: 'object', properties: { name: { type: 'string', 'x-title-en': 'Name' }, unit: { type: 'string', 'x-title-zh': '单位', 'x-title-en': 'Unit' }, address: { anyOf: [{ type: 'null' }, { $ref: '#/$defs/Address' }], 'x-title-en': 'Address' } } } },
    places: { type: 'object', 'x-title-zh': '车间与产线', 'x-title-en': 'Areas and lines', 'x-order': 6, additionalProperties: { type: 'object', properties: { title_en: { type: 'string', 'x-title-en': 'Title (English)' } } } },
  },
  $defs: { Address: { type: 'object', properties: { scale: { type: 'number', 'x-title-en': 'Scale' } } } },
};
const spec: Json = { properties: [{ name: 'flow' }, { name: 'vibration', unit: 'mm/s', address: { scale: 0.1 } }] };
const rows = (differences: Difference[], locale: 'zh' | 'en' = 'en'): string[] => changeRows(differences, schema, spec, locale, words).map((r) => `${r.place.join(' > ')}: ${r.before ?? '–'} -> ${r.after ?? '–'}`);
const one = (path: string, before: Json, after: Json): Difference => ({ path, before, after });

describe('a difference as people read it', () => {
  it('has the labels of the form in both languages, units and the words of choices', () => {
    const some = [one('protocol', 'modbus_tcp', 'mqtt_device'), one('timeout_ms', 1000, 1500), one('enabled', true, false)];
    expect(rows(some)).toEqual(['Protocol: Modbus TCP -> Device sends', 'Time-out: 1000\u2009ms -> 1500\u2009ms', 'Enabled: Yes -> No']);
    expect(rows(some, 'zh').slice(0, 2)).toEqual(['协议: Modbus TCP -> 设备自行上报', '超时: 1000\u2009ms -> 1500\u2009ms']);
  });
  it('names the items of lists, follows references and keys of maps with dots and slashes', () => {
    expect(rows([one('properties[1].unit', '', 'mm/s')])).toEqual(['Properties > vibration > Unit: – -> mm/s']);
    expect(rows([one('properties[1].address.scale', 1, 0.1)])).toEqual(['Properties > vibration > Address > Scale: 1 -> 0.1']);
    expect(rows([one('properties[7].unit', 'V', null)])).toEqual(['Properties > #8 > Unit: V -> –']);
    expect(rows([one('places.a.b/line1.title_en', null, 'Line 1')])).toEqual(['Areas and lines > a.b/line1 > Title (English): – -> Line 1']);
  });
  it('never shows a secret, whatever the server sends', () => {
    expect(rows([one('password', null, { secret: true })])).toEqual(['Password: not set -> set']);
    expect(rows([one('password', { secret: true }, 'correct horse')])).toEqual(['Password: set -> replaced']);
    expect(rows([one('password', 'old', null)])).toEqual(['Password: set -> not set']);
    expect(JSON.stringify(rows([one('', null, { password: 'correct horse' })]))).not.toContain('horse');
  });
  it('tells a new resource field by field, without what is empty', () => {
    expect(rows([one('', null, { timeout_ms: 500, protocol: 'modbus_tcp', password: null, places: {}, properties: [{ name: 'a' }, { name: 'b' }] })])).toEqual(['Protocol: – -> Modbus TCP', 'Time-out: – -> 500\u2009ms', 'Properties: – -> 2 items: a, b']);
  });
  it('leaves out what was empty and stays so, but tells a value that is cleared', () => {
    expect(rows([one('password', null, ''), one('properties', null, []), one('properties[1].unit', 'V', '')])).toEqual(['Properties > vibration > Unit: V -> –']);
  });
  it('falls back to the path where the schema knows nothing', () => {
    expect(rows([one('odd.key', 1, 2)])).toEqual(['odd > key: 1 -> 2']);
    expect(changeRows([one('a.b', 1, 2)], null, null, 'en', words)[0]!.place).toEqual(['a.b']);
  });
});

describe('titles', () => {
  it('of old lead to the names of now', () => {
    const f = (asked: string[], found: string[], want: string[] | null): void => expect(withNames(asked, found)).toEqual(want);
    f(['a.x', 'b.x'], ['a.x', 'b.x'], null);
    f(['old.x', 'b.x', 'old.y'], ['new.x', 'b.x', 'new.y'], ['new.x', 'b.x', 'new.y']);
    f(['a.x', 'old.x'], ['a.x'], null); // the same tag by both names, or none: left as it is
    f([], [], null);
  });
  it('are in the language, else for all languages, else in the other one', () => {
    expect(titleIn({ title_zh: '泵', title_en: 'Pump', title: 'P1' }, 'zh')).toBe('泵');
    expect(titleIn({ title_zh: '泵', title: 'P1' }, 'en')).toBe('P1');
    expect(titleIn({ title_zh: '泵', title_en: '' }, 'en')).toBe('泵');
    expect(titleIn({ title: '1 号泵 Pump 1' }, 'en')).toBe('1 号泵 Pump 1');
    expect(titleIn(null, 'en')).toBe('');
  });
  it('a tag is a device and a property; only the last level holds the dot', () => {
    expect(splitTag('a.b/line/pump.flow')).toEqual({ device: 'a.b/line/pump', property: 'flow' });
    expect(splitTag('a/pump.motor.current')).toEqual({ device: 'a/pump', property: 'motor.current' });
    expect(splitTag('alone')).toEqual({ device: 'alone', property: '' });
  });
  it('stand for the path in a text, but not inside of a longer path', () => {
    const f = (text: string, want: string): void => expect(inWords(text, 'demo/pump1', '1 号泵')).toBe(want);
    f('demo/pump1 振动 8 mm/s', '1 号泵 振动 8 mm/s');
    f('demo/pump1: too hot', '1 号泵: too hot');
    f('Look at demo/pump1.', 'Look at 1 号泵.');
    f('demo/pump10 and demo/pump1.flow and a/demo/pump1', 'demo/pump10 and demo/pump1.flow and a/demo/pump1');
    expect(inWords('demo/pump1 is off', 'demo/pump1', '')).toBe('demo/pump1 is off');
  });
});

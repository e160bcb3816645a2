import { describe, expect, it } from 'vitest';
import type { Spec } from '@/api/resources';
import { boardOf, bottom, fill, fixed, freePlace, globsFor, linesOf, overlap, propose, reached, settle, specOf, Steps, widgetOf, within, type Known, type Rect, type Widget } from './board';

describe('the grid', () => {
  it('keeps what is wanted within its columns', () => {
    const f = (r: Rect, want: Rect): void => expect(within(r)).toEqual(want);
    f({ x: -3, y: -1, w: 6, h: 4 }, { x: 0, y: 0, w: 6, h: 4 });
    f({ x: 22, y: 1.6, w: 6, h: 0 }, { x: 18, y: 2, w: 6, h: 1 });
    f({ x: 0, y: 0, w: 40, h: 99 }, { x: 0, y: 0, w: 24, h: 60 });
  });
  it('pushes down what is in the way, and nothing else', () => {
    const all = [widgetOf('tile', { x: 0, y: 0, w: 6, h: 3 }), widgetOf('tile', { x: 6, y: 0, w: 6, h: 3 }), widgetOf('tile', { x: 6, y: 3, w: 6, h: 3 }), widgetOf('tile', { x: 18, y: 0, w: 6, h: 3 })];
    const after = settle(all, { ...all[0]!, x: 4, y: 1 });
    expect(after.map((r) => [r.x, r.y])).toEqual([[4, 1], [6, 4], [6, 7], [18, 0]]);
    expect(after.map((r) => r.id)).toEqual(all.map((r) => r.id));
  });
  it('never leaves two over each other, whatever moves', () => {
    let seed = 7;
    const random = (n: number): number => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    let all: Widget[] = [];
    for (let i = 0; i < 30; i++) all = settle(all, widgetOf('tile', { ...freePlace(all, 1 + random(12), 1 + random(6)), w: 1 + random(12), h: 1 + random(6) }));
    for (let step = 0; step < 500; step++) {
      const one = all[random(all.length)]!;
      all = settle(all, { ...one, x: random(30) - 3, y: random(30) - 3, w: random(26), h: random(12) });
      const wrong = all.filter((a) => a.x < 0 || a.x + a.w > 24 || all.some((b) => a.id !== b.id && overlap(a, b)));
      expect(wrong, `step ${step}`).toEqual([]);
    }
  });
  it('finds the first free field', () => {
    expect(freePlace([], 6, 3)).toEqual({ x: 0, y: 0 });
    expect(freePlace([{ x: 0, y: 0, w: 20, h: 3 }], 6, 3)).toEqual({ x: 0, y: 3 });
    expect(freePlace([{ x: 0, y: 0, w: 18, h: 3 }], 6, 3)).toEqual({ x: 18, y: 0 });
  });
});

describe('a dashboard', () => {
  it('goes to the server with what its widgets have, and comes back the same', () => {
    const spec: Spec = { title_zh: '泵', title_en: 'Pump', about: '', range: '6h', device_type: 'pump', device: 'a/p1', widgets: [
      { kind: 'tile', title_zh: '', title_en: '', x: 0, y: 0, w: 6, h: 3, tags: ['${device}.speed'], decimals: 1, target: 5, trend: true, thresholds: [{ value: 3, below: false, severity: 'major', title_zh: '', title_en: '' }] },
      { kind: 'text', title_zh: '', title_en: '', x: 6, y: 0, w: 6, h: 3, text: 'a' },
    ] };
    expect(specOf(boardOf(spec))).toEqual(spec);
    // What another kind had before it was changed is not sent.
    const board = boardOf(spec);
    board.widgets[0]!.kind = 'alarms';
    expect(specOf(board).widgets).toContainEqual({ kind: 'alarms', title_zh: '', title_en: '', x: 0, y: 0, w: 6, h: 3 });
  });
  it('stands for the device that is looked at', () => {
    expect(fill('${device}.speed', 'a/p1')).toBe('a/p1.speed');
    expect(fill('${device}/x.${device}', 'a')).toBe('a/x.a');
  });
  it('asks for its tags by machine, or by the place that they share', () => {
    expect(globsFor(['a/p1.x', 'a/p1.y', 'a/**'])).toEqual(['a/**', 'a/p1.*']);
    const many = Array.from({ length: 20 }, (_, i) => `site/line/m${i}.x`);
    expect(globsFor(many)).toEqual(['site/line/**']);
    expect(globsFor(['a/x.y', 'b/x.y'], 1)).toEqual(['**']);
  });
  it('says the worst threshold that a value has reached', () => {
    const t = (value: number, severity: 'critical' | 'minor', below = false) => ({ value, below, severity, title_zh: '', title_en: '' });
    const all = [t(50, 'minor'), t(80, 'critical'), t(5, 'critical', true)];
    expect(reached(60, all)?.severity).toBe('minor');
    expect(reached(80, all)?.severity).toBe('critical');
    expect(reached(4, all)?.value).toBe(5);
    expect(reached(5, all)).toBeNull();
    expect(reached('x', all)).toBeNull();
    expect(reached(null, all)).toBeNull();
  });
  it('keeps its figures in their columns', () => {
    expect(fixed(1234.5, 'en', 2)).toBe('1,234.50');
    expect(fixed(0.05, 'zh', 1)).toBe('0.1');
  });
});

describe('a text', () => {
  const f = (source: string, want: [string, ...[string, string][]][]): void => expect(linesOf(source).map((l) => [l.as, ...l.pieces.map((p) => [p.as, p.text])])).toEqual(want);
  it('has heads, items and two kinds of emphasis', () => {
    f('# Shift *A*\n- call _Li_\n\nplain', [['head', ['plain', 'Shift '], ['strong', 'A']], ['item', ['plain', 'call '], ['soft', 'Li']], ['gap'], ['plain', ['plain', 'plain']]]);
  });
  it('leaves all else as it is', () => {
    f('2 * 3 * 4', [['plain', ['plain', '2 * 3 * 4']]]);
    f('a_b_c', [['plain', ['plain', 'a_b_c']]]);
    f('<b>x</b>', [['plain', ['plain', '<b>x</b>']]]);
    f('注意*压力*。', [['plain', ['plain', '注意'], ['strong', '压力'], ['plain', '。']]]);
  });
});

describe('steps', () => {
  it('go back and forth, and a new one ends what was undone', () => {
    const s = new Steps<number>(2);
    s.push(1);
    s.push(2);
    s.push(3);
    expect(s.undo(4)).toBe(3);
    expect(s.undo(3)).toBe(2);
    expect(s.canUndo).toBe(false);
    expect(s.redo(2)).toBe(3);
    s.push(3);
    expect(s.canRedo).toBe(false);
  });
});

describe('a proposal', () => {
  const tag = (path: string, unit: string, type = 'number'): Known => ({ path, type, unit });
  it('tells most first and overlaps nowhere', () => {
    const tags = [tag('a/m.name', '', 'text'), tag('a/m.speed', 'rpm'), tag('a/m.temperature', 'degC'), tag('a/m.oil_temperature', 'degC'), tag('a/m.active_energy', 'kW.h')];
    const out = propose(tags, 'a/m');
    expect(out[0]!.tags).toEqual(['a/m.temperature']);
    expect(out.filter((w) => w.kind === 'chart')[0]!.tags).toEqual(['a/m.temperature', 'a/m.oil_temperature']);
    expect(out.some((w) => w.tags.includes('a/m.active_energy'))).toBe(false);
    expect(out.find((w) => w.kind === 'alarms')?.place).toBe('a/m');
    for (const a of out) for (const b of out) expect(a.id !== b.id && overlap(a, b)).toBe(false);
    expect(bottom(out)).toBeGreaterThan(10);
  });
  it('serves all machines of a type', () => {
    const out = propose([tag('a/m.power', 'kW')], 'a/m', (p) => p.replace('a/m', '${device}'));
    expect(out.flatMap((w) => [...w.tags, w.place]).filter(Boolean).every((p) => p.startsWith('${device}'))).toBe(true);
  });
  it('of a place takes one of each machine', () => {
    const out = propose([tag('a/m1.power', 'kW'), tag('a/m1.speed', 'rpm'), tag('a/m2.power', 'kW')], 'a');
    expect(out.filter((w) => w.kind === 'tile').map((w) => w.tags[0])).toEqual(['a/m1.power', 'a/m2.power']);
  });
  it('of nothing is the alarms', () => {
    expect(propose([], 'a').map((w) => w.kind)).toEqual(['alarms']);
  });
});

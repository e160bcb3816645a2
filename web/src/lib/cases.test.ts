import { describe, expect, it } from 'vitest';
import type { Case, CaseField, CaseKind, Offer, Step } from '@/api/cases';
import type { Resource, Spec } from '@/api/resources';
import { asksForApproval, boardOf, changedFields, dueOf, formFields, fromForm, guardText, nextOf, offersOf, openable, pageOf, policyOf, refusalText, toForm, userOf, usualOf, valueText, whyNot, wordOf } from './cases';
import { differencesOf } from './changes';

const field = (name: string, type: CaseField['type'], more: Partial<CaseField> = {}): CaseField => ({ name, title_zh: '字段' + name, title_en: 'Field ' + name, type, choices: [], min: null, max: null, ...more });
const action = (name: string, more: object = {}): CaseKind['actions'][number] => ({ name, title_zh: '动作', title_en: 'Act ' + name, from: ['asked'], to: '', by: ['any'], takes: [], needs: [], needs_note: false, assigns: false, unlike: [], guard: '', guard_zh: '', guard_en: '', ...more });
const kind: CaseKind = {
  name: 'why', plural: 'whys', prefix: 'W', title_zh: '原因', title_en: 'Why', about_zh: '', about_en: '', start: 'asked',
  fields: [field('asset', 'text'), field('minutes', 'integer', { min: 1, max: 60 }), field('sort', 'choice', { choices: [{ name: 'setup', title_zh: '换型', title_en: 'Set-up' }] }), field('at', 'time'), field('photos', 'json'), field('sure', 'boolean')],
  states: [{ name: 'asked', title_zh: '待说明', title_en: 'Asked', final: false, tone: 'waiting' }, { name: 'done', title_zh: '完成', title_en: 'Done', final: true, tone: 'good' }],
  parties: [{ name: 'any', title_zh: '操作员', title_en: 'operators', is: 'anyone', role: 'operator' }],
  actions: [action('open', { takes: ['minutes', 'asset'], needs: ['asset'] }), action('answer', { to: 'done', takes: ['sort', 'photos'], needs: ['sort'], guard: 'x', guard_zh: '须写明', guard_en: 'say it' }), action('confirm', { unlike: ['answer'] })],
  deadlines: [],
};
const one = (more: Partial<Case> = {}): Case => ({ id: 'W-1', kind: 'why', state: 'asked', closed: false, revision: 1, subject: 's', place: '', opener: 'user:a', assigned: [], opened: 0, since: 0, changed: 0, due: null, fields: {}, ...more });

describe('cases', () => {
  it('are told in the reader’s language, else in the other', () => {
    expect(wordOf(kind.states[0], 'zh')).toBe('待说明');
    expect(wordOf({ name: 'x', title_zh: '', title_en: 'X' }, 'zh')).toBe('X');
    expect(wordOf({ name: 'x', title_zh: '', title_en: '' }, 'zh')).toBe('x');
    expect(wordOf(undefined, 'en', 'gone')).toBe('gone');
    expect(guardText(kind.actions[1], 'zh')).toBe('须写明');
    expect(guardText(kind.actions[2], 'zh')).toBe('');
  });
  it('ask first for what is needed, and for JSON only where there is some', () => {
    const names = (name: string, known: Spec): string[] => formFields(kind, kind.actions.find((a) => a.name === name)!, known).map((f) => f.field.name + (f.needed ? '*' : ''));
    expect(names('open', {})).toEqual(['asset*', 'minutes']);
    expect(names('answer', {})).toEqual(['sort*']);
    expect(names('answer', { photos: [] })).toEqual(['sort*', 'photos']);
  });
  it('read a form as the field says', () => {
    const f = (name: string, text: string): unknown => {
      const entry = fromForm(kind.fields.find((x) => x.name === name)!, text);
      return entry.ok ? entry.value : entry.why;
    };
    expect(f('asset', '  a ')).toBe('a');
    expect(f('asset', ' ')).toBe(null);
    expect(f('minutes', '5')).toBe(5);
    expect(f('minutes', '5.5')).toBe('integer');
    expect(f('minutes', 'x')).toBe('number');
    expect(f('minutes', '0')).toBe('least');
    expect(f('minutes', '61')).toBe('most');
    expect(f('photos', '[1]')).toEqual([1]);
    expect(f('photos', '[1')).toBe('json');
    expect(f('sure', 'false')).toBe(false);
    expect(f('at', '1700000000000')).toBe('2023-11-14T22:13:20.000Z');
  });
  it('write into a form what it reads back', () => {
    const back = (name: string, value: Spec[string]): void => {
      const of = kind.fields.find((x) => x.name === name)!;
      expect(fromForm(of, toForm(of, value))).toEqual({ ok: true, value });
    };
    back('minutes', 7);
    back('sort', 'setup');
    back('photos', [{ a: 1 }]);
    back('sure', true);
    back('at', '2023-11-14T22:13:20.000Z');
    back('asset', null);
    expect(toForm(kind.fields[3]!, '1700000000000')).toBe('1700000000000');
    expect(toForm(kind.fields[3]!, 'soon')).toBe('');
  });
  it('send what differs', () => expect(changedFields({ a: 1, b: null, c: [1], d: 'x' }, { a: 1, c: [1], d: 'y' })).toEqual({ d: 'x' }));
  it('tell a value by its choice', () => {
    expect(valueText(kind.fields[2], 'setup', 'zh')).toBe('换型');
    expect(valueText(kind.fields[2], 'gone', 'zh')).toBe('gone');
    expect(valueText(undefined, { a: 1 }, 'en')).toBe('{"a":1}');
    expect(valueText(kind.fields[5], true, 'en')).toBe('yes');
  });
  it('are late after their time, and closed ones never', () => {
    expect(dueOf(one({ due: 60_000 }), 0, 'en')).toEqual({ late: false, text: '1\u2009min' });
    expect(dueOf(one({ due: 0 }), 60_000, 'en')).toEqual({ late: true, text: '1\u2009min' });
    expect(dueOf(one({ due: 0, closed: true }), 60_000, 'en')).toBe(null);
    expect(dueOf(one(), 0, 'en')).toBe(null);
  });
  it('offer what may be done first, and say why the rest may not', () => {
    const offers: Offer[] = [{ name: 'confirm', may: false, why_not: 'confirm: a second person is asked for; user:a did answer' }, { name: 'answer', may: true, why_not: null }, { name: 'gone', may: true, why_not: null }];
    expect(offersOf(kind, offers).map((o) => o.action.name)).toEqual(['answer', 'confirm']);
    const steps: Step[] = [{ number: 1, time: 0, who: 'user:a', action: 'answer', from: '', to: '', note: '', changed: {} }];
    expect(whyNot(kind, kind.actions[2]!, offers[0]!, steps, 'user:a', 'en')).toMatchObject({ why: 'four', did: { name: 'answer' } });
    expect(whyNot(kind, kind.actions[2]!, { name: 'confirm', may: false, why_not: 'confirm: for operators alone' }, [], 'user:a', 'en').why).toBe('parties');
    expect(whyNot(kind, kind.actions[2]!, { name: 'confirm', may: false, why_not: 'confirm：须由第二人操作；user:a 已做过 answer' }, steps, 'user:a', 'zh')).toMatchObject({ why: 'four', did: { name: 'answer' } });
    expect(whyNot(kind, kind.actions[2]!, { name: 'confirm', may: false, why_not: 'confirm：仅限 operators' }, [], 'user:a', 'zh').why).toBe('parties');
    expect(whyNot(kind, kind.actions[2]!, { name: 'confirm', may: false, why_not: '需要另一人' }, [], 'user:a', 'zh')).toEqual({ why: '', text: '需要另一人' });
    expect([refusalText(kind.actions[1]!, 'answer: say it', 'zh'), refusalText(kind.actions[1]!, 'answer：say it', 'zh'), refusalText(kind.actions[1]!, 'answer: else', 'zh')]).toEqual(['须写明', '须写明', 'else']);
    expect(refusalText(kind.actions[1]!, 'answer：say it（缺少 sort，无法判定）', 'zh')).toBe('须写明（缺少 sort，无法判定）');
  });
  it('are opened by a form where the role allows it and no JSON is taken', () => {
    expect(openable([kind], 'operator')).toHaveLength(1);
    expect(openable([kind], 'viewer')).toHaveLength(0);
    expect(openable([{ ...kind, actions: [action('open', { takes: ['photos'] })] }], 'admin')).toHaveLength(0);
  });
  it('stand on a board by state', () => {
    const f = (closed: boolean): [string, number][] => boardOf(kind, [one(), one({ kind: 'other' }), one({ state: 'done', closed: true })], closed).map((c) => [c.state.name, c.cases.length]);
    expect(f(false)).toEqual([['asked', 1]]);
    expect(f(true)).toEqual([['asked', 1], ['done', 1]]);
  });
  it('lead on by the action that goes forward to a good end', () => {
    const states = [kind.states[0]!, { ...kind.states[1]!, name: 'bad', tone: 'bad' as const }, kind.states[1]!];
    const f = (state: string, ...to: string[]): string | undefined => nextOf({ ...kind, states }, state, to.map((one) => action('to-' + one, { to: one })));
    expect(f('asked', '', 'bad', 'done')).toBe('to-done');
    expect(f('asked', 'bad', 'asked')).toBe(undefined);
    expect(f('done', 'asked')).toBe(undefined);
  });
  it('say what holds where no minutes are given', () => {
    const deadlines = [{ state: 'asked', after_s: 900, after_field: 'minutes', working_time: false, action: 'remind' }];
    expect(usualOf({ ...kind, deadlines }, kind.fields[1]!)).toBe('15');
    expect(usualOf(kind, kind.fields[1]!)).toBe('');
  });
  it('know people with and without the prefix', () => expect([userOf('li'), userOf(' user:li ')]).toEqual(['user:li', 'user:li']));
});

describe('approval', () => {
  const policy = (name: string, kinds: string[], names: string[] | undefined, approver = 'admin'): Resource => ({ kind: 'approval_policy', name, uid: '', revision: 1, created: 0, updated: 0, by: '', spec: { kinds, ...(names ? { names } : {}), approver } });
  it('is asked for by the policies that hold', () => {
    const all = [policy('a', ['rules'], ['press/**'], 'engineer'), policy('b', ['rules'], undefined), policy('c', ['mappings'], ['x'])];
    expect(policyOf(all, 'rules', 'press/1')?.name).toBe('b');
    expect(policyOf(all.slice(0, 1), 'rules', 'press/1')?.name).toBe('a');
    expect(policyOf(all.slice(0, 1), 'rules', 'mill')).toBe(null);
    expect(policyOf(all, 'mappings', 'y')).toBe(null);
    expect(asksForApproval('rule "a" needs approval (approval policy "p"): ask for it')).toBe(true);
    expect(asksForApproval('changing it takes the role engineer')).toBe(false);
  });
  it('leads to the resource', () => {
    expect(pageOf('rules', 'a')).toEqual({ name: 'rules', query: { open: 'a' } });
    expect(pageOf('dashboards', 'a')).toEqual({ name: 'dashboard', params: { name: 'a' } });
    expect(pageOf('saved_views', 'a')).toBe(null);
  });
  it('shows what differs, from nothing too', () => {
    expect(differencesOf({ a: 1, b: [1, 2] }, { a: 1, b: [1, 3], c: 'x' })).toEqual([{ path: 'b[1]', before: 2, after: 3 }, { path: 'c', before: null, after: 'x' }]);
    expect(differencesOf(null, { a: 1 })).toEqual([{ path: 'a', before: null, after: 1 }]);
    expect(differencesOf({ a: 1 }, null)).toEqual([{ path: 'a', before: 1, after: null }]);
  });
});

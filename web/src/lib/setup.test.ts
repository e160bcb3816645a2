import { afterEach, describe, expect, it, vi } from 'vitest';
import { emptyDraft, isPutOff, nameFault, nameOf, optionLine, passwordFault, putOff, wishOf } from './setup';

afterEach(() => vi.unstubAllGlobals());

describe('the first steps', () => {
  it('tell what is wrong with a password', () => {
    const f = (password: string, want: string): void => expect(passwordFault(password, 'Long-Name-1'), password).toBe(want);
    f('', 'short');
    f('123456789', 'short');
    f('1234567890', '');
    f('一二三四五六七八九', 'short');
    f('一二三四五六七八九十', '');
    f('long-NAME-1', 'name');
    f('x'.repeat(1024), '');
    f('x'.repeat(1025), 'long');
  });
  it('tell what is wrong with a name', () => {
    const f = (name: string, want: string): void => expect(nameFault(name), name).toBe(want);
    f('', 'empty');
    f('plant', '');
    f('苏州-2_a.b', '');
    f('a b', 'characters');
    f('a/b', 'characters');
    f('..', 'dots');
    f('.', 'dots');
    f('厂'.repeat(67), 'long');
  });
  it('make a name out of a title', () => {
    const f = (title: string, want: string): void => expect(nameOf(title), title).toBe(want);
    f('Suzhou Plant 2', 'suzhou-plant-2');
    f('  Werk Köln! ', 'werk-koln');
    f('苏州工厂', 'plant');
    f('苏州 2 厂', 'plant');
    f('', 'plant');
    f('a'.repeat(39) + ' b', 'a'.repeat(39));
    for (const title of ['苏州 A 厂', 'x/y', '--', 'Ünï']) expect(nameFault(nameOf(title))).toBe('');
  });
  it('say which line changes an option', () => {
    expect(optionLine('lan', 'true', '')).toBe('--lan');
    expect(optionLine('backup-every', '1d', '')).toBe('--backup-every 1d');
    expect(optionLine('data', '/mnt/my disk', '')).toBe("--data '/mnt/my disk'");
    expect(optionLine('key-folder', '/mnt/keys', '/etc/gongshu/gongshu.yaml')).toBe('key_folder: /mnt/keys');
  });
  it('put the title into the language of the page', () => {
    const draft = { ...emptyDraft(), person: ' 李工 ', title: '苏州工厂 ', otherTitle: 'Suzhou', name: 'suzhou', zone: 'Asia/Shanghai', sample: true };
    expect(wishOf(draft, 'zh')).toEqual({ name: 'suzhou', title_zh: '苏州工厂', title_en: 'Suzhou', time_zone: 'Asia/Shanghai', person: '李工', sample: true });
    expect(wishOf({ ...draft, title: 'Suzhou', otherTitle: '' }, 'en')).toMatchObject({ title_zh: '', title_en: 'Suzhou' });
  });
  it('remember that they were left for later, as far as the browser lets them', () => {
    const kept = new Map<string, string>();
    vi.stubGlobal('localStorage', { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) });
    expect(isPutOff()).toBe(false);
    putOff();
    expect(isPutOff()).toBe(true);
    vi.stubGlobal('localStorage', { getItem: () => { throw new Error('no'); }, setItem: () => { throw new Error('no'); } });
    putOff();
    expect(isPutOff()).toBe(false);
  });
});

import { describe, expect, it } from 'vitest';
import { isBeingMade, rateOf, restoreCommands, shellWord, stateOf, timeLeft, timeOf, wasCancelled } from './backups';
import type { Backup, Backups, Ended } from '@/api/backups';

const at = Date.UTC(2026, 10, 21, 7, 15, 0);
const one = (name: string, problem = ''): Backup => ({ name, made: at, program: '0.1.0', files: 3, bytes: 5, problem, note: '' });
const all = (more: Partial<Backups> = {}): Backups => ({ folder: '/b', every_s: 0, keep: 7, running: null, last: null, backups: [], ...more });

describe('a backup', () => {
  it('tells its time by its name', () => {
    const f = (name: string, want: number | null): void => expect(timeOf(name)).toBe(want);
    f('20261121T071500Z', at);
    f('20261121T071500Z.part', at);
    f('20261121T0715Z', null);
    f('x20261121T071500Z', null);
    f('', null);
  });
  it('is whole, checked, unfinished, damaged or being made', () => {
    const running = { work: 'make', name: '', since: at + 400, files_done: 0, files: 0, bytes_done: 0, bytes: 0 } as const;
    const ended = (error: string): Map<string, Ended> => new Map([['20261121T071500Z', { work: 'check', name: '20261121T071500Z', ended: at, error }]]);
    const f = (backup: Backup, state: Backups, checks: Map<string, Ended>, want: string): void => expect(stateOf(backup, state, checks)).toBe(want);
    f(one('20261121T071500Z'), all(), new Map(), 'whole');
    f(one('20261121T071500Z'), all(), ended(''), 'checked');
    f(one('20261121T071500Z'), all(), ended('SHA-256 differs'), 'damaged');
    const proved = (ended: number, problems: number): Backup => ({ ...one('20261121T071500Z'), proof: { backup: '20261121T071500Z', at: ended, took_ms: 1, program: '', files: 3, bytes: 5, rows: 1, intervals: 0, events: 0, resources: 1, revisions: 1, secrets: 0, ledgers: 0, audit_records: 0, newest: null, problem_count: problems, problems: problems ? ['torn'] : [] } });
    f(proved(at + 1, 0), all(), ended('SHA-256 differs'), 'proved');
    f(proved(at - 1, 0), all(), ended('SHA-256 differs'), 'damaged');
    f(proved(at, 2), all(), new Map(), 'damaged');
    f(one('20261121T071500Z', 'the list is damaged'), all(), ended(''), 'damaged');
    f(one('20261121T071500Z.part', 'not finished'), all(), new Map(), 'unfinished');
    f(one('20261121T071500Z.part', 'not finished'), all({ running }), new Map(), 'running');
    f(one('20261120T071500Z.part', 'not finished'), all({ running }), new Map(), 'unfinished');
    f(one('20261121T071500Z.part', 'not finished'), all({ running: { ...running, work: 'check' } }), new Map(), 'unfinished');
    expect(isBeingMade(one('20261121T071500Z'), all({ running }))).toBe(false);
  });
  it('that somebody stopped is no fault', () => {
    expect(wasCancelled('the backup /b/x.part is not finished: stopped because somebody asked for it')).toBe(true);
    expect(wasCancelled('/b has room for 3 MB')).toBe(false);
  });
});

describe('progress', () => {
  it('has a rate over the last seconds and a time left', () => {
    expect(rateOf([])).toBe(null);
    expect(rateOf([{ at: 0, bytes: 0 }, { at: 100, bytes: 9 }])).toBe(null);
    expect(rateOf([{ at: 0, bytes: 0 }, { at: 1000, bytes: 500 }])).toBe(500);
    expect(rateOf([{ at: 0, bytes: 0 }, { at: 60_000, bytes: 6000 }, { at: 62_000, bytes: 8000 }])).toBe(1000);
    expect(timeLeft(100, 1100, 500)).toBe(2000);
    expect(timeLeft(0, 0, 500)).toBe(null);
    expect(timeLeft(0, 10, 0)).toBe(null);
    expect(timeLeft(20, 10, 5)).toBe(0);
  });
});

describe('commands', () => {
  it('mean exactly the folder, whatever it is called', () => {
    const f = (text: string, want: string): void => expect(shellWord(text)).toBe(want);
    f('/var/lib/gongshu.backups', '/var/lib/gongshu.backups');
    f('/mnt/my disk', "'/mnt/my disk'");
    f("/it's", "'/it'\\''s'");
    f('/备份', "'/备份'");
    f('', "''");
    expect(restoreCommands('/b', '20261121T071500Z', '/new', '/keys')[1]).toBe('gongshu restore /b/20261121T071500Z --data /new');
  });
});

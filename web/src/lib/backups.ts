// What a list of backups means to people: which may be used, how far one is, how to get one back. No state, no clock.
import type { Backup, Backups, Ended, Work } from '@/api/backups';

export type BackupState = 'whole' | 'checked' | 'proved' | 'unfinished' | 'damaged' | 'running';
const half = '.part';

/** Milliseconds of "20261121T071500Z" and "20261121T071500Z.part"; null for another name. */
export function timeOf(name: string): number | null {
  const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:\.part)?$/.exec(name);
  return m ? Date.UTC(Number(m[1]), Number(m[2]) - 1, Number(m[3]), Number(m[4]), Number(m[5]), Number(m[6])) : null;
}

/** The one that is just being made lies there as a half one too: it is not one that failed. */
export function isBeingMade(backup: Backup, all: Backups): boolean {
  const made = timeOf(backup.name);
  return all.running?.work === 'make' && backup.name.endsWith(half) && made !== null && made >= all.running.since - 1000;
}

/** `checks`: how the last check of each ended, as far as it is known. */
export function stateOf(backup: Backup, all: Backups, checks: ReadonlyMap<string, Ended>): BackupState {
  if (isBeingMade(backup, all)) return 'running';
  if (backup.name.endsWith(half)) return 'unfinished';
  if (backup.problem) return 'damaged';
  const check = checks.get(backup.name);
  if (backup.proof && backup.proof.at >= (check?.ended ?? 0)) return backup.proof.problem_count > 0 ? 'damaged' : 'proved';
  if (!check) return 'whole';
  return check.error ? 'damaged' : 'checked';
}

/** The words for a job: begun, ended well, ended with a fault, stopped. */
export function wordsOf(work: Work): { going: string; well: string; failed: string; cancelled: string } {
  if (work === 'drill') return { going: 'backups.proving', well: 'backups.provedWell', failed: 'backups.proveFailed', cancelled: 'backups.proveCancelled' };
  if (work === 'check') return { going: 'backups.checking', well: 'backups.checkedWell', failed: 'backups.checkFailed', cancelled: 'backups.checkCancelled' };
  if (work === 'remove') return { going: 'backups.removing', well: 'backups.removed', failed: 'backups.removeFailed', cancelled: 'backups.removeFailed' };
  return { going: 'backups.making', well: 'backups.made', failed: 'backups.makeFailed', cancelled: 'backups.makeCancelled' };
}

/** Somebody stopped it: no fault of the server's. */
export const wasCancelled = (error: string): boolean => /stopped because somebody asked for it|已按要求停止/.test(error);

export interface Sample {
  at: number;
  bytes: number;
}
/** Bytes a second over the last `windowMs` of samples; null before there is anything to tell it from. */
export function rateOf(samples: Sample[], windowMs = 10_000): number | null {
  const last = samples.at(-1);
  if (!last) return null;
  const first = samples.find((s) => s.at >= last.at - windowMs)!;
  const passed = last.at - first.at;
  return passed < 500 ? null : Math.max(0, ((last.bytes - first.bytes) * 1000) / passed);
}
/** Milliseconds until `bytes` are reached; null where nobody can say. */
export function timeLeft(done: number, bytes: number, rate: number | null): number | null {
  return rate && bytes > 0 ? (Math.max(0, bytes - done) / rate) * 1000 : null;
}

/** A word for a POSIX shell that means exactly `text`. */
export function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
/** The commands that check a backup and start a server on a data folder made from it. `fresh`, `keys`: words for what people choose. */
export function restoreCommands(folder: string, name: string, fresh: string, keys: string): [check: string, restore: string, start: string] {
  const path = shellWord(`${folder}/${name}`);
  return [`gongshu restore ${path} --check`, `gongshu restore ${path} --data ${fresh}`, `gongshu serve --data ${fresh} --key-folder ${keys}`];
}

import { call, get, part, post } from './http';

export interface Backup {
  name: string;
  made: number;
  program: string;
  files: number;
  bytes: number;
  /** "" = whole as far as its list tells. */
  problem: string;
  note: string;
  /** What the last drill of it found. */
  proof?: Proof | null;
}
/** What was found when a backup was restored and read. */
export interface Proof {
  backup: string;
  at: number;
  took_ms: number;
  program: string;
  files: number;
  bytes: number;
  rows: number;
  intervals: number;
  events: number;
  resources: number;
  revisions: number;
  secrets: number;
  ledgers: number;
  audit_records: number;
  /** The newest reading in its segments. */
  newest: number | null;
  problem_count: number;
  /** The first of them. */
  problems: string[];
}
/** The second place that whole backups are copied to. */
export interface Target {
  /** A folder, or sftp://user@host/folder. */
  folder: string;
  mount: boolean;
  running: boolean;
  name: string;
  sent: string;
  bytes_done: number;
  bytes: number;
  sent_at: number | null;
  tried_at: number | null;
  next_try: number | null;
  problem: string;
}
export type Work = 'make' | 'check' | 'drill' | 'remove';
export interface Running {
  work: Work;
  name: string;
  since: number;
  files_done: number;
  files: number;
  bytes_done: number;
  bytes: number;
}
export interface Ended {
  work: Work;
  name: string;
  ended: number;
  error: string;
}
export interface Backups {
  folder: string;
  every_s: number;
  /** The time of the day at which that is, with its zone: "02:30 Asia/Shanghai"; "" = so long after the newest. */
  at?: string;
  keep: number;
  drill_every_s?: number;
  target?: Target | null;
  /** The last drill of any, also if that backup is gone. */
  proved?: Proof | null;
  running: Running | null;
  last: Ended | null;
  backups: Backup[];
}

const base = '/admin/backups';
export const backups = (): Promise<Backups> => get(base);
export const make = (): Promise<Backups> => post(base);
export const cancel = (): Promise<Backups> => post(base + ':cancel');
export const check = (name: string): Promise<Backups> => post(`${base}/${part(name)}:check`);
export const drill = (name: string): Promise<Backups> => post(`${base}/${part(name)}:drill`);
export const remove = (name: string): Promise<Backups> => call<Backups>('DELETE', `${base}/${part(name)}`);

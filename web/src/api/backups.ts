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
}
export interface Running {
  work: 'make' | 'check';
  name: string;
  since: number;
  files_done: number;
  files: number;
  bytes_done: number;
  bytes: number;
}
export interface Ended {
  work: 'make' | 'check';
  name: string;
  ended: number;
  error: string;
}
export interface Backups {
  folder: string;
  every_s: number;
  keep: number;
  running: Running | null;
  last: Ended | null;
  backups: Backup[];
}

const base = '/admin/backups';
export const backups = (): Promise<Backups> => get(base);
export const make = (): Promise<Backups> => post(base);
export const cancel = (): Promise<Backups> => post(base + ':cancel');
export const check = (name: string): Promise<Backups> => post(`${base}/${part(name)}:check`);
export const remove = (name: string): Promise<Backups> => call<Backups>('DELETE', `${base}/${part(name)}`);

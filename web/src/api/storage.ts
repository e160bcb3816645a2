import { get, post } from './http';

export interface DayUse {
  /** UTC, as 2026-03-14. */
  day: string;
  rows: number;
  bytes: number;
}
export interface StorageCheck {
  running: boolean;
  since: number | null;
  files_done: number;
  files: number;
  bytes_done: number;
  bytes: number;
  /** Of the last one that ended; null before. */
  ended: number | null;
  took_ms: number;
  error: string;
  files_read: number;
  rows: number;
  events: number;
  intervals: number;
  problem_count: number;
  problems: string[];
}
export interface StorageServer {
  rows: number;
  bytes: number;
  tags: number;
  segments: number;
  unmerged_segments: number;
  intervals: number;
  log_bytes: number;
  log_unsynced_bytes: number;
  log_waiting: number;
  memory_rows: number;
  memory_bytes: number;
  memory_age_ms: number;
  work: '' | 'seal' | 'merge' | 'remove';
  read_only: string;
  disk_free_bytes: number;
  disk_total_bytes: number;
  oldest: number | null;
  bytes_a_day_estimate: number | null;
  disk_full_estimate: number | null;
  /** Histories as they were before a newer version; bytes: what they take beside the present one. */
  former: { formats: number; at: number; until: number; bytes: number | null }[];
  check: StorageCheck;
}
export interface Storage {
  at: number;
  /** Of the whole server; null outside of the tenant default. */
  server: StorageServer | null;
  days: DayUse[];
  /** Of those days. */
  rows: number;
  bytes: number;
  rates: { now_per_s: number; mean_per_s: number | null; mean_ms: number; step_ms: number; steps: [number, number][] };
}
export interface TagUse {
  tag: string;
  type: string;
  unit: string;
  rows: number;
  bytes: number;
  first: string;
  last: string;
}
export type TagOrder = 'bytes' | 'rows' | 'bytes_per_row';
export const storage = (days: number): Promise<Storage> => get('/storage', { days });
export const storageTags = (ask: { days: number; tag: string; order: TagOrder; ascending: boolean; limit: number }): Promise<{ total: number; rows: number; bytes: number; items: TagUse[] }> =>
  get('/storage/tags', { ...ask, ascending: ask.ascending ? 1 : undefined });
export const storageTagDays = (tag: string, days: number): Promise<{ tag: string; type: string; unit: string; rows: number; bytes: number; days: DayUse[] }> => get('/storage/tags:days', { tag, days });
export const checkStorage = (): Promise<{ check: StorageCheck }> => post('/storage:check');
export const cancelStorageCheck = (): Promise<{ check: StorageCheck }> => post('/storage:cancel');
export const compact = (): Promise<{ ms: number }> => post('/admin/compact');

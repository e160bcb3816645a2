import { get, post } from './http';

/** What went, or would go. */
export interface Gone {
  rows: number;
  bytes: number;
  segments: number;
  rewritten: number;
  from: number | null;
  to: number | null;
}
export interface Kept {
  /** Of the whole server; null outside of the tenant default. */
  server: null | {
    days: number;
    limit_bytes: number;
    keep_days: number;
    rows: number;
    bytes: number;
    disk_free_bytes: number;
    oldest: number | null;
    before: number | null;
    bytes_a_day_estimate: number | null;
    disk_full_estimate: number | null;
    to_go: Gone;
  };
  tenants: { name: string; tags: number; holds: number; rows: number; bytes: number; oldest: number | null; rows_to_go: number }[];
  policies: { tenant: string; name: string; tags: number; rows: number; bytes: number; rows_to_go: number; bytes_to_go: number; before: number | null }[];
  done?: (Gone & { at: number; error: string })[];
}
export const retention = (): Promise<Kept> => get('/admin/retention');
/** Counted anew, as it stands now. */
export const previewRetention = (): Promise<Kept> => post('/admin/retention:preview');
export const runRetention = (): Promise<{ removed: Gone }> => post('/admin/retention:run');

export interface Finding {
  id: string;
  grade: 'good' | 'warning' | 'bad';
  text_en: string;
  text_zh: string;
  fix_en: string;
  fix_zh: string;
}
export interface Checks {
  version: string;
  now: number;
  running: boolean;
  worst: Finding['grade'];
  findings: Finding[];
}
export const doctor = (): Promise<Checks> => get('/doctor');

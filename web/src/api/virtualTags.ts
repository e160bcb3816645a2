import { call, get, part, post } from './http';
import { ns, type Value } from './data';
import type { CheckError } from './alarms';
import type { Spec } from './resources';

/** One virtual tag at one place. */
export interface VirtualState {
  name: string;
  device: string;
  path: string;
  state: 'running' | 'waiting' | 'stopped';
  why: string;
  why_zh: string;
  since: number;
  unit: string;
  type: string | null;
  rows: number;
  late: number;
  last: [number, Value, string] | null;
}
export interface VirtualInput {
  path: string;
  unit: string;
  there: boolean;
  last: [number, Value, string] | null;
}
export type Preview =
  | { ok: true; path: string; unit: string; type: string | null; inputs: VirtualInput[]; count: number; readings: number; complete: boolean; until: number; columns: string[]; rows: Value[][] }
  | { ok: false; problem: string; problem_zh: string; error?: CheckError };
export interface Backfill {
  id: string;
  name: string;
  from: number;
  to: number;
  state: 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  progress: number;
  readings: number;
  rows: number;
  removed: number;
  left_before: number | null;
  places: number;
  places_done: number;
  error: string;
  by: string;
  started: number;
  finished: number | null;
}

export const states = (): Promise<{ items: VirtualState[] }> => get('/status/virtual_tags', { precision: 'ms' });
/** What the spec would give between `from` and `to`, the last `limit` values; `name` only of one that is there. */
export const preview = (spec: Spec, of: { name?: string; device?: string }, from: number, to: number, limit: number, signal?: AbortSignal): Promise<Preview> =>
  call('POST', '/virtual_tags:preview', { query: { from: ns(from), to: ns(to), limit, precision: 'ms' }, body: { spec, ...of }, signal });
export const backfill = (name: string, from: number, to: number): Promise<Backfill> =>
  call('POST', `/virtual_tags/${part(name)}:backfill`, { query: { precision: 'ms' }, body: { from: ns(from), to: ns(to) } });
export const backfills = (): Promise<{ items: Backfill[] }> => get('/backfills', { precision: 'ms' });
export const cancelBackfill = (id: string): Promise<Backfill> => post(`/backfills/${part(id)}:cancel`);

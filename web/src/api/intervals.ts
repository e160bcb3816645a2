import { address, get, part, post } from './http';
import { ns, type Value } from './data';

export type IntervalSource = 'hand' | 'rule' | 'tag' | 'scan' | 'import';
export type IntervalAction = 'opened' | 'closed' | 'corrected' | 'withdrawn';
export interface Interval {
  id: string;
  revision: number;
  asset: string;
  /** It is about this one tag of the asset; "": about all of it. */
  tag: string;
  kind: string;
  from: number;
  to: number | null;
  open: boolean;
  attributes: Record<string, Value>;
  source: IntervalSource;
  made_by: string;
  confidence: number;
  withdrawn: boolean;
  action: IntervalAction;
  by: string;
  at: number;
  reason: string;
}
export interface IntervalQuestion {
  path?: string;
  kind?: string[];
  from?: number;
  to?: number;
  open?: boolean;
  withdrawn?: boolean;
  limit?: number;
  before?: string;
}
export interface IntervalPage {
  intervals: Interval[];
  next: string | null;
  kinds: string[];
}
export interface Wish {
  kind?: string;
  from?: number;
  to?: number | null;
  attributes?: Record<string, Value>;
}
export interface TagStates {
  tag: string;
  states: { state: string; duration_s: number; share: number }[];
  unknown_s: number;
  unknown_share: number;
  /** So many different values that it is no state; then nothing else is told. */
  too_many: boolean;
  /** False: there were more spans than an answer holds; the durations are of all of them. */
  complete: boolean;
  spans: [number, number, string | null][];
}

export const intervals = (q: IntervalQuestion): Promise<IntervalPage> =>
  get('/intervals', { ...q, from: q.from === undefined ? undefined : ns(q.from), to: q.to === undefined ? undefined : ns(q.to), open: q.open ? 1 : undefined, withdrawn: q.withdrawn ? 1 : undefined, precision: 'ms' });
export const interval = (id: string): Promise<{ interval: Interval; revisions: Interval[] }> => get(`/intervals/${part(id)}`, { precision: 'ms' });
export const mark = (asset: string, wish: Wish & { kind: string; from: number }): Promise<Interval> => post('/intervals?precision=ms', { asset, ...wish });
export const close = (id: string, wish: { revision: number; to: number }): Promise<Interval> => post(`/intervals/${part(id)}:close?precision=ms`, wish);
export const correct = (id: string, wish: Wish & { revision: number; reason: string }): Promise<Interval> => post(`/intervals/${part(id)}:correct?precision=ms`, wish);
export const withdraw = (id: string, wish: { revision: number; reason: string }): Promise<Interval> => post(`/intervals/${part(id)}:withdraw?precision=ms`, wish);
export const states = (tags: string[], from: number, to: number): Promise<{ from: number; to: number; tags: TagStates[] }> =>
  get('/intervals:states', { tag: tags, from: ns(from), to: ns(to), precision: 'ms' });
export const csvAddress = (q: { path?: string; kind?: string[]; from: number; to: number; tags: string[]; agg: string[] }): string =>
  address('/intervals:aggregates', { path: q.path, kind: q.kind, from: ns(q.from), to: ns(q.to), tag: q.tags, agg: q.agg.join(','), format: 'csv' });

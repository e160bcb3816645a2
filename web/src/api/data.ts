import { call, get, part, post } from './http';
import type { Json } from './resources';

export type Value = number | string | boolean | null;
export interface Tag {
  id: number | string;
  path: string;
  device: string;
  property: string;
  type: string;
  unit: string;
  labels: Record<string, string>;
  /** Name of the virtual tag that makes it; "" of one that was deleted. */
  virtual_tag?: string;
  expr?: string;
  last: [number, Value, string] | null;
}
export interface Series {
  tag: string;
  unit: string;
  columns: string[];
  rows: Value[][];
  sampled?: boolean;
  /** There are more rows than were asked for by order and limit. */
  more?: boolean;
}
export interface ReadQuestion {
  tags: string[];
  from: number;
  to: number;
  every?: string;
  agg?: string[];
  points?: number;
  zone?: string;
  sample?: 'minmax' | 'lttb';
  fill?: 'none' | 'null' | 'previous' | 'linear' | number;
  quality?: 'good' | 'usable' | 'all';
  /** Raw rows: the oldest or the newest `limit` of each tag. */
  order?: 'asc' | 'desc';
  limit?: number;
}
export type LetterState = 'open' | 'processed' | 'discarded';
export interface DeadLetter {
  id: string;
  time: number;
  client: string;
  who: string;
  device: string;
  topic: string;
  reason: string;
  /** In lists its begin. */
  payload: string;
  bytes: number;
  /** All of the payload was kept, so that it can be processed. */
  whole: boolean;
  group: string;
  state: LetterState;
  by: string;
}
/** Open letters of one topic and one reason. */
export interface LetterGroup {
  group: string;
  topic: string;
  reason: string;
  count: number;
  whole: number;
  first: number;
  last: number;
  newest: string;
}
export interface Processed {
  processed: number;
  readings: number;
  failed: number;
  failures: { id: string; reason: string }[];
}

/** Question times travel as integer nanoseconds; milliseconds lose nothing here. */
export const ns = (ms: number): string => String(Math.round(ms)) + '000000';

export const tags = (glob = '**', limit = 1000): Promise<{ tags: Tag[]; more: boolean }> =>
  get('/tags', { glob, limit, precision: 'ms' });
export const last = (glob: string): Promise<{ series: Series[] }> => get('/last', { tag: glob, precision: 'ms' });
const question = (q: ReadQuestion): Record<string, string | number | string[] | undefined> => ({
  tag: q.tags,
  from: ns(q.from),
  to: ns(q.to),
  every: q.every,
  agg: q.agg?.join(','),
  points: q.points,
  zone: q.zone,
  sample: q.sample,
  fill: q.fill,
  quality: q.quality,
  order: q.order,
  limit: q.limit,
  precision: 'ms',
});
export const read = (q: ReadQuestion, signal?: AbortSignal): Promise<{ series: Series[] }> =>
  get('/read', question(q), signal);
export const readCsv = (q: ReadQuestion): Promise<string> =>
  call<string>('GET', '/read', { query: { ...question(q), format: 'csv' }, text: true });
export const deadLetters = (limit = 500, more: { state?: string; group?: string } = {}): Promise<{ items: DeadLetter[] }> =>
  get('/dead_letters', { limit, precision: 'ms', ...more });
export const deadLetter = (id: string): Promise<DeadLetter> => get('/dead_letters/' + part(id), { precision: 'ms' });
export const letterGroups = (): Promise<{ groups: LetterGroup[]; looked_at: number }> => get('/dead_letters:groups', { precision: 'ms' });
export type Chosen = { ids: string[] } | { group: string };
export const processLetters = (chosen: Chosen): Promise<Processed> => post('/dead_letters:process', chosen);
export const discardLetters = (chosen: Chosen): Promise<{ discarded: number }> => post('/dead_letters:discard', chosen);
export type { Json };

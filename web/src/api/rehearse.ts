import { call } from './http';
import { ns } from './data';
import type { Alarm } from './alarms';
import type { Spec } from './resources';

/** What a rule would have raised over the stored readings between `from` and `to`; the newest alarms first. */
export interface Rehearsal {
  count: number;
  active_s: number;
  from: number;
  to: number;
  /** As far as it came when it is not complete. */
  until: number;
  complete: boolean;
  readings: number;
  devices: number;
  devices_left: number;
  alarms: Alarm[];
}

export const alarmsMax = 500;
/** `name` only of a rule that is there: a new one has none yet. */
export const rehearse = (spec: Spec, name: string | undefined, from: number, to: number, signal: AbortSignal): Promise<Rehearsal> =>
  call('POST', '/rules:rehearse', { query: { from: ns(from), to: ns(to), limit: alarmsMax, precision: 'ms' }, body: name ? { spec, name } : { spec }, signal });

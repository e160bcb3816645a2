import { get, part, post } from './http';

export type Severity = 'critical' | 'major' | 'minor' | 'warning';
export const severities: Severity[] = ['critical', 'major', 'minor', 'warning'];
export type AlarmState = 'raised' | 'acknowledged' | 'latched' | 'shelved' | 'suppressed' | 'cleared';
/** Counted and shown by default; shelved and suppressed ones live on unseen. */
export const isActive = (alarm: { state: AlarmState }): boolean => ['raised', 'acknowledged', 'latched'].includes(alarm.state);
export type Counts = Record<Severity, number>;

export interface WhyValue {
  tag: string;
  expression: string;
  ts: number;
  value: number | string | boolean | null;
  unit: string;
  quality: string;
}
export interface JournalLine {
  time: number;
  what: 'raised' | 'acknowledged' | 'cleared' | 'comment' | 'shelved' | 'unshelved' | 'suppressed' | 'unsuppressed' | 'latched' | 'again';
  who: string;
  comment: string;
}
export interface Alarm {
  id: string;
  rule: string;
  tag: string;
  state: AlarmState;
  acknowledged_by: string | null;
  severity: Severity;
  device?: string;
  title_zh?: string;
  title_en?: string;
  message: string;
  message_zh?: string;
  message_en?: string;
  cleared_reason?: string;
  group?: string;
  /** Since when the condition is over while nobody has acknowledged. */
  latched?: number | null;
  suppressed?: number | null;
  shelved?: { since: number; until: number | null; by: string; reason: string } | null;
  raised: number;
  cleared: number | null;
  acknowledged: number | null;
  why?: { condition: string; text_zh?: string; text_en?: string; values: WhyValue[] };
  journal?: JournalLine[];
}
export interface AlarmQuestion {
  state: 'active' | AlarmState | 'all';
  from?: string;
  to?: string;
  severity?: string;
  group?: string;
  limit?: number;
}
/** What is set aside: of `device` "" the whole rule; out of service has no end. */
export interface Shelf {
  kind: 'shelved' | 'out_of_service';
  rule: string;
  device: string;
  since: number;
  until: number | null;
  by: string;
  reason: string;
}
export type GroupCounts = Counts & { group: string };
export interface CheckError {
  text: string;
  column: number;
  length?: number;
  found?: string;
  expected?: string;
  text_zh?: string;
  expected_zh?: string;
  code?: string;
  suggest?: string[];
}
/** A tag of a condition; without a reading value, quality and ts are null. */
export interface CheckedTag {
  path: string;
  value: number | string | boolean | null;
  quality: string | null;
  unit: string;
  ts: number | null;
}
export type Check =
  | { ok: true; value: boolean | null; tags: CheckedTag[]; uses: string[]; window: string; gives?: string; unit?: string }
  | { ok: false; error: CheckError };

export const alarms = (q: AlarmQuestion): Promise<{ alarms: Alarm[]; counts: Counts; groups?: GroupCounts[] }> =>
  get('/alarms', { ...q, precision: 'ms' });
export const alarm = (id: string): Promise<Alarm> => get(`/alarms/${part(id)}`, { precision: 'ms' });
export const acknowledge = (id: string, comment: string): Promise<Alarm> =>
  post(`/alarms/${part(id)}:acknowledge?precision=ms`, { comment });
export const comment = (id: string, text: string): Promise<Alarm> =>
  post(`/alarms/${part(id)}:comment?precision=ms`, { comment: text });
export const shelves = async (): Promise<Shelf[]> => (await get<{ shelves: Shelf[] }>('/shelves', { precision: 'ms' })).shelves;
export const shelve = (what: { rule: string; device?: string; for: string; reason: string }): Promise<Shelf> => post('/alarms:shelve?precision=ms', what);
export const unshelve = (what: { rule: string; device?: string; comment?: string }): Promise<Shelf> => post('/alarms:unshelve?precision=ms', what);
export const outOfService = (what: { rule: string; device?: string; reason: string }): Promise<Shelf> => post('/rules:out_of_service?precision=ms', what);
export const inService = (what: { rule: string; device?: string; comment?: string }): Promise<Shelf> => post('/rules:in_service?precision=ms', what);
/** Short names in the condition belong to the device; of a device type alone there are no values. */
export const check = (condition: string, scope: { device?: string; device_type?: string } = {}): Promise<Check> =>
  post('/rules:check?precision=ms', { condition, ...(scope.device ? { device: scope.device } : scope.device_type ? { device_type: scope.device_type } : {}) });

/** The message in the reader's language, else in the one there is. */
export function messageOf(alarm: Alarm, locale: 'zh' | 'en'): string {
  const [first, second] = locale === 'zh' ? [alarm.message_zh, alarm.message_en] : [alarm.message_en, alarm.message_zh];
  return first || alarm.message || second || alarm.rule;
}

import { address, get, outside, part, post } from './http';
import type { Counts, Severity } from './alarms';

export interface Status {
  version: string;
  started: number;
  now: number;
  simulated: boolean;
  read_only: string | null;
  listeners: Record<string, string | null>;
  history: Record<string, number | string | boolean | null>;
  tenant: string;
  licence: string;
}
export interface Wrong {
  severity: Severity;
  what: 'connection' | 'device' | 'alarm' | 'rule' | 'virtual_tag' | 'message_hook' | 'system';
  name: string;
  text_zh: string;
  text_en: string;
  since: number;
}
export interface Overview {
  devices: { total: number; online: number; stale: number; offline: number; off?: number; without_device?: number };
  connections: { total: number; up: number; down: number; off: number };
  tags: number;
  readings_per_s: number;
  alarms: Counts;
  set_aside?: { shelved: number; out_of_service: number; suppressed: number };
  wrong: Wrong[];
}
/** What an edge sends on to another platform; platform null: nothing. Times in ms. */
export interface Forwarding {
  platform: string | null;
  under: string;
  state: 'idle' | 'sending' | 'waiting';
  since: number;
  problem: string;
  next_try: number | null;
  sent: number;
  refused: number;
  refusal: string;
  lost: number;
  behind_bytes: number;
  sent_at: number | null;
  newest: number | null;
  round_trip_ms: number | null;
}
export const forwarding = (): Promise<Forwarding> => get('/status/forwarding', { precision: 'ms' });
export type ConnectionState = 'up' | 'connecting' | 'waiting' | 'backing_off' | 'off';
export interface Counters {
  requests: number;
  replies: number;
  timeouts: number;
  exceptions: number;
  reconnects: number;
  readings: number;
  bytes_in: number;
  bytes_out: number;
}
export interface ConnectionStatus {
  name: string;
  protocol: string;
  state: ConnectionState;
  since: number;
  last_error: string | null;
  last_error_at: number | null;
  next_try: number | null;
  counters: Counters;
  latency_ms: number | null;
}
/** A registration packet that no connection has; whoever sent it wrote it. */
export interface DtuPacket {
  port: number;
  address: string;
  /** Empty when it is not all printable. */
  text: string;
  hex: string;
  times: number;
  first: number;
  last: number;
}
export interface DtuStatus {
  listens: string[];
  waiting: number;
  dialled: number;
  unknown: number;
  refused: number;
  packets: DtuPacket[];
}
export type DeviceState = 'online' | 'stale' | 'offline' | 'off';
export interface DeviceStatus {
  name: string;
  state: DeviceState;
  since: number;
  last_seen: number | null;
  last_error: string | null;
  tags: number;
  bad: number;
  source: string;
  /** false: something publishes for this place, and there is no device. */
  registered?: boolean;
}
export interface MqttSession {
  client: string;
  device: string;
  version: string;
  since: number;
  address: string;
  in: number;
  out: number;
  subscriptions: number | string[];
}
export interface AuditRecord {
  id: number;
  time: number;
  who: string;
  from: string;
  action: string;
  kind: string;
  name: string;
  detail: unknown;
  allowed: boolean;
  /** Number of its entry in the ledger; null while it is on its way there. */
  entry: number | null;
}
export interface LedgerHead {
  ledger: string;
  hash: string;
  head: { size: number; root: string; public_key: string };
}
export interface DoorCounts {
  door: string;
  allowed: number;
  refused: number;
  rows: number;
  bytes: number;
}
/** What one receiver asked for by one door, over all times. */
export interface Taken {
  who: string;
  door: string;
  what: string;
  purpose: string;
  level: number;
  allowed: number;
  refused: number;
  rows: number;
  first: number;
  last: number;
  refusal: string | null;
}
export interface Egress {
  since: number;
  doors: DoorCounts[];
  taken: Taken[];
}
export interface TestResult {
  ok: boolean;
  steps: { what: string; ok: boolean; ms: number; detail: string }[];
  values: { tag: string; value: number | string | boolean | null; quality: string }[];
}
export interface WriteResult {
  id: string;
  done: boolean;
  read_back: number | string | boolean | null;
  error: string | null;
}

const ms = { precision: 'ms' };
export const status = (): Promise<Status> => get('/status', ms);
export const overview = (): Promise<Overview> => get('/overview', ms);
export const connections = async (): Promise<ConnectionStatus[]> =>
  (await get<{ items: ConnectionStatus[] }>('/status/connections', ms)).items;
export const devices = async (): Promise<DeviceStatus[]> =>
  (await get<{ items: DeviceStatus[] }>('/status/devices', ms)).items;
export const dtus = (): Promise<DtuStatus> => get<DtuStatus>('/status/dtu', ms);
export const sessions = async (): Promise<MqttSession[]> =>
  (await get<{ items: MqttSession[] }>('/status/sessions', ms)).items;
export const audit = async (q: { from?: string; to?: string; limit?: number }): Promise<AuditRecord[]> =>
  (await get<{ records: AuditRecord[] }>('/audit', { ...q, ...ms })).records;
export const ledgerHead = (): Promise<LedgerHead> => get('/ledger');
export const redact = (entry: number, reason: string): Promise<{ entry: number }> => post(`/ledger/entries/${entry}:redact`, { reason });
export const egress = (): Promise<Egress> => get('/egress', ms);
export const proofAddress = (entry: number): string => address(`/ledger/entries/${entry}/proof`);
export const headAddress = (): string => address('/ledger');
export const testConnection = (name: string): Promise<TestResult> => post(`/connections/${part(name)}:test`);
export const writeDevice = (name: string, property: string, value: unknown, reason: string): Promise<WriteResult> =>
  post(`/devices/${part(name)}:write`, { property, value, reason });
export const compact = (): Promise<{ ms: number }> => post('/admin/compact');

/** Open to everybody: whether the program serves, and whether what it shows is made up. */
export const health = (): Promise<{ status: string; detail?: string; simulated?: boolean }> => outside('/healthz');

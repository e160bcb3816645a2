import { call, get, post } from './http';
import type { Value } from './data';
import type { Spec } from './resources';

export interface MappedRow {
  tag: string;
  ts: number;
  /** The message says no time: it is that of its arrival. */
  arrival: boolean;
  value: Value;
  quality: string;
  unit: string;
  place: string;
  error: string | null;
}
/** What a mapping makes of one message. */
export interface Mapped {
  topic: string;
  time: number;
  matches: boolean;
  captures: Record<string, string>;
  skipped: boolean;
  error: string | null;
  rows: MappedRow[];
  more: number;
  faults: string[];
  more_faults: number;
  payload: string;
  cut: boolean;
}
export interface MappingPreview {
  ok: boolean;
  error: { place: string; detail: string } | null;
  messages: Mapped[];
}
export interface Sample {
  topic: string;
  time: number;
  who: string;
  device: string;
  payload: string;
  bytes: number;
}

export const previewMapping = (spec: Spec, topic: string, payload: string, device: string, signal: AbortSignal): Promise<MappingPreview> =>
  call('POST', '/mappings:preview', { query: { precision: 'ms' }, body: { spec, topic, payload, device }, signal });
/** `device` that sent it by itself, "" for gateways and people. */
export const proposeMapping = (topic: string, payload: string, device: string): Promise<{ spec: Spec }> => post('/mappings:propose', { topic, payload, device });
export const samples = (): Promise<{ items: Sample[] }> => get('/mappings:samples', { precision: 'ms' });

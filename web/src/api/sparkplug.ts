import { get } from './http';

export type SparkplugState = 'online' | 'stale' | 'offline';
/** An edge node itself or one of its devices. */
export interface SparkplugUnit {
  /** Where its readings are. */
  path: string;
  state: SparkplugState;
  /** Of the state. */
  since: number | null;
  /** Why it is not online. */
  why: string;
  metrics: number;
  skipped_count: number;
  /** Metrics of the birth that no tag keeps, the first of them. */
  skipped: { metric: string; why: string }[];
}
/** Of an edge node whose own readings somebody may not see, only its state is told. */
export interface SparkplugNode extends Partial<SparkplugUnit> {
  group: string;
  node: string;
  state: SparkplugState;
  bd_seq: number | null;
  seq: number | null;
  births: number;
  born: number | null;
  /** Newest message. */
  last: number | null;
  /** Times that its messages had a gap in their sequence. */
  lost: number;
  rebirths: number;
  rebirth_at: number | null;
  rebirth_why: string;
  devices: (SparkplugUnit & { device: string })[];
}
export const sparkplugNodes = async (): Promise<SparkplugNode[]> => (await get<{ items: SparkplugNode[] }>('/status/sparkplug', { precision: 'ms' })).items;

import { get, part, post } from './http';

export type HookState = 'off' | 'idle' | 'sending' | 'failing';
/** How a message hook gets on. */
export interface HookStatus {
  name: string;
  state: HookState;
  target: string;
  waiting: number;
  sent: number;
  given_up: number;
  sent_at: number | null;
  /** "CA-12/3": case and step; "" = none was sent yet. */
  sent_what: string;
  problem: string;
  problem_at: number | null;
  failing_since: number | null;
  next_try: number | null;
}
export interface HookTest {
  ok: boolean;
  /** What the receiver said. */
  answer: string;
  problem: string;
}
export const hookStates = async (): Promise<HookStatus[]> => (await get<{ items: HookStatus[] }>('/status/messages', { precision: 'ms' })).items;
export const testHook = (name: string): Promise<HookTest> => post(`/message_hooks/${part(name)}:test`);

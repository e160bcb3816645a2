import { describe, expect, it } from 'vitest';
import { channelOf, lookOf, targetOf } from './messages';
import type { HookStatus } from '@/api/messages';
import type { Spec } from '@/api/resources';

const status = (some: Partial<HookStatus>): HookStatus => ({ name: 'h', state: 'idle', target: 'example.cn', waiting: 0, sent: 0, given_up: 0, sent_at: null, sent_what: '', problem: '', problem_at: null, failing_since: null, next_try: null, ...some });

describe('how a message hook looks', () => {
  const f = (some: Partial<HookStatus> | null, spec: Record<string, boolean>, want: string) => it(`${JSON.stringify(some)} ${JSON.stringify(spec)} is ${want}`, () => expect(lookOf(some && status(some), spec)).toBe(want));
  f({}, {}, 'idle');
  f({ waiting: 2 }, {}, 'waiting');
  f({ state: 'sending', waiting: 2 }, {}, 'sending');
  f({ state: 'failing', waiting: 2 }, {}, 'failing');
  f({ state: 'failing' }, { disabled: true }, 'off');
  f(null, {}, 'waiting');
});
describe('where it sends to', () => {
  it('tells channels apart', () => expect(([{ channel: 'email' }, { channel: 'webhook' }, { channel: 'webhook', format: 'feishu' }, { format: 'json' }] as Spec[]).map(channelOf)).toEqual(['email', 'webhook', 'feishu', 'webhook']));
  it('names receivers of mails and hosts of webhooks', () => expect([targetOf(null, { channel: 'email', to: ['a@b', 'c@d'] }), targetOf(status({}), { channel: 'webhook' }), targetOf(null, {})]).toEqual(['a@b, c@d', 'example.cn', '']));
});

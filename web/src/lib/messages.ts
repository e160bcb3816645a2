import type { HookStatus } from '@/api/messages';
import type { Spec } from '@/api/resources';

/** How a hook looks: what waits without a failure is told apart from quiet. */
export type HookLook = 'off' | 'idle' | 'sending' | 'waiting' | 'failing';
export function lookOf(status: HookStatus | null, spec: Spec): HookLook {
  if (spec.disabled === true) return 'off';
  if (!status) return 'waiting';
  if (status.state === 'idle' && status.waiting > 0) return 'waiting';
  return status.state;
}
/** The word for its channel: "email", "webhook", or the messenger whose robot takes it. */
export function channelOf(spec: Spec): 'email' | 'webhook' | 'wecom' | 'dingtalk' | 'feishu' {
  if (spec.channel === 'email') return 'email';
  const format = spec.format;
  return format === 'wecom' || format === 'dingtalk' || format === 'feishu' ? format : 'webhook';
}
/** Where it sends to, as far as people may read it. */
export function targetOf(status: HookStatus | null, spec: Spec): string {
  if (spec.channel === 'email') return Array.isArray(spec.to) ? spec.to.map(String).join(', ') : '';
  return status?.target ?? '';
}

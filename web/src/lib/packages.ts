import type { Plan } from '@/api/packages';

/** In groups of four, so that two people can read it to each other. */
export const keyIdText = (id: string): string => id.match(/.{1,4}/g)?.join(' ') ?? '';

/** "1.0.0 → 1.1.0", or the one version there is. */
export const planTitle = (plan: Pick<Plan, 'from' | 'to'>): string => [plan.from, plan.to].filter(Boolean).join(' → ');

/** What is asked of the server for the values that a person typed; what is empty keeps its default. */
export const settings = (parameters: Record<string, string>): string[] => Object.entries(parameters).filter(([, value]) => value !== '').map(([name, value]) => `${name}=${value}`);

/** Whether it can be carried out as it stands. */
export const ready = (plan: Plan): boolean => plan.problems.length === 0 && plan.conflicts === 0;

/** The name under which a signer is kept; the server's names take no spaces. */
export const signerName = (plan: Pick<Plan, 'signer_key_id'>): string => 'key-' + plan.signer_key_id.slice(0, 12);

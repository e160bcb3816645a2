import type { InjectionKey } from 'vue';
import type { Check } from '@/api/alarms';

/** How an expression is judged where it is no condition: what it gives, and in which unit. */
export type ExpressionCheck = (text: string, of: { device?: string; device_type?: string }) => Promise<Check>;
export const expressionCheckKey: InjectionKey<ExpressionCheck> = Symbol('expression check');

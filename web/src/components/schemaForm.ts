import type { ComputedRef, InjectionKey, Ref } from 'vue';
import type { Schema } from '@/api/resources';

export interface FormContext {
  root: Schema;
  errors: ComputedRef<Record<string, string>>;
  disabled: Ref<boolean>;
  /** Names of the resources of a kind, for fields that point at one. */
  names: (plural: string) => string[];
}
export const formKey: InjectionKey<FormContext> = Symbol('form');

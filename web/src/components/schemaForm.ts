import type { ComputedRef, InjectionKey, Ref } from 'vue';
import type { Schema, Spec } from '@/api/resources';

export interface FormContext {
  root: Schema;
  errors: ComputedRef<Record<string, string>>;
  disabled: Ref<boolean>;
  /** The whole spec as it stands in the form. */
  spec: () => Spec;
  /** Some fields of it at once, from a field that knows of others. */
  change: (fields: Spec) => void;
  /** Names of the resources of a kind, for fields that point at one. */
  names: (plural: string) => string[];
}
export const formKey: InjectionKey<FormContext> = Symbol('form');

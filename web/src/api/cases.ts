import { get, part, post } from './http';
import type { Json, Spec } from './resources';
import type { Role } from './session';

/** What people see of something that the kind declares. */
export interface Named {
  name: string;
  title_zh: string;
  title_en: string;
}
export type FieldType = 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'time' | 'json' | 'files';
export interface CaseField extends Named {
  type: FieldType;
  choices: Named[];
  min: number | null;
  max: number | null;
}
export type Tone = 'waiting' | 'urgent' | 'good' | 'bad' | 'calm';
export interface CaseState extends Named {
  final: boolean;
  tone: Tone;
}
export interface Party extends Named {
  is: 'anyone' | 'assigned' | 'opener';
  role: Role;
}
export interface CaseAction extends Named {
  from: string[];
  /** "" = the state stays. */
  to: string;
  /** Parties; none = the program alone. */
  by: string[];
  takes: string[];
  needs: string[];
  needs_note: boolean;
  assigns: boolean;
  unlike: string[];
  guard: string;
  guard_zh: string;
  guard_en: string;
}
export interface CaseKind extends Named {
  plural: string;
  prefix: string;
  about_zh: string;
  about_en: string;
  start: string;
  fields: CaseField[];
  states: CaseState[];
  parties: Party[];
  actions: CaseAction[];
  deadlines: { state: string; after_s: number; after_field: string; working_time: boolean; action: string }[];
}
export interface Case {
  id: string;
  kind: string;
  state: string;
  closed: boolean;
  revision: number;
  subject: string;
  place: string;
  opener: string;
  assigned: string[];
  opened: number;
  since: number;
  changed: number;
  due: number | null;
  fields: Spec;
}
export interface Step {
  number: number;
  time: number;
  who: string;
  action: string;
  from: string;
  to: string;
  note: string;
  /** null: taken away. */
  changed: Spec;
  assigned?: string[];
}
export interface Offer {
  name: string;
  may: boolean;
  why_not: string | null;
}
export interface WholeCase extends Case {
  /** Of a change: what the resource was. */
  before: Json;
  steps: Step[];
  actions: Offer[];
}
export interface Turn {
  fields?: Spec;
  note?: string;
  revision?: number;
  assigned?: string[];
}
export interface CaseQuestion {
  kind?: string;
  state?: string;
  place?: string;
  open?: 0 | 1;
  mine?: 1;
}
export interface CaseCounts {
  /** How many wait for who asks. */
  mine: number;
  items: { kind: string; state: string; cases: number }[];
}

const ms = 'precision=ms';
const pageMax = 500;

export const caseKinds = async (): Promise<CaseKind[]> => (await get<{ items: CaseKind[] }>('/case_kinds')).items;
export const caseCounts = (): Promise<CaseCounts> => get('/cases:counts');
/** The `wanted` that changed last, page by page; `more` tells that there are others. */
export async function cases(q: CaseQuestion, wanted: number): Promise<{ items: Case[]; more: boolean }> {
  const items: Case[] = [];
  let after: string | undefined;
  do {
    const page = await get<{ items: Case[]; next: string | null }>('/cases', { ...q, precision: 'ms', limit: Math.min(wanted - items.length, pageMax), after });
    items.push(...page.items);
    after = page.next ?? undefined;
  } while (after && items.length < wanted);
  return { items, more: after !== undefined };
}
export const oneCase = (id: string): Promise<WholeCase> => get(`/cases/${part(id)}`, { precision: 'ms' });
export const openCase = (what: { kind: string; subject?: string; place?: string } & Turn): Promise<WholeCase> => post('/cases?' + ms, what);
export const actOnCase = (id: string, action: string, turn: Turn): Promise<WholeCase> => post(`/cases/${part(id)}:${action}?${ms}`, turn);

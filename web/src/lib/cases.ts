// Cases as their kinds declare them: words, forms, what waits. No state; "now" and the language are given.
import type { Case, CaseAction, CaseField, CaseKind, CaseState, Named, Offer, Step } from '@/api/cases';
import type { Json, Resource, Spec } from '@/api/resources';
import type { Role } from '@/api/session';
import { dateTime, span, type Locale } from './format';
import { citationsOf } from './photo';
import { globMatcher } from './tree';

export const changeKind = 'change_approval';
export const roleOrder: Role[] = ['none', 'viewer', 'operator', 'engineer', 'admin'];

/** The title in the reader's language; where nobody gave one, the name. */
export function wordOf(one: Named | undefined, locale: Locale, absent = ''): string {
  if (!one) return absent;
  const [own, other] = locale === 'zh' ? [one.title_zh, one.title_en] : [one.title_en, one.title_zh];
  return own || other || one.name;
}
export const named = <T extends Named>(list: T[] | undefined, name: string): T | undefined => list?.find((one) => one.name === name);
export const guardText = (action: CaseAction | undefined, locale: Locale): string => (action?.guard ? (locale === 'zh' ? action.guard_zh || action.guard_en : action.guard_en || action.guard_zh) : '');

/** What people may be asked for by a form: JSON is shown only where there is some already, or where it must be. */
export function formFields(kind: CaseKind, action: CaseAction, known: Spec): { field: CaseField; needed: boolean }[] {
  const out: { field: CaseField; needed: boolean }[] = [];
  for (const name of [...action.needs.filter((one) => action.takes.includes(one)), ...action.takes.filter((one) => !action.needs.includes(one))]) {
    const field = named(kind.fields, name);
    const needed = action.needs.includes(name);
    if (field && (field.type !== 'json' || needed || known[name] !== undefined)) out.push({ field, needed });
  }
  return out;
}

/** The text that a form holds for a value; "" for none. */
export function toForm(field: CaseField, value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  if (field.type === 'json') return JSON.stringify(value, null, 2);
  if (field.type === 'files') return JSON.stringify(citationsOf(value));
  if (field.type === 'time') {
    // Other pages give milliseconds.
    const at = /^\d{12,}$/.test(String(value)) ? Number(value) : Date.parse(String(value));
    return Number.isNaN(at) ? '' : String(at);
  }
  return String(value);
}
export type Entry = { ok: true; value: Json } | { ok: false; why: 'number' | 'integer' | 'least' | 'most' | 'json' | 'sending' };
/** What the form's text means; null for "" (taken away). Times are kept as RFC 3339. */
export function fromForm(field: CaseField, text: string): Entry {
  if (text.trim() === '') return { ok: true, value: null };
  if (field.type === 'number' || field.type === 'integer') {
    const value = Number(text.trim());
    if (!Number.isFinite(value)) return { ok: false, why: 'number' };
    if (field.type === 'integer' && !Number.isInteger(value)) return { ok: false, why: 'integer' };
    if (field.min !== null && value < field.min) return { ok: false, why: 'least' };
    if (field.max !== null && value > field.max) return { ok: false, why: 'most' };
    return { ok: true, value };
  }
  if (field.type === 'boolean') return { ok: true, value: text === 'true' };
  if (field.type === 'time') return { ok: true, value: new Date(Number(text)).toISOString() };
  if (field.type === 'files') {
    if (text === 'sending') return { ok: false, why: 'sending' };
    const ids = citationsOf(JSON.parse(text) as Json).map((one) => one.id);
    return { ok: true, value: ids.length ? ids : null };
  }
  if (field.type !== 'json') return { ok: true, value: text.trim() };
  try {
    return { ok: true, value: JSON.parse(text) as Json };
  } catch {
    return { ok: false, why: 'json' };
  }
}
/** The fields to send: those that differ from what is known. Files are sent by their ids. */
export function changedFields(given: Spec, known: Spec): Spec {
  const out: Spec = {};
  const plain = (value: Json): Json => {
    const files = citationsOf(value);
    return files.length ? files.map((one) => one.id) : value;
  };
  for (const [name, value] of Object.entries(given)) if (JSON.stringify(value) !== JSON.stringify(plain(known[name] ?? null))) out[name] = value;
  return out;
}

/** A value as people read it. */
export function valueText(field: CaseField | undefined, value: Json, locale: Locale): string {
  if (value === null || value === undefined) return '–';
  if (field?.type === 'choice') return wordOf(named(field.choices, String(value)), locale, String(value));
  if (field?.type === 'time') {
    const at = Date.parse(String(value));
    return Number.isNaN(at) ? String(value) : dateTime(at);
  }
  if (typeof value === 'boolean') return value ? (locale === 'zh' ? '是' : 'yes') : locale === 'zh' ? '否' : 'no';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

export interface Due {
  text: string;
  late: boolean;
}
export function dueOf(one: Pick<Case, 'due' | 'closed'>, now: number, locale: Locale): Due | null {
  if (one.due === null || one.closed) return null;
  const late = one.due < now;
  return { late, text: span(Math.abs(one.due - now), locale) };
}

/** Actions as the kind orders them: first what may be done, then the others. */
export function offersOf(kind: CaseKind, offers: Offer[]): { action: CaseAction; offer: Offer }[] {
  const all = offers.flatMap((offer) => {
    const action = named(kind.actions, offer.name);
    return action ? [{ action, offer }] : [];
  });
  return [...all.filter((one) => one.offer.may), ...all.filter((one) => !one.offer.may)];
}
/** The action that leads on, which stands out: not back to an earlier state, nor to an end that nobody hopes for. */
export function nextOf(kind: CaseKind, state: string, actions: CaseAction[]): string | undefined {
  const place = (name: string): number => kind.states.findIndex((one) => one.name === name);
  return actions.find((one) => place(one.to) > place(state) && !['bad', 'calm'].includes(named(kind.states, one.to)?.tone ?? 'bad'))?.name;
}
/** What holds where nobody says otherwise: the minutes of the deadline that a field replaces. */
export function usualOf(kind: CaseKind, field: CaseField): string {
  const deadline = kind.deadlines.find((one) => one.after_field === field.name);
  return deadline ? String(deadline.after_s / 60) : '';
}
/** A refusal of an action without the action's name before it; a guard is told in the reader's language. */
export function refusalText(action: CaseAction, text: string, locale: Locale): string {
  const bare = text.replace(new RegExp(`^${action.name}[:：]\\s*`), '');
  // What it cannot be decided without may stand behind it.
  return action.guard_en !== '' && bare.startsWith(action.guard_en) ? guardText(action, locale) + bare.slice(action.guard_en.length) : bare;
}
/** Why an action is not for the caller: "four" = who did it before may not, "parties" = for others alone, "" = as the server says. */
export function whyNot(kind: CaseKind, action: CaseAction, offer: Offer, steps: Step[], me: string, locale: Locale): { why: 'four' | 'parties' | ''; did?: CaseAction; text: string } {
  const text = refusalText(action, offer.why_not ?? '', locale);
  // The server names actions and people as programs do; the kind has words for them, in either language.
  if (/a second person is asked for|须由第二人/.test(text)) return { why: 'four', did: named(kind.actions, steps.find((step) => step.who === me && action.unlike.includes(step.action))?.action ?? ''), text };
  if (/^for .* alone$|^仅限/.test(text)) return { why: 'parties', text };
  return { why: '', text };
}

/** The kinds that a person with this role may open by a form: none whose beginning takes JSON. */
export function openable(kinds: CaseKind[], role: Role): CaseKind[] {
  return kinds.filter((kind) => {
    const open = named(kind.actions, 'open');
    if (!open || open.takes.some((name) => named(kind.fields, name)?.type === 'json')) return false;
    return open.by.some((name) => roleOrder.indexOf(named(kind.parties, name)?.role ?? 'admin') <= roleOrder.indexOf(role));
  });
}

/** The columns of a board: the states in their order, each with its cases. */
export function boardOf(kind: CaseKind, list: Case[], closedToo: boolean): { state: CaseState; cases: Case[] }[] {
  const own = list.filter((one) => one.kind === kind.name);
  return kind.states.filter((state) => closedToo || !state.final).map((state) => ({ state, cases: own.filter((one) => one.state === state.name) }));
}

/** "li" and "user:li" are the same person. */
export const userOf = (name: string): string => (name.trim().startsWith('user:') ? name.trim() : 'user:' + name.trim());

/** The approval policy that holds for a resource; of several one that asks for an administrator. */
export function policyOf(policies: Resource[], plural: string, name: string): Resource | null {
  const found = policies.filter((one) => Array.isArray(one.spec.kinds) && one.spec.kinds.includes(plural) && (Array.isArray(one.spec.names) ? (one.spec.names as string[]) : ['**']).some((glob) => globMatcher(glob)(name)));
  return found.find((one) => one.spec.approver !== 'engineer') ?? found[0] ?? null;
}
/** Whether the refusal itself says that a second person has to approve. */
export const asksForApproval = (text: string): boolean => /approval policy|needs approval|审批策略|须经.*批准/.test(text);

const pagesOf: Record<string, string> = {
  connections: 'connections', devices: 'devices', device_types: 'deviceTypes', device_templates: 'deviceTemplates', mappings: 'mappings', sites: 'sites', virtual_tags: 'virtualTags', tag_aliases: 'aliases',
  rules: 'rules', users: 'users', roles: 'roles', tokens: 'tokens', retentions: 'retention', holds: 'holds', tenants: 'tenants', approval_policies: 'approvalPolicies', packages: 'packages', trusted_signers: 'packages', message_hooks: 'messageHooks', modbus_servers: 'modbusServers',
};
export type Target = { name: string; query?: Record<string, string>; params?: Record<string, string> };
/** Where a resource is looked at; null for kinds without a page. */
export function pageOf(plural: string, name: string): Target | null {
  if (plural === 'dashboards') return { name: 'dashboard', params: { name } };
  return pagesOf[plural] ? { name: pagesOf[plural]!, query: { open: name } } : null;
}

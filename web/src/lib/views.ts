// Saved views: how a page is looked at, as its address says it. No state.
import type { Resource, Spec } from '@/api/resources';

export type Query = Record<string, string[]>;
export interface View {
  name: string;
  revision: number;
  title: string;
  page: string;
  query: Query;
  owner: string;
  shared: boolean;
  standard: boolean;
}
/** What is open just now and what is begun belongs to no view. */
const passing = new Set(['open', 'tab', 'new', 'edit', 'wall']);

export function queryOf(query: Record<string, unknown>): Query {
  const out: Query = {};
  for (const key of Object.keys(query).sort()) {
    if (passing.has(key)) continue;
    const values = (Array.isArray(query[key]) ? (query[key] as unknown[]) : [query[key]]).filter((v) => v !== undefined).map((v) => String(v ?? ''));
    if (values.length) out[key] = values;
  }
  return out;
}
export const sameQuery = (a: Query, b: Query): boolean => {
  const text = (q: Query): string => JSON.stringify(Object.keys(q).sort().map((key) => [key, q[key]]));
  return text(a) === text(b);
};
export function viewOf(resource: Resource): View {
  const spec: Spec = resource.spec;
  const raw = (spec.query ?? {}) as Record<string, unknown>;
  const query = Object.fromEntries(Object.entries(raw).map(([key, v]) => [key, Array.isArray(v) ? v.map(String) : []]));
  return { name: resource.name, revision: resource.revision, title: String(spec.title ?? ''), page: String(spec.page ?? ''), query, owner: String(spec.owner ?? ''), shared: spec.shared === true, standard: spec.standard === true };
}
/** A name for a view that is its own, from what it is called. */
export function nameFor(page: string, title: string, taken: string[]): string {
  const word = title.trim().toLowerCase().replace(/[^\p{L}\p{N}_-]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 40) || 'view';
  let free = `${page}-${word}`;
  // Others' views are not seen: a number alone could meet one of them.
  for (let n = 2; taken.includes(free); n++) free = `${page}-${word}-${n}`;
  return free;
}

/** Which columns are hidden: the standard ones, and what the address says otherwise ("group,-rule": with group, without rule). */
export function hiddenColumns(standard: string[], word: unknown): Set<string> {
  const out = new Set(standard);
  for (const key of typeof word === 'string' ? word.split(',').filter(Boolean) : []) {
    if (key.startsWith('-')) out.add(key.slice(1));
    else out.delete(key);
  }
  return out;
}
export function columnsWord(standard: string[], hidden: Set<string>): string | undefined {
  const words = [...standard.filter((key) => !hidden.has(key)), ...[...hidden].filter((key) => !standard.includes(key)).map((key) => '-' + key)];
  return words.sort().join(',') || undefined;
}

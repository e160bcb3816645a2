import { call, get, part, post } from './http';
import type { Role } from './session';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Spec = { [key: string]: Json };

/** JSON Schema 2020-12 with the hints for forms. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: Json[];
  const?: Json;
  default?: Json;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  additionalProperties?: boolean | Schema;
  $ref?: string;
  $defs?: Record<string, Schema>;
  anyOf?: Schema[];
  oneOf?: Schema[];
  'x-title-zh'?: string;
  'x-title-en'?: string;
  'x-help-zh'?: string;
  'x-help-en'?: string;
  'x-unit'?: string;
  'x-order'?: number;
  'x-secret'?: boolean;
  'x-ref'?: string;
  'x-widget'?: 'expression' | 'password' | 'multiline' | 'duration' | 'days' | 'json' | 'origin' | 'tag' | 'rotation';
  'x-if'?: { field: string; equals: Json | Json[] };
  'x-absent'?: { field: string; values: Record<string, Json> };
  'x-enum-zh'?: string[] | Record<string, string>;
  'x-enum-en'?: string[] | Record<string, string>;
}

export interface Kind {
  name: string;
  plural: string;
  class: string;
  /** Names of this kind are paths, with slashes. */
  path_names?: boolean;
  title: { zh: string; en: string };
  about: { zh: string; en: string };
  read_role: Role;
  write_role: Role;
  schema: Schema;
}

export interface Resource<S extends object = Spec> {
  kind: string;
  name: string;
  uid: string;
  revision: number;
  created: number;
  updated: number;
  by: string;
  spec: S;
}

export interface Difference {
  path: string;
  before: Json;
  after: Json;
}
export interface Change {
  what: 'created' | 'updated' | 'deleted' | 'unchanged';
  resource: Resource;
  differences: Difference[];
  /** What is odd about it, though it is stored. */
  warnings?: { tag: string; text: string; text_zh: string }[];
}
export interface Revision {
  revision: number;
  time: number;
  by: string;
  what: string;
  spec: Spec;
}

const ms = { precision: 'ms' };

export const kinds = (): Promise<{ kinds: Kind[] }> => get('/kinds');
export const list = async (plural: string): Promise<Resource[]> =>
  (await get<{ items: Resource[] }>('/' + plural, ms)).items;
export const one = (plural: string, name: string): Promise<Resource> => get(`/${plural}/${part(name)}`, ms);
export const put = (plural: string, name: string, spec: object, revision: number, dryRun = false): Promise<Change> =>
  call<Change>('PUT', `/${plural}/${part(name)}`, {
    body: { spec },
    ifMatch: revision,
    query: { ...ms, dry_run: dryRun ? 1 : undefined },
  });
export const patch = (plural: string, name: string, spec: object, revision?: number): Promise<Change> =>
  call<Change>('PATCH', `/${plural}/${part(name)}`, { body: spec, ifMatch: revision, query: ms });
export const remove = (plural: string, name: string): Promise<void> => call<void>('DELETE', `/${plural}/${part(name)}`);
export const revisions = async (plural: string, name: string): Promise<Revision[]> =>
  (await get<{ revisions: Revision[] }>(`/${plural}/${part(name)}/revisions`, ms)).revisions;
export const rollback = (plural: string, name: string, revision: number): Promise<Change> =>
  post(`/${plural}/${part(name)}:rollback`, { revision });
export const rename = (plural: string, name: string, fresh: string): Promise<Change> =>
  post(`/${plural}/${part(name)}:rename`, { name: fresh });

export const issueToken = (name: string): Promise<{ token: string }> => post(`/tokens/${part(name)}:issue`);
export const deviceCredential = (name: string): Promise<{ username: string; password: string }> =>
  post(`/devices/${part(name)}:credential`);
export const setPassword = (user: string, password: string): Promise<void> =>
  post(`/users/${part(user)}:password`, { password });

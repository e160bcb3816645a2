// A difference as people read it: the labels of the form, values with their units, secrets never.
import type { Difference, Json, Schema, Spec } from '@/api/resources';
import { unit, type Locale } from './format';
import { applies, choiceTitle, fields, resolve, title } from './schema';

export interface Words {
  yes: string;
  no: string;
  secretSet: string;
  secretUnset: string;
  secretChanged: string;
  items: (n: number) => string;
}
export interface ChangeRow {
  /** From the outermost field to the changed one. */
  place: string[];
  path: string;
  before: string | null;
  after: string | null;
}

const isObject = (v: Json | undefined): v is Spec => typeof v === 'object' && v !== null && !Array.isArray(v);
const nameOf = (item: Json | undefined): string => (isObject(item) && typeof item.name === 'string' ? item.name : '');
const empty = (v: Json | undefined): boolean => v === null || v === undefined || v === '' || (Array.isArray(v) && !v.length) || (isObject(v) && !Object.keys(v).length);

interface Found {
  labels: string[];
  schema: Schema;
}
/**
 * Follows a path of the server (`properties[3].address.scale`) through the schema. Keys of a map may hold dots and slashes:
 * what is left belongs to the key, but for a last word that is a field of the map's values.
 */
function locate(path: string, root: Schema, spec: Json, locale: Locale): Found {
  let schema = resolve(root, root);
  let value: Json | undefined = spec;
  let rest = path;
  const labels: string[] = [];
  while (rest) {
    const index = /^\[(\d+)\]\.?/.exec(rest);
    if (index) {
      value = Array.isArray(value) ? value[Number(index[1])] : undefined;
      labels.push(nameOf(value) || `#${Number(index[1]) + 1}`);
      schema = resolve(schema.items ?? {}, root);
      rest = rest.slice(index[0].length);
      continue;
    }
    if (!schema.properties && typeof schema.additionalProperties === 'object') {
      const inner = resolve(schema.additionalProperties, root);
      const cut = rest.lastIndexOf('.');
      const field = cut < 0 ? undefined : inner.properties?.[rest.slice(cut + 1)];
      labels.push(field ? rest.slice(0, cut) : rest);
      if (field) labels.push(title(resolve(field, root), rest.slice(cut + 1), locale));
      return { labels, schema: field ? resolve(field, root) : inner };
    }
    const key = /^[^.[]+/.exec(rest)?.[0] ?? rest;
    rest = rest.slice(key.length).replace(/^\./, '');
    schema = resolve(schema.properties?.[key] ?? {}, root);
    value = isObject(value) ? value[key] : undefined;
    labels.push(title(schema, key, locale));
  }
  return { labels, schema };
}

function shown(value: Json, schema: Schema, root: Schema, locale: Locale, words: Words): string {
  if (schema['x-secret']) return words.secretSet;
  if (typeof value === 'boolean') return value ? words.yes : words.no;
  if (schema.enum) return choiceTitle(schema, value, locale);
  if (typeof value === 'number') return schema['x-unit'] ? `${value}\u2009${unit(schema['x-unit'])}` : String(value);
  if (typeof value === 'string') return schema['x-unit'] && /^-?[\d.]+$/.test(value) ? `${value}\u2009${unit(schema['x-unit'])}` : value;
  if (Array.isArray(value)) {
    const item = resolve(schema.items ?? {}, root);
    const names = value.map((one) => (isObject(one) ? nameOf(one) : shown(one, item, root, locale, words)));
    return names.every(Boolean) ? `${words.items(value.length)}: ${names.join(', ')}` : words.items(value.length);
  }
  if (!isObject(value)) return '';
  return parts(value, schema, root).map(([key, field, v]) => `${title(field, key, locale)}: ${shown(v, field, root, locale, words)}`).join('\n');
}
/** The fields of an object that say something, in the order of the form. */
function parts(value: Spec, schema: Schema, root: Schema): [string, Schema, Json][] {
  const known = fields(schema);
  const inner = typeof schema.additionalProperties === 'object' ? resolve(schema.additionalProperties, root) : {};
  const all: [string, Schema][] = [...known.filter(([key, f]) => key in value && applies(f, value, schema)), ...Object.keys(value).filter((key) => !schema.properties?.[key]).map((key): [string, Schema] => [key, inner])];
  return all.filter(([key]) => !empty(value[key])).map(([key, f]) => [key, resolve(f, root), value[key]!]);
}

/** `spec` is the newer content: it names the items of lists. */
export function changeRows(differences: Difference[], root: Schema | null, spec: Json, locale: Locale, words: Words): ChangeRow[] {
  const rows: ChangeRow[] = [];
  const take = (path: string, before: Json, after: Json): void => {
    const { labels, schema } = root ? locate(path, root, spec, locale) : { labels: path ? [path] : [], schema: {} as Schema };
    const whole = isObject(before) ? before : after;
    // A new resource, or a whole group that came or went, is told field by field.
    if (isObject(whole) && (before === null || after === null) && !schema['x-secret'] && (!path || schema.properties)) {
      const told = root ? parts(whole, schema, root) : Object.entries(whole).map(([key, v]): [string, Schema, Json] => [key, {}, v]);
      for (const [key, , v] of told) take(path ? `${path}.${key}` : key, before === null ? null : v, after === null ? null : v);
      return;
    }
    const say = (v: Json): string | null => (empty(v) ? null : shown(v, schema, root ?? {}, locale, words));
    // From nothing to nothing, as a default that is empty: nobody changed anything.
    if (empty(before) && empty(after)) return;
    const row: ChangeRow = { place: labels, path, before: say(before), after: say(after) };
    if (schema['x-secret']) {
      row.before ??= words.secretUnset;
      row.after = row.after === null ? words.secretUnset : empty(before) ? words.secretSet : words.secretChanged;
    }
    rows.push(row);
  };
  for (const one of differences) take(one.path, one.before, one.after);
  return rows;
}

/** What differs between two contents, field by field; a null is nothing at all. */
export function differencesOf(before: Json | undefined, after: Json | undefined): Difference[] {
  const flat = (value: Json | undefined, place: string, out: Map<string, Json>): Map<string, Json> => {
    if (Array.isArray(value)) value.forEach((v, i) => flat(v, `${place}[${i}]`, out));
    else if (value && typeof value === 'object') for (const [k, v] of Object.entries(value)) flat(v, place ? `${place}.${k}` : k, out);
    else if (value !== undefined && (value !== null || place)) out.set(place, value);
    return out;
  };
  const [old, fresh] = [flat(before, '', new Map()), flat(after, '', new Map())];
  const places = [...new Set([...old.keys(), ...fresh.keys()])];
  return places.filter((p) => old.get(p) !== fresh.get(p)).map((path) => ({ path, before: old.get(path) ?? null, after: fresh.get(path) ?? null }));
}

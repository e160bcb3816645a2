// Reading JSON Schema for forms: titles, order, defaults, conditions, checks. The server has the last word.
import type { Json, Schema, Spec } from '@/api/resources';
import type { Locale } from './format';

export function resolve(schema: Schema, root: Schema): Schema {
  if (schema.$ref?.startsWith('#/$defs/')) return { ...root.$defs?.[schema.$ref.slice(8)], ...schema, $ref: undefined };
  const choice = (schema.anyOf ?? schema.oneOf)?.find((s) => s.type !== 'null');
  if (choice) return { ...resolve(choice, root), ...schema, anyOf: undefined, oneOf: undefined };
  return schema;
}
export function typeOf(schema: Schema): string {
  const type = Array.isArray(schema.type) ? schema.type.find((t) => t !== 'null') : schema.type;
  if (type) return type;
  if (schema.enum) return 'string';
  return schema.properties ? 'object' : 'any';
}
export function nullable(schema: Schema): boolean {
  return Array.isArray(schema.type) && schema.type.includes('null');
}
export const title = (schema: Schema, key: string, locale: Locale): string =>
  (locale === 'zh' ? schema['x-title-zh'] : schema['x-title-en']) ?? schema.title ?? key.replaceAll('_', ' ');
export const help = (schema: Schema, locale: Locale): string =>
  (locale === 'zh' ? schema['x-help-zh'] : schema['x-help-en']) ?? schema.description ?? '';
export function choiceTitle(schema: Schema, value: Json, locale: Locale): string {
  const names = locale === 'zh' ? schema['x-enum-zh'] : schema['x-enum-en'];
  if (Array.isArray(names)) return names[(schema.enum ?? []).indexOf(value)] ?? String(value);
  return names?.[String(value)] ?? String(value);
}
export function fields(schema: Schema): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).sort(([, a], [, b]) => (a['x-order'] ?? 1000) - (b['x-order'] ?? 1000));
}
/** Whether a field is shown beside `siblings`; `of` is the object's schema: what hangs on a field that is not shown is not shown either. */
export function applies(schema: Schema, siblings: Spec, of: Schema): boolean {
  const rule = schema['x-if'];
  if (!rule) return true;
  const decides = of.properties?.[rule.field];
  if (decides && !applies(decides, siblings, of)) return false;
  const value = siblings[rule.field] ?? decides?.default ?? null;
  return Array.isArray(rule.equals) ? rule.equals.includes(value) : value === rule.equals;
}
/** What holds while a field is empty: always the same, or by another one, as the usual port of the chosen protocol. */
export function standsIn(schema: Schema, siblings: Spec, of: Schema): Json {
  const rule = schema['x-absent'];
  if (!rule) return typeof schema.default === 'object' || schema.default === '' ? null : (schema.default ?? null);
  return rule.values[String(siblings[rule.field] ?? of.properties?.[rule.field]?.default ?? '')] ?? null;
}
export function fresh(schema: Schema, root: Schema): Json {
  const s = resolve(schema, root);
  if (s.default !== undefined) return structuredClone(s.default);
  if (nullable(s)) return null;
  switch (typeOf(s)) {
    case 'object': {
      const out: Spec = {};
      for (const [key, field] of fields(s)) {
        const r = resolve(field, root);
        if (r.default !== undefined || s.required?.includes(key)) out[key] = fresh(r, root);
      }
      return out;
    }
    case 'array': return [];
    case 'boolean': return false;
    case 'integer': case 'number': return null;
    default: return s.enum ? (s.enum[0] ?? '') : '';
  }
}

export interface Flaw {
  place: string;
  key: string;
  values: Record<string, string | number>;
}
const durationPattern = /^(\d+(\.\d+)?(ns|us|ms|s|m|h|d))+$/;

/** What the form can tell before the server is asked. Places are written as the server writes them: a[0].b */
export function flaws(schema: Schema, value: Json, root: Schema = schema, place = '', required = true): Flaw[] {
  const s = resolve(schema, root);
  const flaw = (key: string, values: Flaw['values'] = {}): Flaw[] => [{ place, key: 'form.' + key, values }];
  const empty = value === null || value === undefined || value === '';
  if (empty) return required && !nullable(s) && (value !== '' || (s.minLength ?? 0) > 0 || s.enum) && s.default === undefined ? flaw('required') : [];
  switch (typeOf(s)) {
    case 'object': {
      if (s['x-secret'] || typeof value !== 'object' || Array.isArray(value)) return [];
      return fields(s).filter(([, f]) => applies(f, value, s)).flatMap(([key, f]) => flaws(f, value[key] ?? null, root, place ? `${place}.${key}` : key, s.required?.includes(key) ?? false));
    }
    case 'array': {
      if (!Array.isArray(value)) return [];
      const own = s.minItems && value.length < s.minItems ? flaw('minItems', { n: s.minItems }) : [];
      return [...own, ...value.flatMap((one, i) => (s.items ? flaws(s.items, one, root, `${place}[${i}]`, true) : []))];
    }
    case 'integer': case 'number': {
      if (typeof value !== 'number') return flaw('notNumber');
      if (typeOf(s) === 'integer' && !Number.isInteger(value)) return flaw('notInteger');
      if (s.minimum !== undefined && value < s.minimum) return flaw('min', { n: s.minimum });
      if (s.maximum !== undefined && value > s.maximum) return flaw('max', { n: s.maximum });
      return [];
    }
    case 'string': {
      if (typeof value !== 'string') return [];
      if (s.maxLength !== undefined && value.length > s.maxLength) return flaw('long', { n: s.maxLength });
      if (s['x-widget'] === 'duration' && !durationPattern.test(value)) return flaw('duration');
      if (s['x-widget'] === 'days' && !(durationPattern.test(value) && /[1-9]\d*d|[1-9]\d{2,}h|(2[4-9]|[3-9]\d)h/.test(value))) return flaw('days');
      if (s.pattern && !new RegExp(s.pattern, 'u').test(value)) return flaw('pattern', { pattern: s.pattern });
      return [];
    }
    default: return [];
  }
}

/** Without fields that do not apply and were only filled in by their defaults: a port that dials out has no baud rate. */
export function settled(schema: Schema, spec: Spec): Spec {
  const idle = ([key, value]: [string, Json]): boolean => {
    const field = schema.properties?.[key];
    return field !== undefined && !applies(field, spec, schema) && JSON.stringify(value) === JSON.stringify(field.default ?? null);
  };
  return Object.fromEntries(Object.entries(spec).filter((one) => !idle(one)));
}

/** Leaves out what is empty and was never set, so that the server's defaults hold. */
export function pruned(value: Json): Json {
  if (Array.isArray(value)) return value.map(pruned);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined && v !== null && v !== '').map(([k, v]) => [k, pruned(v)]));
}

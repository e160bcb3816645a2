import type { Json, Spec } from '@/api/resources';
import type { Locale } from './format';

const text = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** What people call a thing: in their language, else the title for all languages, else the other one, else "". */
export function titleIn(spec: Spec | null | undefined, locale: Locale): string {
  if (!spec) return '';
  const [own, other] = locale === 'zh' ? ['title_zh', 'title_en'] : ['title_en', 'title_zh'];
  return text(spec[own!]) || text(spec.title) || text(spec[other!]);
}

/** The title of a kind behind “New”: names keep their capital, and a Latin word stands apart from a Chinese one. */
export function kindBehind(title: string, locale: Locale): string {
  if (locale === 'zh') return /^[A-Za-z]/.test(title) ? ' ' + title : title;
  return /^Modbus\b/.test(title) ? title : title.toLowerCase();
}

/** `site/line/pump.flow` is the property `flow` of the device `site/line/pump`. */
export function splitTag(path: string): { device: string; property: string } {
  const dot = path.indexOf('.', path.lastIndexOf('/') + 1);
  return dot < 0 ? { device: path, property: '' } : { device: path.slice(0, dot), property: path.slice(dot + 1) };
}

/** `text` with `title` where it says `name`, but not where the name is only a part of a longer one. */
export function inWords(text: string, name: string, title: string): string {
  if (!name || !title) return text;
  let out = '';
  let rest = text;
  for (let at = rest.indexOf(name); at >= 0; at = rest.indexOf(name)) {
    const whole = !/[\p{L}\p{N}_/.-]$/u.test(rest.slice(0, at)) && !/^(?:[\p{L}\p{N}_/-]|\.[\p{L}\p{N}_])/u.test(rest.slice(at + name.length));
    out += rest.slice(0, at) + (whole ? title : name);
    rest = rest.slice(at + name.length);
  }
  return out + rest;
}

/** The tags asked for by the names they have now, as the answer tells them in the same order; null where nothing is called otherwise. */
export function withNames(asked: string[], found: string[]): string[] | null {
  const old = asked.filter((path) => !found.includes(path));
  const fresh = found.filter((path) => !asked.includes(path));
  if (!fresh.length || old.length !== fresh.length) return null;
  return asked.map((path) => (old.includes(path) ? fresh[old.indexOf(path)]! : path));
}

// What the first start asks for, and whether an answer will do. The server decides in the end; this tells while one types.
import type { FirstSite } from '@/api/setup';
import type { Locale } from '@/lib/format';

export type PasswordFault = '' | 'short' | 'long' | 'name';
export type NameFault = '' | 'empty' | 'characters' | 'dots' | 'long';

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The rules of the server: 10 characters, 1024 bytes, not the user's name. */
export function passwordFault(password: string, user: string): PasswordFault {
  if ([...password].length < 10) return 'short';
  if (bytesOf(password) > 1024) return 'long';
  return password.toLowerCase() === user.toLowerCase() ? 'name' : '';
}

/** The first part of every path: letters (Chinese too), digits, _ - and dot. */
export function nameFault(name: string): NameFault {
  if (!name) return 'empty';
  if (bytesOf(name) > 200) return 'long';
  if (/^\.{1,2}$/.test(name)) return 'dots';
  return /^[\p{L}\p{N}\p{M}_.-]+$/u.test(name) ? '' : 'characters';
}

/** A short name out of a title: "Suzhou Plant 2" gives suzhou-plant-2; where no Latin letter is there, "plant". */
export function nameOf(title: string): string {
  const name = title.normalize('NFKD').toLowerCase().replace(/\p{M}/gu, '').replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return /[a-z]/.test(name) ? name.slice(0, 40).replace(/-+$/, '') : 'plant';
}

/** The time zone of this browser, as long as it has a place. */
export function ownZone(): string {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone && zone !== 'Etc/Unknown' ? zone : 'Asia/Shanghai';
}

/** What to write to have an option otherwise: a line of the file if the server has one, else of the command. */
export function optionLine(option: string, value: string, config: string): string {
  if (config) return `${option.replaceAll('-', '_')}: ${value}`;
  return value === 'true' ? `--${option}` : `--${option} ${/\s/.test(value) ? `'${value}'` : value}`;
}

export interface Draft {
  person: string;
  title: string;
  otherTitle: string;
  name: string;
  zone: string;
  sample: boolean;
}
export const emptyDraft = (): Draft => ({ person: '', title: '', otherTitle: '', name: '', zone: ownZone(), sample: false });

/** The title stands in the language of the page; the other one may be empty. */
export function wishOf(draft: Draft, locale: Locale): FirstSite {
  const titles = locale === 'zh' ? [draft.title, draft.otherTitle] : [draft.otherTitle, draft.title];
  return {
    name: draft.name.trim(), title_zh: titles[0]!.trim(), title_en: titles[1]!.trim(), time_zone: draft.zone.trim(),
    person: draft.person.trim(), sample: draft.sample,
  };
}

const key = 'gongshu.setup';
/** Somebody left the first steps for later, in this browser. */
export function isPutOff(): boolean {
  try {
    return localStorage.getItem(key) === 'later';
  } catch {
    return false;
  }
}
export function putOff(): void {
  try {
    localStorage.setItem(key, 'later');
  } catch {
    // Private windows may refuse: then it is asked again at the next visit.
  }
}

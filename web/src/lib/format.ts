// Numbers, times and sizes as people read them. No state: the locale and "now" are given.

export type Locale = 'zh' | 'en';
const tag = (locale: Locale): string => (locale === 'zh' ? 'zh-CN' : 'en-GB');

const numberFormats = new Map<string, Intl.NumberFormat>();
function numberFormat(locale: Locale, digits: number): Intl.NumberFormat {
  const key = locale + digits;
  let format = numberFormats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(tag(locale), { maximumSignificantDigits: digits });
    numberFormats.set(key, format);
  }
  return format;
}

/** A number with at most `digits` significant digits; whole numbers keep all of theirs. */
export function number(value: number | null | undefined, locale: Locale, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e12 || size < 1e-5)) return value.toExponential(Math.max(0, digits - 1));
  if (Number.isInteger(value)) return numberFormat(locale, 21).format(value);
  const whole = Math.floor(Math.log10(Math.max(size, 1))) + 1;
  return numberFormat(locale, Math.max(digits, whole)).format(value);
}

const nice: Record<string, string> = { degC: '°C', degF: '°F', celsius: '°C', percent: '%', 'kW.h': 'kWh', 'W.h': 'Wh', 'MW.h': 'MWh', '1': '', ohm: 'Ω', degree: '°', um: 'µm', us: 'µs' };
/** A UDUNITS text as people write it: m3/h becomes m³/h. */
export function unit(text: string | null | undefined): string {
  if (!text) return '';
  return nice[text] ?? text.replace(/([a-zA-Z])\^?([23])(?!\d)/g, (_, a: string, n: string) => a + (n === '2' ? '²' : '³')).replace(/\bdegC\b/g, '°C');
}

/** Any value of a tag, without unit. */
export function value(v: unknown, locale: Locale, digits = 4): string {
  if (v === null || v === undefined) return '–';
  if (typeof v === 'number') return number(v, locale, digits);
  if (typeof v === 'boolean') return v ? (locale === 'zh' ? '是' : 'yes') : locale === 'zh' ? '否' : 'no';
  return String(v);
}

/** Large counts in short form: 12.4 k, 3.1 M. */
export function count(value: number | null | undefined, locale: Locale): string {
  if (value === null || value === undefined) return '–';
  if (Math.abs(value) < 100_000) return numberFormat(locale, 21).format(Math.round(value));
  if (Math.abs(value) < 1e6) return numberFormat(locale, 3).format(value / 1e3) + '\u2009k';
  if (Math.abs(value) < 1e9) return numberFormat(locale, 3).format(value / 1e6) + '\u2009M';
  return numberFormat(locale, 3).format(value / 1e9) + '\u2009G';
}

export function bytes(value: number | null | undefined, locale: Locale): string {
  if (value === null || value === undefined) return '–';
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return numberFormat(locale, 3).format(size) + '\u2009' + units[unit];
}

/** A span of time in its two largest units: "3 s", "4 min", "2 h 5 min", "3 d 4 h". */
export function span(ms: number, locale: Locale): string {
  const zh = locale === 'zh';
  const s = Math.max(0, Math.floor(ms / 1000));
  const unit = (n: number, a: string, b: string): string => `${n}\u2009${zh ? a : b}`;
  if (s < 60) return unit(s, '秒', 's');
  const min = Math.floor(s / 60);
  if (min < 60) return unit(min, '分', 'min');
  const h = Math.floor(min / 60);
  if (h < 24) return unit(h, '小时', 'h') + (min % 60 && h < 10 ? ' ' + unit(min % 60, '分', 'min') : '');
  const d = Math.floor(h / 24);
  return unit(d, '天', 'd') + (h % 24 && d < 10 ? ' ' + unit(h % 24, '小时', 'h') : '');
}

export function ago(then: number | null | undefined, now: number, locale: Locale): string {
  if (!then) return '–';
  const passed = now - then;
  // The server's clock may be a little ahead of this one.
  if (passed < 0 && passed > -5000) return locale === 'zh' ? '刚刚' : 'now';
  if (passed < 0) return (locale === 'zh' ? '' : 'in ') + span(-passed, locale) + (locale === 'zh' ? '后' : '');
  if (passed < 1000) return locale === 'zh' ? '刚刚' : 'now';
  return span(passed, locale) + (locale === 'zh' ? '前' : ' ago');
}

const two = (n: number): string => String(n).padStart(2, '0');
/** Local time, ISO order in both languages: 2026-03-01 08:00:00. */
export function dateTime(ms: number | null | undefined, seconds = true): string {
  if (!ms) return '–';
  const d = new Date(ms);
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}` + (seconds ? ':' + two(d.getSeconds()) : '');
}
/** The time alone when it was today, else month and day too. */
export function shortTime(ms: number | null | undefined, now: number): string {
  if (!ms) return '–';
  const d = new Date(ms);
  const clock = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  if (new Date(now).toDateString() === d.toDateString()) return clock;
  return `${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock}`;
}
export function withZone(ms: number | null | undefined): string {
  if (!ms) return '';
  const offset = -new Date(ms).getTimezoneOffset();
  const sign = offset < 0 ? '-' : '+';
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${dateTime(ms)} UTC${sign}${two(Math.floor(Math.abs(offset) / 60))}:${two(Math.abs(offset) % 60)} (${zone})`;
}

/** What stands before the colon of "bad:timeout". */
export function qualityOf(text: string | null | undefined): 'good' | 'uncertain' | 'bad' {
  const word = (text ?? 'good').split(':')[0];
  return word === 'bad' || word === 'uncertain' ? word : 'good';
}

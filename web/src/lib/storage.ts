// What the storage page reckons from the server's numbers. No state.
import type { DayUse, TagOrder } from '@/api/storage';

/** A time and a value as programs hold them. */
export const plainBytes = 16;

/** Bytes a reading; null when there is none. */
export const perPoint = (bytes: number, rows: number): number | null => (rows > 0 ? bytes / rows : null);

const dayMs = 86_400_000;
const textOf = (day: number): string => new Date(day * dayMs).toISOString().slice(0, 10);

/** The last `count` UTC days up to that of `now`, those without readings too: a hole is a hole. */
export function wholeDays(days: DayUse[], count: number, now: number): DayUse[] {
  const known = new Map(days.map((one) => [one.day, one]));
  const today = Math.floor(now / dayMs);
  return Array.from({ length: count }, (_, i) => {
    const day = textOf(today - count + 1 + i);
    return known.get(day) ?? { day, rows: 0, bytes: 0 };
  });
}

/** A round number not below the largest, and the steps up to it: 1, 2 or 5 times a power of ten. */
export function ticks(largest: number, about = 4): number[] {
  if (!(largest > 0)) return [0];
  const rough = largest / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999)!;
  return Array.from({ length: Math.ceil(largest / step - 1e-9) + 1 }, (_, i) => i * step);
}

/** What is typed becomes a glob: a plain word is looked for anywhere in the path. */
export function globOf(typed: string): string {
  const text = typed.trim();
  if (!text) return '';
  return /[*?]/.test(text) ? text : `**${text}**`;
}

const orders: readonly TagOrder[] = ['bytes', 'rows', 'bytes_per_row'];
/** The order of the list, as it stands in the address, as the server knows it. */
export function orderOf(word: unknown): { order: TagOrder; ascending: boolean } {
  const text = typeof word === 'string' ? word : '';
  const order = orders.find((one) => one === text.replace('-', '')) ?? 'bytes';
  return { order, ascending: text === order };
}

/** How a disk stands: the share that is used, and whether it is worth a word. */
export function diskState(free: number, total: number, fullInMs: number | null): { used: number; scarce: boolean } {
  const used = total > 0 ? 1 - free / total : 0;
  return { used, scarce: total > 0 && (used > 0.9 || (fullInMs !== null && fullInMs < 30 * dayMs)) };
}

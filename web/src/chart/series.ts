// From the server's answer to what is drawn: aligned columns with explicit gaps, bands, hatches and the window's numbers.
import type { Series, Value } from '@/api/data';
import { qualityOf } from '@/lib/format';

export interface Line {
  key: string;
  unit: string;
  /** Seconds since 1970, rising. */
  xs: number[];
  ys: (number | null)[];
  lo: (number | null)[] | null;
  hi: (number | null)[] | null;
  /** Which rows are of uncertain quality; null when none is. */
  unsure: boolean[] | null;
  /** Spans of bad quality, seconds. */
  bad: [number, number][];
  stats: { last: number | null; min: number | null; max: number | null; avg: number | null; good: number | null };
  stepped: boolean;
}

const numeric = (v: Value | undefined): number | null => {
  if (typeof v === 'number') return Number.isFinite(v) ? v : null;
  if (typeof v === 'boolean') return v ? 1 : 0;
  // Whole numbers beyond 2^53 come as text.
  return typeof v === 'string' && /^-?\d+$/.test(v) ? Number(v) : null;
};

/** A bucket with less good readings than this share is drawn as uncertain, with less than half of them as bad. */
const mostlyGood = 0.9;
/** A hole wider than this many steps of its neighbourhood is a gap and stays one. */
const gapSteps = 6;
const neighbours = 5;

/**
 * The usual step around row i (between i-1 and i), in seconds: most of the steps near it are no longer. One number for the
 * whole line would not do: the past may be kept by the minute and the present by the second.
 */
function usualStep(xs: number[], i: number): number {
  const steps: number[] = [];
  for (let k = Math.max(1, i - neighbours); k <= Math.min(xs.length - 1, i + neighbours); k++) {
    if (k !== i) steps.push(xs[k]! - xs[k - 1]!);
  }
  if (steps.length < 2) return Infinity;
  steps.sort((a, b) => a - b);
  return steps[Math.floor(steps.length * 0.75)]!;
}

/** `asked`: the one aggregate that is drawn, without a band; else the average with the smallest and largest. */
export function lineOf(series: Series, bucketMs: number | null, asked?: string): Line {
  const column = (name: string): number => series.columns.indexOf(name);
  const t = column('ts');
  const aggregated = column('quality') < 0;
  const y = aggregated ? (asked ? column(asked) : column('avg') >= 0 ? column('avg') : column('last')) : column('value');
  const [lo, hi, n, good, q] = [asked ? -1 : column('min'), asked ? -1 : column('max'), asked ? -1 : column('count'), column('good_fraction'), column('quality')];
  const line: Line = { key: series.tag, unit: series.unit, xs: [], ys: [], lo: aggregated && lo >= 0 ? [] : null, hi: aggregated && hi >= 0 ? [] : null, unsure: null, bad: [], stats: { last: null, min: null, max: null, avg: null, good: null }, stepped: false };
  const times = series.rows.map((row) => Number(row[t]) / 1000);
  const { stats } = line;
  let sum = 0;
  let weight = 0;
  let goodSum = 0;
  let goodCount = 0;
  const push = (x: number, v: number | null, a: number | null, b: number | null): void => {
    line.xs.push(x);
    line.ys.push(v);
    line.lo?.push(a);
    line.hi?.push(b);
  };
  series.rows.forEach((row, i) => {
    const x = times[i]!;
    const before = i ? times[i - 1]! : x;
    const usual = bucketMs ? bucketMs / 1000 : usualStep(times, i);
    const widest = bucketMs ? usual * 1.5 : Math.max(usual * gapSteps, 2);
    if (i && x - before > widest) push(before + usual, null, null, null);
    const isBad = aggregated ? good >= 0 && Number(row[good]) < 0.5 : qualityOf(String(row[q] ?? '')) === 'bad';
    const v = !aggregated && isBad ? null : numeric(row[y]);
    const low = lo >= 0 ? numeric(row[lo]) : v;
    const high = hi >= 0 ? numeric(row[hi]) : v;
    if (typeof row[y] === 'boolean') line.stepped = true;
    const share = aggregated ? (good >= 0 ? Number(row[good]) : 1) : isBad ? 0 : 1;
    const isUnsure = !isBad && (aggregated ? share < mostlyGood : qualityOf(String(row[q] ?? '')) === 'uncertain');
    push(x, v, low, high);
    if (isUnsure) (line.unsure ??= [])[line.xs.length - 1] = true;
    if (isBad) {
      const end = Math.min(times[i + 1] ?? x + Math.min(usual, 60), x + widest);
      const last = line.bad[line.bad.length - 1];
      if (last && x - last[1] <= usual * 1.5) last[1] = end;
      else line.bad.push([x, end]);
    }
    goodSum += share;
    goodCount++;
    if (v === null) return;
    const count = n >= 0 ? Number(row[n]) || 1 : 1;
    sum += v * count;
    weight += count;
    stats.last = v;
    if (low !== null && (stats.min === null || low < stats.min)) stats.min = low;
    if (high !== null && (stats.max === null || high > stats.max)) stats.max = high;
  });
  stats.avg = weight ? sum / weight : null;
  stats.good = goodCount ? goodSum / goodCount : null;
  return line;
}

import { read, type ReadQuestion } from '@/api/data';
import { bucket } from '@/lib/range';
import { lineOf, type Line } from './series';

const rawUpToMs = 2 * 3600_000;
const aggregates = ['avg', 'min', 'max', 'count'];

export interface Plan {
  question: ReadQuestion;
  bucket: { word: string; ms: number } | null;
  /** The one aggregate that is asked for; none: the average with its band. */
  one?: string;
}

/** Short ranges come as readings thinned to the width, longer ones as buckets with smallest and largest. */
export function plan(tags: string[], from: number, to: number, width: number): Plan {
  const points = Math.max(100, Math.round(width));
  if (to - from <= rawUpToMs) return { question: { tags, from, to, points: points * 2 }, bucket: null };
  const size = bucket({ from, to }, points / 2);
  return { question: { tags, from, to, every: size.word, agg: aggregates }, bucket: size };
}

/** Always buckets, of one aggregate: bars no narrower than `px` points. */
export function planOf(tags: string[], from: number, to: number, width: number, one: string, px = 2): Plan {
  const size = bucket({ from, to }, Math.max(8, Math.round(width / px)));
  // Buckets begin at round times: the first one is asked for whole.
  const begin = Math.floor(from / size.ms) * size.ms;
  return { question: { tags, from: begin, to, every: size.word, agg: [one] }, bucket: size, one };
}

export async function readLines(p: Plan, signal?: AbortSignal): Promise<Line[]> {
  if (!p.question.tags.length) return [];
  const answer = await read(p.question, signal);
  return answer.series.map((series) => lineOf(series, p.bucket?.ms ?? null, p.one));
}

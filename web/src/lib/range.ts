// A time range as it stands in the address: "1h" (ends now and follows) or two fixed times in ms.

export interface Range {
  from: number;
  to: number;
  /** Length word when the range follows the clock. */
  live: string | null;
}

export const presets = ['15m', '1h', '6h', '24h', '2d', '7d', '30d', '90d', '180d'] as const;
const unitMs: Record<string, number> = { s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 };

export function lengthOf(word: string): number | null {
  const match = /^(\d+)([smhd])$/.exec(word);
  return match ? Number(match[1]) * unitMs[match[2]!]! : null;
}

export function parseRange(query: { range?: unknown; from?: unknown; to?: unknown }, now: number, standard = '1h'): Range {
  const from = Number(query.from);
  const to = Number(query.to);
  if (query.from && query.to && Number.isFinite(from) && Number.isFinite(to) && from < to) return { from, to, live: null };
  const word = typeof query.range === 'string' && lengthOf(query.range) ? query.range : standard;
  return { from: now - lengthOf(word)!, to: now, live: word };
}

export function rangeQuery(range: Range): Record<string, string | undefined> {
  if (range.live) return { range: range.live, from: undefined, to: undefined };
  return { range: undefined, from: String(Math.round(range.from)), to: String(Math.round(range.to)) };
}

const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800];
/** The bucket for `points` buckets over the range, as the server's word ("30s", "5m", "1d"); at least one second. */
export function bucket(range: { from: number; to: number }, points: number): { word: string; ms: number } {
  const wanted = (range.to - range.from) / 1000 / Math.max(points, 1);
  const s = steps.find((step) => step >= wanted) ?? steps[steps.length - 1]!;
  const word = s % 86400 === 0 ? `${s / 86400}d` : s % 3600 === 0 ? `${s / 3600}h` : s % 60 === 0 ? `${s / 60}m` : `${s}s`;
  return { word, ms: s * 1000 };
}

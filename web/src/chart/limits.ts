export interface Bound {
  /** What is compared: a property or its avg, min, max or last. */
  name: string;
  sign: string;
  value: number;
  /** As written behind the number; empty: the tag's own. */
  unit: string;
}
/**
 * What a condition compares with a number: `temperature > 80 degC and …` gives 80 degC of temperature. Durations are not
 * limits, and what has another unit than the tag (rate, count, since) has no place on the tag's axis.
 */
export function limitsOf(condition: string): Bound[] {
  const out: Bound[] = [];
  const pattern = /(?:\b(\w+)\(\s*)?([\p{L}_][\p{L}\p{N}_./-]*)\s*(?:,[^()]*)?\)?\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\d.]|(?:ms|s|m|h|d)\b)(?:\s*(?!(?:and|or|not|for)\b)([\p{L}%°][\p{L}\p{N}%°/^.*-]*))?/giu;
  for (const [, call, name, sign, value, unit] of condition.matchAll(pattern)) {
    if (call && !['avg', 'min', 'max', 'last', 'not'].includes(call.toLowerCase())) continue;
    const bound = { name: name!, sign: sign!, value: Number(value), unit: unit ?? '' };
    if (!out.some((b) => b.name === bound.name && b.value === bound.value)) out.push(bound);
  }
  return out.slice(0, 4);
}

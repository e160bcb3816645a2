/** The numbers that a condition compares with: `temperature > 80 degC and …` gives 80. Durations are not limits. */
export function limitsOf(condition: string): number[] {
  const out: number[] = [];
  const pattern = /(?:>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\d.]|(?:ms|s|m|h|d)\b)/gi;
  for (const match of condition.matchAll(pattern)) out.push(Number(match[1]));
  return [...new Set(out)].slice(0, 4);
}

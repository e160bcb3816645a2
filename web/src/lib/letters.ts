import type { Processed } from '@/api/data';

type Translate = (key: string, values?: Record<string, unknown>) => string;

/** What processing came to, in one sentence or two. */
export function processedText(done: Processed, t: Translate): string {
  const parts: string[] = [];
  if (done.processed || !done.failed) parts.push(t('dead.processed', { n: done.processed, readings: done.readings }));
  if (done.failed) parts.push(t('dead.stillFailed', { n: done.failed, reason: done.failures[0]?.reason ?? '' }));
  return parts.join(' · ');
}

/** JSON is shown with its lines; everything else as it came. */
export function readable(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 1);
  } catch {
    return payload;
  }
}

import { describe, expect, it } from 'vitest';
import { processedText, readable } from './letters';

const t = (key: string, values: Record<string, unknown> = {}): string => `${key} ${Object.values(values).join(' ')}`;

describe('what processing came to', () => {
  it('tells what was stored and what is left', () => {
    expect(processedText({ processed: 2, readings: 4, failed: 0, failures: [] }, t)).toBe('dead.processed 2 4');
    expect(processedText({ processed: 0, readings: 0, failed: 1, failures: [{ id: '1', reason: 'why' }] }, t)).toBe('dead.stillFailed 1 why');
    expect(processedText({ processed: 1, readings: 2, failed: 3, failures: [{ id: '1', reason: 'why' }] }, t)).toBe('dead.processed 1 2 · dead.stillFailed 3 why');
    expect(processedText({ processed: 0, readings: 0, failed: 0, failures: [] }, t)).toBe('dead.processed 0 0');
  });
});

describe('payloads for reading', () => {
  it('gives lines to JSON alone', () => {
    expect(readable('{"a":[1,2]}')).toBe('{\n "a": [\n  1,\n  2\n ]\n}');
    expect(readable('{"a":')).toBe('{"a":');
    expect(readable('on')).toBe('on');
  });
});

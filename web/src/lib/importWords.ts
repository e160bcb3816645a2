// What the server says of a line or a map of an import, in the page's language: without the place, which the page shows by itself.
export function importError(text: string): string {
  return text
    .replace(/^map: (?:columns\..*?\.(?=(?:unit|property|type|scale|offset|missing): ))?/s, '')
    .replace(/^.*(?:: line \d+: |: the last lines: |: 第 \d+ 行：|: 最后几行：|：第 \d+ 行：|：最后几行：)/s, '')
    .replace(/^(?:[a-z_]+\.)*[a-z_]+: (?=[^ -~])/, '');
}
/** "map: columns.T [degC].unit: …" tells of the column T [degC]; "map: time.zone: …" of the time. */
export function placeOf(text: string, columns: string[]): { part: 'file' | 'time' | 'path' | 'columns' | null; column?: string } {
  const m = /(?:^|: )(file|time|path|columns)\b/.exec(text.replace(/^map: /, ''));
  if (!m) return { part: null };
  const part = m[1] as 'file' | 'time' | 'path' | 'columns';
  if (part !== 'columns') return { part };
  const rest = text.slice(text.indexOf('columns.') + 8);
  return { part, column: columns.filter((c) => rest.startsWith(c)).sort((a, b) => b.length - a.length)[0] };
}

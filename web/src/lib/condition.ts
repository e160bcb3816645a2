const words = ['avg()', 'min()', 'max()', 'last()', 'rate()', 'since()', 'count()', 'and', 'or', 'not', 'for', 'is', 'quality'];

/** The word that ends at the caret: names, paths and dots belong to it. */
export function wordAt(text: string, caret: number): { start: number; text: string } {
  const match = /[\p{L}\p{N}_./%-]*$/u.exec(text.slice(0, caret));
  const word = match?.[0] ?? '';
  return { start: caret - word.length, text: word };
}

export function complete(word: string, names: string[], most = 8): string[] {
  const low = word.toLowerCase();
  const all = [...words.map((w) => w.replace('()', '(')), ...names];
  const starts = all.filter((name) => name.toLowerCase().startsWith(low) && name.toLowerCase() !== low);
  const holds = all.filter((name) => !name.toLowerCase().startsWith(low) && name.toLowerCase().includes(low));
  return [...starts, ...(low.length > 1 ? holds : [])].slice(0, most);
}

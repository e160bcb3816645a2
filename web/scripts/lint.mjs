// Small rules that the type checker does not know: words come from the table, colours from the tokens.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const found = [];
const files = [];
(function walk(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) walk(path);
    else if (/\.(vue|ts|css)$/.test(entry.name)) files.push(path);
  }
})('src');

// The table of words, read as text: `key: ['…', '…']` beneath groups.
const table = readFileSync('src/i18n/messages.ts', 'utf8');
const keys = new Set();
const groups = new Set();
{
  const stack = [];
  for (const token of table.matchAll(/(?:'([\w-]+)'|([\w-]+)):\s*(\{|\[)|(\})|'(?:[^'\\]|\\.)*'/g)) {
    const name = token[1] ?? token[2];
    if (token[3] === '{') {
      stack.push(name);
      groups.add(stack.join('.'));
    } else if (token[3] === '[') keys.add([...stack, name].join('.'));
    else if (token[4]) stack.pop();
  }
}
for (const [, zh, en] of table.matchAll(/\['((?:[^'\\]|\\.)*)', '((?:[^'\\]|\\.)*)'\]/g)) {
  const holes = (text) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]))].sort().join();
  if (holes(zh) !== holes(en)) found.push(`src/i18n/messages.ts: “${zh}” and “${en}” do not hold the same values`);
  if (/[!！]|请(?!求)|\bplease\b/i.test(zh + en)) found.push(`src/i18n/messages.ts: “${zh}” / “${en}”: no exclamation marks, no please`);
}

for (const file of files) {
  const text = readFileSync(file, 'utf8');
  const at = (index) => `${file}:${text.slice(0, index).split('\n').length}`;
  if (!file.endsWith('messages.ts')) {
    for (const m of text.matchAll(/\bt\(\s*'([\w.-]+)'/g)) {
      const key = m[1];
      if (key.endsWith('.') ? !groups.has(key.slice(0, -1)) : !keys.has(key)) found.push(`${at(m.index)}: no word “${key}” in src/i18n/messages.ts`);
    }
  }
  if (file.endsWith('.vue')) {
    const style = text.split('<style').slice(1).join('<style');
    for (const m of style.matchAll(/#[0-9a-f]{3,8}\b(?!\w)/gi)) found.push(`${file}: colour ${m[0]}; take one from styles/tokens.css`);
  }
  for (const m of text.matchAll(/v-html|innerHTML|https?:\/\/(?!www\.w3\.org)/g)) found.push(`${at(m.index)}: ${m[0]} is not allowed in the page`);
}
if (found.length) {
  console.error(found.join('\n'));
  process.exit(1);
}
console.log(`lint: ${files.length} files, ${keys.size} words in two languages`);

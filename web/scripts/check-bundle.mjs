// What the first page loads, compressed, stays below the limit; nothing comes from elsewhere; no script stands in the page.
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const limitKb = 350;
const manifest = JSON.parse(readFileSync('dist/.vite/manifest.json', 'utf8'));
const files = new Set(['index.html']);
const visit = (key) => {
  const chunk = manifest[key];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const next of chunk.imports ?? []) visit(next);
};
// Sign-in leads to the frame and the overview: the three together are the first page.
for (const key of ['index.html', 'src/frame/AppFrame.vue', 'src/pages/SignInPage.vue', 'src/pages/OverviewPage.vue']) {
  if (!manifest[key]) throw new Error(`check-bundle: ${key} is not in the manifest; name the entry here as the router does`);
  visit(key);
}
const size = (file) => gzipSync(readFileSync('dist/' + file), { level: 9 }).length;
const list = [...files].map((file) => [file, size(file)]).sort((a, b) => b[1] - a[1]);
const total = list.reduce((sum, [, bytes]) => sum + bytes, 0) / 1000;
const all = readdirSync('dist/assets').map((name) => size('assets/' + name)).reduce((sum, bytes) => sum + bytes, 0) / 1000;
console.log(`Pages: ${all.toFixed(0)} KB gzip, the first page ${total.toFixed(0)} KB of ${limitKb}`);
if (total > limitKb) {
  for (const [file, bytes] of list.slice(0, 6)) console.error(`${(bytes / 1000).toFixed(1).padStart(8)} KB  ${file}`);
  console.error(`The first page is ${(total - limitKb).toFixed(1)} KB too large: load charts and editors when they are used`);
  process.exit(1);
}
const html = readFileSync('dist/index.html', 'utf8');
if (/<script(?![^>]*\bsrc=)[^>]*>/.test(html)) throw new Error('index.html holds an inline script, which the policy of the page refuses');
for (const file of readdirSync('dist/assets').filter((name) => name.endsWith('.css'))) {
  const foreign = /url\(["']?(https?:)?\/\/[^)]+\)/.exec(readFileSync('dist/assets/' + file, 'utf8'));
  if (foreign) throw new Error(`${file} loads from elsewhere: ${foreign[0]}`);
}
// Only this check needs the manifest; the program carries the rest.
rmSync('dist/.vite', { recursive: true });

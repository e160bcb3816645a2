import { existsSync, readFileSync } from 'node:fs';
import { expect, test, type Page, type TestInfo } from '@playwright/test';
import { inspect, listen, signIn } from './help';

const zhOf = (info: TestInfo): boolean => info.project.name.startsWith('zh');
/** Answers that say no are no fault of the page: it is told what the server refuses. */
const faults = (said: string[]): string[] => said.filter((line) => !/Failed to load resource.*(?:400|403|404|501)/.test(line));

const gb: Record<string, string> = { 号: 'bac5', 窑: 'd2a4', 记: 'bcc7', 录: 'c2bc', 日: 'c8d5', 期: 'c6da', 时: 'cab1', 刻: 'bfcc', 温: 'cec2', '℃': 'a1e6', 风: 'b7e7', 量: 'c1bf', 断: 'b6cf', 线: 'cfdf' };
const gb18030 = (text: string): Buffer => Buffer.concat([...text].map((c) => (c.charCodeAt(0) < 128 ? Buffer.from(c) : Buffer.from(gb[c] ?? '3f', 'hex'))));
const two = (n: number): string => String(n).padStart(2, '0');

/** As the recorder of a kiln writes it: notes above the heading, date and time apart, a broken line, a value that is none, a time twice. */
function kiln(): Buffer {
  const lines = ['1号窑记录,,,', '日期,时刻,窑温(℃),风量[m3/h]'];
  for (let i = 0; i < 200; i++) lines.push(i === 9 ? '2024/3/1,00:09' : `2024/3/1,${two(Math.floor(i / 60))}:${two((i % 60) - (i === 31 ? 1 : 0))}:00,${i === 4 ? '断线' : (900 + i / 10).toFixed(1)},${i % 50 === 7 ? '--' : 5200 + (i % 90)}`);
  return gb18030(lines.join('\r\n') + '\r\n');
}
async function drop(page: Page, name: string, bytes: Buffer): Promise<void> {
  const data = await page.evaluateHandle(([text, file]) => {
    const out = new DataTransfer();
    out.items.add(new File([Uint8Array.from(atob(text!), (c) => c.charCodeAt(0))], file!));
    return out;
  }, [bytes.toString('base64'), name]);
  await page.locator('.drop').dispatchEvent('dragenter', { dataTransfer: data });
  await expect(page.locator('.drop')).toHaveClass(/over/);
  await page.locator('.drop').dispatchEvent('drop', { dataTransfer: data });
}
async function choose(page: Page, name: string, content: string | Buffer): Promise<void> {
  await page.goto('/#/imports');
  await page.locator('.drop input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(content) });
  await page.waitForURL(/#\/imports\/[^/?]+/);
  await expect(page.locator('.pane tbody tr').first()).toBeVisible();
}
const next = (page: Page) => page.locator('.head .el-button--primary');

// The mock reads no files: these are for the program itself.
if (process.env.BASE_URL) {
  test('a GB18030 file goes from the drop to its charts', async ({ page }, info) => {
    const said = listen(page);
    const name = `窑-${info.project.name}.csv`;
    await signIn(page);
    await page.goto('/#/imports');
    await drop(page, name, kiln());
    await expect(page.locator('.pane tbody tr')).toHaveCount(20);
    await expect(page.locator('main h1')).toHaveText(name);
    // Found out by itself: the encoding, the note above the heading, a date beside a time of day, the units.
    await expect(page.locator('.part').first()).toContainText('GB18030');
    await expect(page.locator('#i-skip')).toHaveValue('1');
    await expect(page.locator('.raw tr.head')).toContainText('窑温(℃)');
    await expect(page.locator('.read code')).toHaveText('2024/3/1 00:00:00');
    await expect(page.locator('.read b')).toHaveText('2024-03-01 00:00:00 UTC+8');
    await expect(page.locator('.pane thead')).toContainText('℃');
    await expect(page.locator('.pane .faults')).toContainText(zhOf(info) ? '第 7 行，列 窑温(℃) “断线”不是数字' : "line 7, column 窑温(℃) '断线' is no number");
    await inspect(page, info, 'import-map');

    // What cannot be is said beside its field and above the preview, and leads no further.
    const row = page.locator('.grid .line').filter({ hasText: '窑温(℃)' });
    await row.locator('input[list]').fill('grad');
    await expect(row.locator('.error')).toContainText(zhOf(info) ? '“grad”不是认识的单位' : 'is not a unit');
    await expect(next(page)).toBeDisabled();
    await inspect(page, info, 'import-map-error');
    await row.locator('input[list]').fill('degC');
    await row.locator('.in input').first().fill('kiln_temperature');
    await page.locator('#i-path').fill(`works/${info.project.name}/kiln`);
    await expect(page.locator('.pane thead')).toContainText('kiln_temperature');
    await expect(page.locator('.pane .where')).toContainText(`works/${info.project.name}/kiln`);
    await expect(next(page)).toBeEnabled();

    await next(page).click();
    await expect(page.locator('.tiles b').first()).toHaveText('393');
    await expect(page.locator('.tiles b').nth(2)).toHaveText('199');
    await expect(page.locator('.notes p')).toHaveCount(4);
    await expect(page.locator('.two .card').nth(1)).toContainText(zhOf(info) ? '这一行有 2 个字段，应为 4 个' : 'the line has 2 fields, 4 were expected');
    await expect(page.locator('.badge.fresh')).toHaveCount(2);
    await inspect(page, info, 'import-check');

    await next(page).click();
    await expect(page.locator('.outcome.done')).toBeVisible();
    await expect(page.locator('.tiles b').first()).toHaveText('393');
    await inspect(page, info, 'import-done');
    await page.locator('.outcome .el-button--primary').click();
    await expect(page).toHaveURL(/tag=.*kiln_temperature/);
    await expect(page.locator('.chart canvas').first()).toBeVisible();

    // Again with another unit: what is there is not touched, and that is said before.
    await choose(page, name, kiln());
    await page.locator('#i-path').fill(`works/${info.project.name}/kiln`);
    await page.locator('.grid .line').filter({ hasText: '窑温(℃)' }).locator('.in input').first().fill('kiln_temperature');
    await page.locator('.grid .line').filter({ hasText: '窑温(℃)' }).locator('input[list]').fill('K');
    await expect(page.locator('.pane thead')).toContainText('kiln_temperature');
    await next(page).click();
    await expect(page.locator('.badge.conflict')).toHaveCount(1);
    await expect(next(page)).toBeDisabled();
    await inspect(page, info, 'import-conflict');
    // Where what is there could not be asked for, the server still says it.
    await page.route('**/api/v1/tags?*', (route) => route.fulfill({ json: { tags: [], more: false } }));
    await page.reload();
    await next(page).click();
    await expect(page.locator('.outcome.failed')).toContainText(zhOf(info) ? '已有单位 degC，这里写的是 K' : 'has the unit degC already');
    await inspect(page, info, 'import-failed');
    expect(faults(said)).toEqual([]);
  });

  test('the temperature of a machine: 22 695 rows of a public data set', async ({ page }, info) => {
    const said = listen(page);
    const found = ['../../shared/data', '../../../shared/data'].map((p) => new URL(`../${p}/nab/machine_temperature_system_failure.csv`, import.meta.url).pathname).find(existsSync);
    // Where the data sets are not at hand: a file of the same form.
    const made = (): string => 'timestamp,value\n' + Array.from({ length: 22_695 }, (_, i) => `${new Date(Date.UTC(2013, 11, 2, 21, 15) + i * 300_000).toISOString().slice(0, 19).replace('T', ' ')},${(80 + 10 * Math.sin(i / 500)).toFixed(8)}\n`).join('');
    await signIn(page);
    await choose(page, `machine-${info.project.name}.csv`, found ? readFileSync(found) : made());
    await page.locator('.grid .line').nth(2).locator('input[list]').fill('degF');
    await page.locator('#i-path').fill(`works/${info.project.name}/machine`);
    await expect(page.locator('.pane thead')).toContainText('°F');
    await next(page).click();
    await expect(page.locator('.tiles b').nth(2)).toHaveText('22,695');
    await next(page).click();
    await expect(page.locator('.outcome.done')).toBeVisible();
    await page.locator('.two a').first().click();
    await expect(page).toHaveURL(/from=1385990099999&to=/);
    await expect(page.locator('.chart canvas').first()).toBeVisible();
    await page.goto('/#/imports');
    await expect(page.locator('.line').first()).toBeVisible();
    await inspect(page, info, 'imports-list');
    expect(faults(said)).toEqual([]);
  });

  test('layout, time and map by hand; a kept map is offered for the next file', async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    await choose(page, 'loop.txt', 'no|flow|pump\n' + Array.from({ length: 40 }, (_, i) => `${i + 1}|${(i * 1.5).toFixed(1).replace('.', ',')}|P${(i % 2) + 1}\n`).join(''));
    // No time in the file: counted from a start.
    await expect(page.locator('.segment [aria-pressed=true]')).toHaveText(zhOf(info) ? '按行号推算' : 'By row');
    await page.locator('#i-start').fill('2024-05-01T08:00:00+08:00');
    await page.locator('#i-step').fill('10 minutes');
    await expect(page.locator('.part .error').first()).toBeVisible();
    await page.locator('#i-step').fill('10m');
    await expect(page.locator('.pane tbody tr').nth(1)).toContainText('2024-05-01 08:10:00');
    // A column into the path: two places.
    const pump = page.locator('.grid .line').filter({ hasText: 'pump' });
    await pump.locator('.el-checkbox').click();
    await page.locator('#i-path').fill('works/loop');
    await page.locator('.chip').filter({ hasText: 'pump' }).click();
    await expect(page.locator('#i-path')).toHaveValue('works/loop/{pump}');
    await expect(page.locator('.pane thead')).toContainText('works/loop/P2');
    await page.locator('.grid .line').filter({ hasText: 'flow' }).locator('.act button').click();
    await inspect(page, info, 'import-by-hand');
    // Without a header columns go by number.
    await page.locator('.field:has(#i-header) .el-select__wrapper').click();
    await page.locator('.el-select-dropdown__item:visible').first().click();
    await expect(page.locator('.raw tr.head')).toHaveCount(0);
    await expect(page.locator('#i-path')).toHaveValue('works/loop/{3}');
    await page.locator('.field:has(#i-header) .el-select__wrapper').click();
    await page.locator('.el-select-dropdown__item:visible').nth(1).click();
    await expect(page.locator('#i-path')).toHaveValue('works/loop/{pump}');

    await page.locator('.map-menu').click();
    await page.locator('.menu button').first().click();
    await page.locator('#map-name').fill('泵回路');
    await page.locator('.el-dialog .el-button--primary').click();
    await page.locator('.map-menu').click();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('.menu button').nth(1).click()]);
    const yaml = readFileSync((await saved.path())!, 'utf8');
    expect(yaml).toContain('path: "works/loop/{pump}"');
    expect(yaml).toContain('decimal: ","');

    await choose(page, 'loop-2.txt', 'no|flow|pump\n1|2,5|P1\n2|2,6|P1\n3|2,7|P9\n');
    await expect(page.locator('.offer')).toContainText('泵回路');
    await inspect(page, info, 'import-offer');
    await page.locator('.offer .el-button').click();
    await expect(page.locator('.pane thead')).toContainText('works/loop/P9');
    // The same from a file; and what is none is told.
    await page.locator('input[accept=".yaml,.yml"]').setInputFiles({ name: 'a.map.yaml', mimeType: 'text/yaml', buffer: Buffer.from(yaml.replace('works/loop', 'works/other')) });
    await expect(page.locator('#i-path')).toHaveValue('works/other/{pump}');
    await page.locator('input[accept=".yaml,.yml"]').setInputFiles({ name: 'b.yaml', mimeType: 'text/yaml', buffer: Buffer.from('{ not a map') });
    await expect(page.locator('.el-message--error')).toBeVisible();
    expect(faults(said)).toEqual([]);
  });

  test('what cannot be sent, what is gone, who may not', async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    await page.route('**/api/v1/imports?precision=ms', (route) => route.fulfill({ json: { items: [] } }));
    await page.goto('/#/imports');
    await expect(page.locator('.drop h2')).toBeVisible();
    await inspect(page, info, 'imports-empty');
    const input = page.locator('.drop input[type=file]');
    await input.setInputFiles({ name: '炉.xlsx', mimeType: 'application/zip', buffer: Buffer.from('PK\u0003\u0004 workbook') });
    await expect(page.locator('.fault')).toContainText(zhOf(info) ? '压缩包末尾没有目录' : 'no directory at its end');
    await inspect(page, info, 'imports-refused');
    await input.setInputFiles({ name: 'large.csv', mimeType: 'text/csv', buffer: Buffer.alloc((32 << 20) + 1, 'x') });
    await expect(page.locator('.fault')).toContainText('32 MB');
    await input.setInputFiles({ name: 'empty.csv', mimeType: 'text/csv', buffer: Buffer.alloc(0) });
    await expect(page.locator('.fault')).toContainText('empty.csv');
    await page.goto('/#/imports/not-there');
    await expect(page.locator('.block h2')).toBeVisible();
    await inspect(page, info, 'import-gone');
    await page.unroute('**/api/v1/imports?precision=ms');
    await page.route('**/api/v1/imports?precision=ms', (route) => route.fulfill({ status: 403, json: { title: 'denied', detail: 'x' } }));
    await page.goto('/#/imports');
    await expect(page.locator('.problem')).toContainText(zhOf(info) ? '工程师' : 'Engineer');
    await inspect(page, info, 'imports-denied');
    expect(faults(said)).toEqual([]);
  });

  test('a running import tells rate and time left, is stopped and goes on', async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    const rows = Array.from({ length: 3000 }, (_, i) => `${1_710_000_000 + i},${i % 97}\n`).join('');
    await choose(page, `long-${info.project.name}.csv`, 'ts,level [mm]\n' + rows);
    await page.locator('#i-path').fill(`works/${info.project.name}/tank`);
    const id = /imports\/([^/?]+)/.exec(page.url())![1]!;
    // A file that is large enough to be watched would make the test long: the server's progress is played.
    let state = 'running';
    let share = 0.1;
    const one = (): object => ({ id, file: 'long.csv', who: 'user:admin', bytes: 30_000_000, sent: Date.now() - 9000, ended: null, state, progress: { share: (share = Math.min(0.9, share + 0.04)), rows: share * 2e6, values: share * 4e6, ms: share * 20_000 }, error: null, report: state === 'running' ? null : { file: 'long.csv', bytes: 3e7, rows: 1200, values: 1200, times: 1200, duplicates: 0, duplicates_complete: true, out_of_order: 0, missing: 0, wrong_values: 0, bad_rows: 0, repeated_times: 0, replaced_characters: 0, last_line: 1201, cancelled: true, ms: 8000, faults: [], first_duplicates: [], tags: [{ tag: `works/${info.project.name}/tank.level`, type: 'number', unit: 'mm', values: 1200, first: 1.71e18, last: 1.710001e18 }] } });
    await page.route(`**/api/v1/imports/${id}:start?*`, (route) => route.fulfill({ status: 202, json: one() }));
    await page.route(`**/api/v1/imports/${id}:cancel`, (route) => ((state = 'cancelled'), route.fulfill({ status: 204 })));
    await page.route('**/api/v1/imports?precision=ms', (route) => route.fulfill({ json: { items: [one()] } }));
    await expect(page.locator('.pane .where')).toContainText('tank');
    await next(page).click();
    await expect(page.locator('.tiles')).toBeVisible();
    await next(page).click();
    await expect(page.locator('.run [role=progressbar]')).toBeVisible();
    await expect(page.locator('.figures')).toContainText(zhOf(info) ? /每秒.*还需/ : /per second.*left/);
    await inspect(page, info, 'import-running');
    await page.goto('/#/imports');
    await expect(page.locator('.line .run')).toBeVisible();
    await inspect(page, info, 'imports-running');
    await page.locator('.line').first().click();
    await page.locator('.run .el-button').click();
    await expect(page.locator('.outcome.cancelled')).toContainText('1,201');
    await inspect(page, info, 'import-stopped');
    await page.unroute('**/api/v1/imports?precision=ms');
    await page.unroute(`**/api/v1/imports/${id}:start?*`);
    const [asked] = await Promise.all([page.waitForRequest((r) => r.url().includes(':start')), page.locator('.outcome .el-button--primary').click()]);
    expect((asked.postDataJSON() as { from_line: number }).from_line).toBe(1202);
    await expect(page.locator('.outcome.done')).toBeVisible();
    await expect(page.locator('.tiles b').first()).toHaveText('1,800');
    await page.locator('.outcome .icon-button').click();
    await expect(page).toHaveURL(/#\/imports$/);
    await expect(page.locator('.line').filter({ hasText: `long-${info.project.name}.csv` })).toHaveCount(0);
    expect(faults(said)).toEqual([]);
  });
}

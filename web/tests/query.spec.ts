import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { inspect, listen, signIn } from './help';

const columns = [{ name: 'ts', type: 'time', sql: 'TIMESTAMP_NS' }, { name: 'tag', type: 'text', sql: 'VARCHAR' }, { name: 'avg', type: 'number', sql: 'DOUBLE' }, { name: 'count', type: 'integer', sql: 'BIGINT' }];
const rows = (n: number): unknown[][] => Array.from({ length: n }, (_, i) => [1_772_352_000_000_000 + i * 60_000_000, 'mill/oven.temperature', i % 40 === 7 ? null : 180 + Math.sin(i / 9) * 4.25, 60 - (i % 3)]);
const answer = (page: Page, status: number, json: object): Promise<unknown> => page.route(/\/api\/v1\/query\?/, (route) => route.fulfill({ status, contentType: status === 200 ? 'application/json' : 'application/problem+json', json }));
const write = async (page: Page, text: string): Promise<void> => {
  await page.locator('#sql').fill(text);
  await page.keyboard.press('Escape');
};

test('a statement is written with completion, run, seen as a table and as a chart', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/query');
  await expect(page.locator('.out .block')).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'query-empty');
  await page.locator('#sql').focus();
  await page.keyboard.type('SELECT * FROM rea');
  await expect(page.locator('#sql-offers [role=option]').first()).toContainText('readings');
  await inspect(page, info, 'query-offers');
  await page.keyboard.press('Enter');
  await expect(page.locator('#sql')).toHaveValue('SELECT * FROM readings');
  await answer(page, 200, { columns, rows: rows(50_000) });
  await write(page, "-- the oven, minute by minute\nSELECT ts, tag, avg, count\nFROM history(tags := 'mill/oven.temperature', since := '2026-03-01',\n             every := '1m', agg := 'avg,count')\nWHERE avg > 180.5 ORDER BY ts");
  await page.locator('#sql').press('Control+Enter');
  await expect(page.locator('.result')).toHaveAttribute('aria-rowcount', '50001');
  expect(await page.locator('.result .line').count()).toBeLessThan(80);
  await expect(page).toHaveURL(/sql=/);
  await inspect(page, info, 'query');
  await page.locator('.result').evaluate((table) => table.scrollTo(0, table.scrollHeight));
  await expect(page.locator('.result .line').last()).toContainText(info.project.name.startsWith('zh') ? '50000' : '50000');
  await page.unroute(/\/api\/v1\/query\?/);
  await answer(page, 200, { columns, rows: rows(300) });
  await page.locator('#sql').press('Control+Enter');
  await expect(page.locator('.result')).toHaveAttribute('aria-rowcount', '301');
  await page.locator('.meta .segment button').nth(1).click();
  await expect(page.locator('.plot canvas')).toBeVisible();
  await inspect(page, info, 'query-chart');
  expect(said).toEqual([]);
});

test('a fault is told with its place in the statement', async ({ page }, info) => {
  await signIn(page);
  await page.goto('/#/query');
  await answer(page, 400, { type: 'about:blank', title: 'invalid', status: 400, detail: 'there is no column "wrong" here; there are tag, ts, value, quality, integer, text', sqlstate: '42703', position: 12, id: '7f3a-12' });
  await write(page, 'SELECT ts,\nwrong FROM readings');
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.refused')).toContainText('wrong');
  await expect(page.locator('.back .bad')).toHaveText('wrong');
  await page.locator('.refused .link').click();
  expect(await page.locator('#sql').evaluate((field: HTMLTextAreaElement) => field.value.slice(field.selectionStart, field.selectionEnd))).toBe('wrong');
  await inspect(page, info, 'query-fault');
  await write(page, 'SELECT ts FROM readings');
  await expect(page.locator('.back .bad')).toHaveCount(0);
});

test('what runs shows its time and can be cancelled; without the library it is told what to do', async ({ page }, info) => {
  await signIn(page);
  await page.goto('/#/query');
  let hold: () => void = () => undefined;
  const held = new Promise<void>((done) => (hold = done));
  await page.route(/\/api\/v1\/query\?/, async (route) => {
    await held;
    await route.abort().catch(() => undefined);
  });
  await write(page, 'SELECT 1');
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.going')).toContainText(/\d.*s/);
  await inspect(page, info, 'query-running');
  await page.locator('.bar .el-button').first().click();
  await expect(page.locator('.stopped')).toBeVisible();
  hold();
  await page.unroute(/\/api\/v1\/query\?/);
  await answer(page, 503, { type: 'about:blank', title: 'unavailable', status: 503, detail: 'SQL needs libduckdb.so beside the program, and there is none', sqlstate: '58000', position: 0 });
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.out')).toContainText('tools/deps.sh build');
  await inspect(page, info, 'query-no-library');
});

test('statements that ran are remembered by this browser, examples fill the editor', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/query');
  await page.locator('.side .entry').nth(1).click();
  await expect(page.locator('#sql')).toHaveValue(/FROM last/);
  await answer(page, 200, { columns: columns.slice(0, 2), rows: [] });
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.out .block')).toBeVisible();
  await page.goto('/#/overview');
  await page.goto('/#/query?aside=past');
  await expect(page.locator('#sql')).toHaveValue(/FROM last/);
  await expect(page.locator('.pastone')).toHaveCount(1);
  await inspect(page, info, 'query-past');
  await page.goto('/#/query?aside=tables');
  await page.locator('.column').filter({ hasText: 'quality' }).click();
  await expect(page.locator('#sql')).toHaveValue(/quality/);
  await inspect(page, info, 'query-tables');
  expect(said).toEqual([]);
});

test('a result goes out as CSV, JSON and Parquet', async ({ page }) => {
  await signIn(page);
  await page.goto('/#/query');
  await page.route(/\/api\/v1\/query\?/, (route) => (route.request().url().includes('format=parquet') ? route.fulfill({ status: 200, contentType: 'application/vnd.apache.parquet', body: 'PAR1' }) : route.fulfill({ json: { columns, rows: rows(2) } })));
  await write(page, 'SELECT 1');
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.result')).toBeVisible();
  for (const [name, begins] of [['CSV', '\ufeffts,tag,avg,count\r\n2026-03-01T08:00:00Z,mill/oven.temperature,180,60'], ['JSON', '[\n {\n  "ts": "2026-03-01T08:00:00Z"'], ['Parquet', 'PAR1']] as const) {
    await page.locator('.meta .icon-button').click();
    const [file] = await Promise.all([page.waitForEvent('download'), page.locator('.el-dropdown-menu__item:visible').filter({ hasText: name }).click()]);
    expect((await readFile((await file.path())!)).toString().startsWith(begins), name).toBe(true);
  }
});

import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

test('storage tells what is taken, by day and by tag', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/storage');
  await expect(page.locator('.tiles b').first()).toHaveText(/\d/);
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'storage');
  await page.goto('/#/storage?days=90&show=per_point');
  await expect(page.locator('[role=group] button[aria-pressed=true]').first()).toBeVisible();
  await page.locator('.bars').first().focus();
  await page.keyboard.press('ArrowLeft');
  await expect(page.locator('.bars .tip')).toContainText(/\d{4}-\d\d-\d\d/);
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'storage-day');
  await page.locator('.tags .line').first().click();
  await expect(page.locator('.el-drawer .bars')).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'storage-tag');
  expect(said).toEqual([]);
});

test('the server searches and sorts the tags', async ({ page }) => {
  await signIn(page);
  await page.goto('/#/storage');
  const asked = page.waitForRequest((request) => /storage\/tags\?.*tag=\*\*none-such\*\*/.test(decodeURIComponent(request.url())));
  await page.locator('.tags .filter input').fill('none-such');
  await asked;
  await expect(page.locator('.tags .block')).toBeVisible();
  const sorted = page.waitForRequest((request) => /storage\/tags\?.*order=rows/.test(request.url()));
  await page.goto('/#/storage?order=-rows');
  await sorted;
});

test('a check of the storage shows its progress and ends with what it found', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  const state = { running: true, since: 1, files_done: 210, files: 612, bytes_done: 16_400_000, bytes: 48_233_112, ended: null, took_ms: 0, error: '', files_read: 0, rows: 0, events: 0, intervals: 0, problem_count: 0, problems: [] as string[] };
  let done: object = { ...state, running: false, since: null };
  await page.route(/\/api\/v1\/storage:check/, (route) => {
    done = state;
    return route.fulfill({ status: 202, json: { check: state } });
  });
  await page.route(/\/api\/v1\/storage\?/, async (route) => {
    const answer = await (await route.fetch()).json();
    answer.server.check = done;
    await route.fulfill({ json: answer });
  });
  await page.goto('/#/storage');
  await expect(page.locator('.tiles b').first()).toHaveText(/\d/);
  await page.locator('.head .el-button--primary').click();
  await expect(page.locator('[role=progressbar]')).toHaveAttribute('aria-valuenow', '34');
  await inspect(page, info, 'storage-check');
  done = { ...state, running: false, ended: Date.now(), took_ms: 4100, files_read: 612, rows: 4_612_345, problem_count: 1, problems: ['/data/history/seg/20260301/3-1f.seg: the chunk at 4096 does not match its checksum'] };
  await expect(page.locator('.problems')).toContainText('20260301');
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'storage-damaged');
  expect(said).toEqual([]);
});

test('storage that cannot be read, may not be read or is empty says so', async ({ page }, info) => {
  await signIn(page);
  let answer: (route: import('@playwright/test').Route) => Promise<void> = (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', json: { type: 'about:blank', title: 'denied', status: 403, detail: 'needs admin' } });
  await page.route(/\/api\/v1\/storage\?/, (route) => answer(route));
  await page.goto('/#/storage');
  const zh = info.project.name.startsWith('zh');
  await expect(page.locator('main [role=alert]')).toContainText(zh ? '管理员' : 'Administrator');
  await inspect(page, info, 'storage-denied');
  answer = (route) => route.fulfill({ json: { at: Date.now(), server: null, days: [], rows: 0, bytes: 0, rates: { now_per_s: 0, mean_per_s: null, mean_ms: 0, step_ms: 300000, steps: [] } } });
  await page.reload();
  await expect(page.locator('main .block')).toContainText(zh ? '还没有读数' : 'No readings yet');
  await inspect(page, info, 'storage-empty');
  answer = async (route) => {
    const said = await (await route.fetch()).json();
    said.server.former = [{ formats: 0, at: Date.now() - 3 * 86_400_000, until: Date.now() + 27 * 86_400_000, bytes: 48_112_640 }];
    await route.fulfill({ json: said });
  };
  await page.reload();
  await expect(page.locator('.tiles b').first()).toHaveText(/\d/);
  await expect(page.locator('.facts').filter({ hasText: 'gongshu downgrade' })).toContainText(/48\.1/);
  await page.locator('.facts').filter({ hasText: 'gongshu downgrade' }).scrollIntoViewIfNeeded();
  await inspect(page, info, 'storage-former');
  answer = (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', json: { type: 'about:blank', title: 'unavailable', status: 503, detail: 'the server has too much to do', id: '7f3a-12' } });
  await expect(page.locator('main .problem.kept')).toBeVisible({ timeout: 15_000 });
  await expect(page.locator('.tiles.stale')).toBeVisible();
  await inspect(page, info, 'storage-stale');
});

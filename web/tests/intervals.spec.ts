import { expect, test, type APIRequestContext } from '@playwright/test';
import { admin as headers, inspect, listen, markStretch, signIn } from './help';

const device = 'demo/machining/line1/cnc1';
async function mark(request: APIRequestContext, kind: string, fromMin: number, toMin: number | null, attributes: object): Promise<string> {
  const answer = await request.post('/api/v1/intervals', { headers, data: { asset: device, kind, from: `now-${fromMin}m`, to: toMin === null ? null : toMin ? `now-${toMin}m` : 'now', attributes } });
  expect(answer.ok(), await answer.text()).toBe(true);
  return ((await answer.json()) as { id: string }).id;
}

test('an interval is marked by dragging on a chart, corrected with a reason, and its past stays', async ({ page, request }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  const word = `jam-${info.project.name}-${Date.now()}`;
  await signIn(page);
  await page.goto(`/#/tags?tag=${device}.power&range=15m`);
  await markStretch(page, info, 0.5, 0.8);
  const dialog = page.locator('.el-dialog:visible');
  await dialog.locator('#i-reason').fill(word);
  await inspect(page, info, 'interval-mark');
  await dialog.locator('.el-button--primary').click();
  await expect(dialog).toHaveCount(0);
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'interval-bands');

  await page.goto(`/#/intervals?q=${word}`);
  await expect(page.locator('.line').filter({ hasText: word })).toHaveCount(1);
  await page.locator('.line').filter({ hasText: word }).click();
  const drawer = page.locator('.el-drawer');
  await expect(drawer.locator('.facts')).toContainText(word);
  await drawer.locator('.acts .el-button').filter({ hasText: zh ? '更正' : 'Correct' }).click();
  await dialog.locator('#i-reason').fill(word + '!');
  await expect(dialog.locator('.el-button--primary')).toBeDisabled(); // no reason for the correction yet
  await dialog.locator('#i-why').fill('typed wrongly');
  await inspect(page, info, 'interval-correct');
  await dialog.locator('.el-button--primary').click();
  await expect(drawer.locator('.revisions > li')).toHaveCount(2);
  await expect(drawer.locator('.revisions del')).toHaveText(word);
  await expect(drawer.locator('.revisions')).toContainText('typed wrongly');
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'interval-drawer');
  await drawer.locator('.acts .el-button').filter({ hasText: zh ? '撤回' : 'Withdraw' }).click();
  await page.locator('.el-message-box input').fill('only a test');
  await page.locator('.el-message-box .el-button--primary').click();
  await expect(drawer).toContainText('only a test');
  await request.get('/healthz');
  expect(said).toEqual([]);
});

test('intervals and states stand on the list, the device and a dashboard', async ({ page, request }, info) => {
  const said = listen(page);
  const made = [await mark(request, 'batch', 12, 4, { title: 'A17' }), await mark(request, 'setup', 4, 2, { reason: 'mould' }), await mark(request, 'maintenance', 2, null, { note: 'bearing' })];
  await signIn(page);
  await page.goto('/#/intervals?range=15m');
  await expect(page.locator('.timeline .bar').first()).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'intervals-list');
  await page.goto('/#/intervals?kind=never_used');
  await expect(page.locator('.card.block, .block').first()).toBeVisible();
  await inspect(page, info, 'intervals-empty');
  await page.goto(`/#/devices?open=${device}&tab=timeline`);
  await expect(page.locator('.el-drawer .timeline').first()).toBeVisible({ timeout: 15_000 });
  await page.waitForLoadState('networkidle');
  await page.locator('.el-drawer .timeline .link').first().click({ timeout: 10_000 });
  await inspect(page, info, 'device-timeline');
  const board = `probe-states-${info.project.name}`;
  await request.delete(`/api/v1/dashboards/${board}`, { headers });
  const answer = await request.put(`/api/v1/dashboards/${board}`, { headers, data: { spec: { title_zh: '状态', title_en: 'States', range: '15m', widgets: [{ kind: 'states', tags: ['demo/machining/line1/*.state'], x: 0, y: 0, w: 12, h: 6 }, { kind: 'states', tags: [`${device}.door_open`, `${device}.stopped`], x: 12, y: 0, w: 12, h: 6 }] } } });
  expect(answer.ok(), await answer.text()).toBe(true);
  await page.goto(`/#/dashboards/${board}`);
  await expect(page.locator('.widget .timeline')).toHaveCount(2);
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'dashboard-states');
  await request.delete(`/api/v1/dashboards/${board}`, { headers });
  for (const id of made) await request.post(`/api/v1/intervals/${id}:withdraw`, { headers, data: { reason: 'test' } });
  expect(said).toEqual([]);
});

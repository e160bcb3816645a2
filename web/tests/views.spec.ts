import { expect, test } from '@playwright/test';
import { admin as headers, inspect, listen, signIn } from './help';


test('a view is kept, opened, made the usual one, shared and deleted', async ({ page, request }, info) => {
  const said = listen(page);
  const title = `probe ${info.project.name}`;
  const name = `alarms-probe-${info.project.name}`;
  await request.delete(`/api/v1/saved_views/${name}`, { headers });
  await signIn(page);
  await page.goto('/#/alarms?state=all&severity=critical&by=group&range=30d');
  await page.locator('.head .button').click();
  const menu = page.locator('.menu:visible');
  await menu.locator('.save input').fill(title);
  await menu.locator('.save button').click();
  await expect(page.locator('.head .button')).toContainText(title);
  await inspect(page, info, 'views');

  // It is a link: another way to look, and back.
  await menu.locator('.show').first().click();
  await expect(page).toHaveURL(/alarms$/);
  await expect(menu).toHaveCount(0);
  await page.locator('.head .button').click();
  await menu.locator('.show').filter({ hasText: title }).click();
  await expect(page).toHaveURL(/by=group/);
  await expect(page).toHaveURL(/severity=critical/);
  await expect(menu).toHaveCount(0);

  // What is changed since updates it; what is open belongs to no view.
  await page.goto('/#/alarms?state=all&severity=major&by=group&range=30d');
  await expect(page.locator('.head .button')).not.toContainText(title);
  await page.locator('.head .button').click();
  await menu.locator('.update').click();
  await expect(page.locator('.head .button')).toContainText(title);

  // The page opens with it, and only its owner's.
  await menu.locator('li').filter({ hasText: title }).locator('.slim').nth(0).click();
  await expect(menu.locator('.star')).toHaveCount(1);
  await menu.locator('li').filter({ hasText: title }).locator('.slim').nth(1).click();
  await expect(menu.locator('li').filter({ hasText: title })).toContainText(info.project.name.startsWith('zh') ? '共享' : 'shared');
  await page.goto('/#/rules');
  await expect(page.locator('main h1')).toHaveText(info.project.name.startsWith('zh') ? '规则' : 'Rules');
  await page.goto('/#/alarms');
  await expect(page).toHaveURL(/severity=major/);
  const kept = (await (await request.get(`/api/v1/saved_views/${name}`, { headers })).json()) as { spec: { query: Record<string, string[]>; shared: boolean } };
  expect(kept.spec.query).toEqual({ by: ['group'], range: ['30d'], severity: ['major'], state: ['all'] });
  expect(kept.spec.shared).toBe(true);

  await page.locator('.head .button').click();
  await menu.locator('li').filter({ hasText: title }).locator('.slim').last().click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page.locator('.head .button')).not.toContainText(title);
  expect(said).toEqual([]);
});

test('columns and tags are part of a view', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/devices?cols=-type');
  await expect(page.locator('.line').first()).toBeVisible();
  const heads = await page.locator('[role=columnheader] .head').allInnerTexts();
  expect(heads.join()).not.toContain(info.project.name.startsWith('zh') ? '型号' : 'Type');
  await page.goto('/#/tags?tag=demo/machining/line1/cnc1.power&tag=demo/machining/line1/cnc2.power&split=1');
  await expect(page.locator('.chart-card')).toHaveCount(2);
  await expect(page.locator('.head .button')).toBeVisible();
  expect(said).toEqual([]);
});

import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

test('a connection is made, changed with a diff, rolled back and deleted', async ({ page }, info) => {
  const said = listen(page);
  const name = `probe-${info.project.name}`;
  await signIn(page);
  await page.goto('/#/connections?new');
  await expect(page.locator('#resource-name')).toBeVisible();
  await page.locator('#resource-name').fill(name);
  await page.locator('#f-host').fill('127.0.0.1');
  await inspect(page, info, 'connection-new');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await expect(page.locator('.el-dialog .simple')).toBeVisible();
  await inspect(page, info, 'connection-diff');
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp('open=' + name));

  await page.locator('#f-host').fill('127.0.0.2');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await expect(page.locator('.el-dialog .after')).toContainText('127.0.0.2');
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page.locator('.el-dialog')).toBeHidden();

  await page.locator('.el-drawer [role=tab]').last().click();
  await expect(page.locator('.history li')).toHaveCount(2);
  await page.locator('.history li').last().locator('.el-button').click();
  await expect(page.locator('.history li')).toHaveCount(3);

  await page.locator('.el-drawer .el-dropdown button').click();
  await page.locator('.el-dropdown-menu__item:visible').last().click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page).not.toHaveURL(/open=/);
  expect(said).toEqual([]);
});

test('a condition is checked while it is typed: the caret stands under the error', async ({ page }, info) => {
  await signIn(page);
  await page.goto('/#/rules?new');
  const area = page.locator('.editor textarea').first();
  await expect(area).toBeVisible();
  await expect(area).toHaveValue('');
  await area.fill('nosuchthing > 5');
  await expect(page.locator('.verdict.bad .line u')).toHaveText('nosuchthing');
  await inspect(page, info, 'rule-error');
});

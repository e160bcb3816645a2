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
  // The labels of the form in the language of the page, no keys; values with their units.
  const zh = info.project.name.startsWith('zh');
  await expect(page.locator('.el-dialog .place').filter({ hasText: zh ? '主机' : 'Host' })).toHaveCount(1);
  await expect(page.locator('.el-dialog .simple')).not.toContainText(/timeout_ms|period_ms|modbus_tcp/);
  await expect(page.locator('.el-dialog .after').filter({ hasText: /\d\u2009ms$/ }).first()).toBeVisible();
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
  await expect(page.locator('.verdict.bad p').first()).toContainText(info.project.name.startsWith('zh') ? /\p{Script=Han}.*nosuchthing/u : /[a-z ]+.*nosuchthing/);
  await inspect(page, info, 'rule-error');
});

test('the secret of a token is shown once', async ({ page }, info) => {
  const said = listen(page);
  const name = `probe-token-${info.project.name}`;
  await signIn(page);
  await page.goto('/#/tokens?new');
  await page.locator('#resource-name').fill(name);
  await page.locator('.el-drawer footer .el-button--primary').click();
  // The role is missing: the form says so at its place.
  await expect(page.locator('.el-drawer .error')).toBeVisible();
  await page.locator('#f-role').fill('viewer');
  await page.locator('#f-role').press('Enter');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp('open=' + name));
  await page.locator('.el-drawer .acts .el-button').first().click();
  await page.locator('.el-message-box .el-button--primary').click();
  await expect(page.locator('.el-dialog .copy code')).not.toBeEmpty();
  await inspect(page, info, 'token-secret');
  await page.locator('.el-dialog footer .el-button:visible').click();
  await page.locator('.el-drawer .el-dropdown button').click();
  await page.locator('.el-dropdown-menu__item:visible').last().click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page).not.toHaveURL(/open=/);
  expect(said).toEqual([]);
});

// These need what only the mock has: a link that forces a new password, a machine that may be written.
if (!process.env.BASE_URL) {
  test('a one-time link leads to a new password', async ({ page }, info) => {
    const said = listen(page);
    await page.goto('/#/welcome?one_time=forced');
    await expect(page.locator('#fresh')).toBeVisible();
    await inspect(page, info, 'new-password');
    await page.locator('#fresh').fill('gongshu-demo');
    await page.locator('#again').fill('gongshu-demo');
    await page.locator('button[type=submit]').click();
    await expect(page.locator('main#main h1')).toBeVisible();
    expect(said).toEqual([]);
  });

  test('a machine is written within its limits, with a reason, after a confirmation', async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    await page.goto('/#/devices?open=suzhou%2Fmachining%2Fcnc-1');
    await page.locator('.el-drawer .acts .el-button').click();
    await page.locator('#w-value').fill('99999');
    await page.locator('#w-reason').fill('trial');
    const send = page.locator('.el-dialog .el-button--primary');
    await page.locator('.el-dialog .el-checkbox').click();
    await expect(send).toBeDisabled();
    await page.locator('#w-value').fill('5800');
    await page.locator('#w-value').press('Tab');
    await page.locator('.el-dialog .el-checkbox').click();
    await inspect(page, info, 'device-write');
    await send.click();
    await expect(page.locator('.el-dialog [role=status]')).toContainText('5800');
    expect(said).toEqual([]);
  });
}

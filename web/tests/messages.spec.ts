import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

// The receiver of this test does not exist: the test button has to say why nothing came through.
test('a message hook is made, its test says why nothing came through, and it is removed', async ({ page }, info) => {
  const said = listen(page);
  const name = `shift-${info.project.name}`;
  await signIn(page);
  await page.goto('/#/message-hooks?new');
  await page.locator('#resource-name').fill(name);
  await page.locator('#f-url').fill('http://receiver.invalid/in?key={key}');
  await page.locator('#f-key').fill('not for reading');
  await page.locator('#f-secret').fill('signed with this');
  await inspect(page, info, 'message-hook-new');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp('open=' + name));
  // Its secrets do not come back.
  await expect(page.locator('#f-key')).toHaveValue('');
  await page.locator('.el-drawer .try').click();
  await expect(page.locator('.el-drawer .box .problem')).toContainText('receiver.invalid', { timeout: 40_000 });
  await expect(page.locator('.el-drawer .box h3')).toHaveText(/没有送达|was not taken/);
  await expect(page.locator('.el-drawer .facts')).toBeVisible();
  await inspect(page, info, 'message-hook-test');
  await page.locator('.el-drawer .el-dropdown button').click();
  await page.locator('.el-dropdown-menu__item:visible').last().click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page).not.toHaveURL(/open=/);
  expect(said).toEqual([]);
});

test('a hook by e-mail asks for what mails need', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/message-hooks?new');
  await expect(page.locator('#f-url')).toBeVisible();
  await expect(page.locator('#f-host')).toHaveCount(0);
  await page.locator('#f-channel').click({ force: true });
  await page.locator('.el-select-dropdown__item:visible').nth(1).click();
  await expect(page.locator('#f-host')).toBeVisible();
  await expect(page.locator('#f-url')).toHaveCount(0);
  await inspect(page, info, 'message-hook-mail');
  expect(said).toEqual([]);
});

import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

test('a mapping shows what would be stored while it is written', async ({ page }, info) => {
  const said = listen(page);
  const name = `line-${info.project.name}`;
  await signIn(page);
  await page.goto('/#/mappings?new');
  await page.locator('#resource-name').fill(name);
  await page.locator('#f-topic').fill('factory/{line}/+/data');
  await page.locator('#trial-topic').fill('factory/line9/gw/data');
  await page.locator('#trial-payload').fill('{"ts": 1700000000, "data": [{"dev": "a", "v": 21.5}]}');
  // A first mapping from the message, then by hand.
  await page.locator('.trial .el-button').first().click();
  const confirm = page.locator('.el-message-box .el-button--primary');
  const row = page.locator('.trial tbody tr').first();
  await expect(row.or(confirm).first()).toBeVisible();
  if (await confirm.isVisible()) await confirm.click();
  await expect(row).toContainText('21.5');
  await page.locator('.item-open').first().click();
  await page.locator('#f-topic').fill('factory/{line}/+/data');
  await page.locator('#f-take-0--value').fill('$.data[*].v');
  await page.locator('#f-take-0--tag').fill('works/{line}/{$.data[*].dev}.temperature');
  await expect(row).toContainText('works/line9/a.temperature');
  await page.locator('.trial').scrollIntoViewIfNeeded();
  await inspect(page, info, 'mapping-new');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp('open=' + name));
  await page.locator('.el-drawer .el-dropdown button').click();
  await page.locator('.el-dropdown-menu__item:visible').last().click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page).not.toHaveURL(/open=/);
  expect(said).toEqual([]);
});

test('dead letters are listed by reason and one by one', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/dead-letters?view=letters');
  await expect(page.locator('main h1').first()).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'dead-letters-one-by-one');
  await page.locator('main .segment button').first().click();
  await expect(page).not.toHaveURL(/view=/);
  expect(said).toEqual([]);
});

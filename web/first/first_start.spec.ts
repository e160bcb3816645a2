import { expect, test } from '@playwright/test';
import { inspect, listen } from '../tests/help';

// Over the real program in a fresh folder; LINK is what it printed, WITH_SAMPLE what to choose.
const link = process.env.FIRST_START ?? '';
const password = process.env.GONGSHU_PASSWORD ?? '';

test('from the one-time link to a plant', async ({ page }, info) => {
  test.setTimeout(120_000); // many pages, each looked at
  const said = listen(page);
  const next = (): Promise<void> => page.locator('.actions button[type=submit]').click();
  const zh = info.project.name.startsWith('zh');
  await page.goto(link);
  await expect(page).toHaveURL(/#\/setup/);
  await expect(page.locator(`input[value=${zh ? 'zh' : 'en'}]`)).toBeChecked();
  await next();
  await page.locator('#person').fill(zh ? '李工' : 'Li');
  await page.locator('#fresh').fill(password);
  await page.locator('#again').fill(password);
  await page.locator('#again').press('Enter');
  await page.locator('#title').fill(zh ? '苏州工厂' : 'Suzhou plant');
  await expect(page.locator('.el-select')).toContainText('Asia/Shanghai');
  // The server has the last word on a name, before anything is made.
  await page.locator('#name').fill('suzhou');
  await next();
  await expect(page.locator('#place-data ~ p code').first()).toHaveText(process.env.DATA_FOLDER ?? '');
  await inspect(page, info, 'first-start-places');
  await next();
  await page.locator('input[name=sample]').nth(process.env.WITH_SAMPLE ? 1 : 0).check();
  await next();
  await expect(page.locator('.next a')).toHaveCount(3);
  await inspect(page, info, 'first-start-done');
  await page.locator('.actions button').click();
  await expect(page).toHaveURL(/#\/$/);
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'first-start-overview');
  if (process.env.WITH_SAMPLE) {
    await page.goto('/#/devices');
    await expect(page.locator('.line').first()).toBeVisible();
    await inspect(page, info, 'first-start-devices');
  }
  expect(said).toEqual([]);
});

test('it is not shown again', async ({ page }, info) => {
  const said = listen(page);
  await page.goto('/#/signin');
  await page.locator('#user').fill('admin');
  await page.locator('#password').fill(password);
  await page.locator('button[type=submit]').click();
  await page.locator('main#main').waitFor();
  await expect(page).toHaveURL(/#\/$/);
  await page.goto('/#/setup');
  await expect(page.locator('main#main')).toBeVisible();
  await expect(page).toHaveURL(/#\/$/);
  await inspect(page, info, 'first-start-again');
  expect(said).toEqual([]);
});

import { expect, test } from '@playwright/test';
import { admin as headers, inspect, listen, signIn } from './help';


// From an expression to a tag: what it gives while it is written, saved, its past made; then it goes again.
test('a virtual tag is written, tried, saved and filled', async ({ page, request }, info) => {
  const said = listen(page);
  await signIn(page);
  const tag = await page.evaluate(async () => ((await (await fetch('/api/v1/tags?limit=200')).json()) as { tags: { path: string; type: string; last: unknown }[] }).tags.find((one) => one.type === 'number' && one.last)!.path);
  const name = `tried/${info.project.name}.double`;
  // What an earlier run left goes first.
  await request.delete(`/api/v1/virtual_tags/${encodeURIComponent(name)}`, { headers });
  await page.goto('/#/virtual-tags?new=');
  await page.locator('#resource-name').fill(name);
  const editor = page.locator('.el-drawer .editor');
  await editor.locator('textarea').fill(`${tag} *`);
  await expect(editor.locator('.verdict.bad')).toBeVisible();
  await editor.locator('textarea').fill(`${tag} * 2`);
  await page.locator('.try h3').click();
  await expect(editor.locator('.verdict')).toContainText(/表达式正确|Expression is valid/);
  await expect(page.locator('.try b').first()).toContainText(/\d/);
  await page.locator('.try').scrollIntoViewIfNeeded();
  await inspect(page, info, 'virtual-tags-new');
  await page.locator('.el-drawer .el-button--primary').last().click();
  await page.locator('.el-dialog .el-button--primary').last().click();
  await expect(page).toHaveURL(/open=tried/);
  await page.goto(`/#/virtual-tags?open=${encodeURIComponent(name)}&tab=past`);
  await page.locator('.past .el-button--primary').click();
  await expect(page.locator('.past li').first()).toContainText(/正在补算|已完成|Running|Done/);
  await inspect(page, info, 'virtual-tags-past');
  await page.goto(`/#/virtual-tags?open=${encodeURIComponent(name)}&tab=state`);
  await expect(page.locator('.el-drawer')).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'virtual-tags-state');
  expect(said).toEqual([]);
  await request.delete(`/api/v1/virtual_tags/${encodeURIComponent(name)}`, { headers });
});

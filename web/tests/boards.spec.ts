import { expect, test, type Page } from '@playwright/test';
import { admin as headers, inspect, listen, signIn } from './help';

const cnc = 'demo/machining/line1/cnc1';

async function drag(page: Page, from: { x: number; y: number }, dx: number, dy: number): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + dx / 2, from.y + dy / 2, { steps: 4 });
  await page.mouse.move(from.x + dx, from.y + dy, { steps: 4 });
  await page.mouse.up();
}

test('a dashboard is proposed from a machine, put together by hand, saved and seen live', async ({ page, request }, info) => {
  const said = listen(page);
  const phone = info.project.name.includes('phone');
  const name = `probe-board-${info.project.name}`;
  await request.delete(`/api/v1/dashboards/${name}`, { headers });
  await signIn(page);
  await page.goto(`/#/dashboards?new&device=${cnc}`);
  const dialog = page.locator('.el-dialog:visible');
  await dialog.locator('#nb-title').fill(name);
  await inspect(page, info, 'dashboard-new');
  await dialog.locator('.el-button--primary').click();
  await expect(page).toHaveURL(new RegExp(`dashboards/${name}`));
  if (phone) {
    // One column to look at; put together on a wider screen.
    await expect(page.locator('.narrow .field').first()).toBeVisible();
    await request.delete(`/api/v1/dashboards/${name}`, { headers });
    return;
  }
  const fields = page.locator('.editor .field');
  await expect(fields.first()).toBeVisible();
  const before = await fields.count();
  const label = (n: number): Promise<string | null> => fields.nth(n).getAttribute('aria-label');
  const was = await label(0);

  // By hand: two columns to the right and four rows down; what lies there makes room.
  const box = (await fields.first().boundingBox())!;
  const column = box.width / 6;
  await drag(page, { x: box.x + 60, y: box.y + 60 }, 2 * column, 4 * 48);
  await expect.poll(() => label(0)).not.toBe(was);
  expect(await label(0)).toMatch(/3.*5/);
  // Its corner makes it wider.
  const moved = (await fields.first().boundingBox())!;
  await drag(page, { x: moved.x + moved.width - 6, y: moved.y + moved.height - 6 }, 3 * column, 48);
  await expect.poll(async () => (await fields.first().boundingBox())!.width).toBeGreaterThan(moved.width + 2 * column);
  // By keys: back to the left, and taken back.
  const resized = await label(0);
  await fields.first().focus();
  await page.keyboard.press('ArrowLeft');
  await expect.poll(() => label(0)).not.toBe(resized);
  await page.keyboard.press('Control+z');
  await expect.poll(() => label(0)).toBe(resized);
  await page.keyboard.press('Control+y');
  await expect.poll(() => label(0)).not.toBe(resized);

  // One more, of a tag that is searched for.
  await page.locator('.bar .add').first().click();
  await expect(fields).toHaveCount(before + 1);
  await page.locator('.panel .picker .el-select').click();
  await page.locator('.panel .picker input').fill('cnc1 coolant');
  await page.locator('.el-select-dropdown__item:visible .offer[title*="cnc1.coolant_level"]').first().click();
  await expect(page.locator('.panel .chosen')).toContainText('coolant_level');
  await page.locator('.panel .link').click();
  await inspect(page, info, 'dashboard-edit');
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.bar .el-button--primary')).toBeDisabled();

  // Somebody else saves meanwhile: nothing is lost unseen.
  await fields.last().focus();
  await page.keyboard.press('Control+d');
  await expect(fields).toHaveCount(before + 2);
  const theirs = await request.patch(`/api/v1/dashboards/${name}`, { headers, data: { about: 'changed by another' } });
  expect(theirs.ok(), await theirs.text()).toBe(true);
  await page.locator('.bar .el-button--primary').click();
  await expect(page.locator('.el-dialog:visible .told')).toBeVisible();
  await page.locator('.el-dialog:visible .el-button').nth(1).click();
  await expect(fields).toHaveCount(before + 1);
  // Leaving with changes is asked about.
  await fields.last().focus();
  await page.keyboard.press('Delete');
  await page.locator('.bar .el-button').nth(0).click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page).not.toHaveURL(/edit/);

  // Live: a number changes by itself.
  await expect(page.locator('.grid .field')).toHaveCount(before + 1);
  await expect(page.locator('.about')).toHaveText('changed by another');
  const tile = page.locator('.field.chart canvas').first();
  await expect(tile).toBeVisible();
  const figures = (): Promise<string> => page.locator('.tile .n').allInnerTexts().then((all) => all.join());
  const first = await figures();
  await expect.poll(figures, { timeout: 10_000 }).not.toBe(first);
  await inspect(page, info, 'dashboard-view');
  await request.delete(`/api/v1/dashboards/${name}`, { headers });
  // The 412 of the other's save is what was meant.
  expect(said.filter((one) => !one.includes('412'))).toEqual([]);
});

test('a dashboard of a type shows the machine that is chosen, and fills the wall', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/dashboards/machining-centre?device=demo/machining/line1/cnc2');
  await expect(page.locator('.widget .place').first()).toContainText('2');
  await page.locator('.field.chart canvas').first().waitFor();
  await page.goto('/#/dashboards/machining-centre?device=demo/machining/line1/nothing');
  await expect(page.locator('.tile .none').first()).toContainText('line1/nothing');
  await page.goto('/#/dashboards/plant?wall');
  await expect(page.locator('.rail, .topbar').first()).toBeHidden();
  if (info.project.name.includes('desktop')) {
    // All of it is in sight.
    const end = await page.locator('.grid .field').last().evaluate((e) => e.getBoundingClientRect().bottom - window.innerHeight);
    expect(end).toBeLessThan(200);
    await page.keyboard.press('Escape');
    await expect(page.locator('.rail')).toBeVisible();
  }
  await inspect(page, info, 'dashboard-wall');
  // A machine that is not there has no tags: that is what 404 says.
  expect(said.filter((one) => !one.includes('404'))).toEqual([]);
});

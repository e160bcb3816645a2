import { expect, test, type APIRequestContext } from '@playwright/test';
import { admin as headers, inspect, listen, signIn } from './help';

const spec = {
  title_zh: '四班三运转', title_en: 'Four teams', day_start: '08:00',
  shifts: [{ name: 'day', title_zh: '早班', title_en: 'Day', from: '08:00', to: '16:00' }, { name: 'swing', title_zh: '中班', title_en: 'Swing', from: '16:00', to: '00:00' }, { name: 'night', title_zh: '夜班', title_en: 'Night', from: '00:00', to: '08:00' }],
  teams: [{ name: 'A', title_zh: '甲班', title_en: 'Team A' }, { name: 'B', title_zh: '乙班', title_en: 'Team B' }, { name: 'C', title_zh: '丙班', title_en: 'Team C' }],
  rotation: { anchor: '2026-01-01', days: [{ day: 'A', swing: 'B', night: 'C' }, { day: 'C', swing: 'A', night: 'B' }] },
  tariffs: [{ title_zh: '全年', title_en: 'All year', periods: [{ from: '00:00', to: '08:00', tariff: 'valley' }, { from: '08:00', to: '11:00', tariff: 'peak' }, { from: '11:00', to: '13:00', tariff: 'deep_valley' }, { from: '13:00', to: '18:00', tariff: 'flat' }, { from: '18:00', to: '20:00', tariff: 'sharp' }, { from: '20:00', to: '00:00', tariff: 'flat' }] }],
};
async function make(request: APIRequestContext, name: string): Promise<void> {
  await request.delete(`/api/v1/calendars/${name}`, { headers });
  const answer = await request.put(`/api/v1/calendars/${name}`, { headers, data: { spec } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

test('a calendar shows its day and its year, and a click makes an exception', async ({ page, request }, info) => {
  const said = listen(page);
  const name = `probe-${info.project.name}`;
  const zh = info.project.name.startsWith('zh');
  await make(request, name);
  await signIn(page);
  await page.goto(`/#/calendars?open=${name}&tab=day`);
  const drawer = page.locator('.el-drawer');
  await expect(drawer.locator('.part.shift')).toHaveCount(3);
  await expect(drawer.locator('.part.rate')).toHaveCount(6);
  await expect(drawer.locator('.nowline')).toContainText(zh ? /班/ : /Day|Swing|Night/);
  await inspect(page, info, 'calendar-day');
  await page.goto(`/#/calendars?open=${name}&tab=year`);
  await expect(drawer.locator('.month')).toHaveCount(12);
  // 2027: what nobody has announced is said.
  while (Number(await drawer.locator('.year').textContent()) < 2027) await drawer.locator(`[aria-label="${zh ? '下一年' : 'The year after'}"]`).click();
  await expect(drawer.locator('.notice')).toBeVisible();
  await expect(drawer.locator('.days .cell.unsure')).not.toHaveCount(0);
  await inspect(page, info, 'calendar-2027');
  while (Number(await drawer.locator('.year').textContent()) > 2026) await drawer.locator(`[aria-label="${zh ? '上一年' : 'The year before'}"]`).click();
  await expect(drawer.locator('.notice')).toHaveCount(0);
  await expect(drawer.locator('.days .cell.makeup')).toHaveCount(6);
  await inspect(page, info, 'calendar-year');
  await drawer.locator('.days .cell[title^="2026-10-09"]').click();
  const dialog = page.locator('.el-dialog:visible');
  await dialog.locator('#day-reason').fill('overhaul');
  await inspect(page, info, 'calendar-exception');
  await dialog.locator('.el-button--primary').click();
  await expect(drawer.locator('.days .cell.exception_off')).toHaveCount(1);
  const stored = await (await request.get(`/api/v1/calendars/${name}`, { headers })).json();
  expect(stored.spec.exceptions).toEqual([{ from: '2026-10-09', working: false, title: 'overhaul' }]);
  await drawer.locator('.days .cell.exception_off').click();
  await page.locator('.el-dialog:visible .el-button').first().click();
  await expect(drawer.locator('.days .cell.exception_off')).toHaveCount(0);
  await request.delete(`/api/v1/calendars/${name}`, { headers });
  expect(said).toEqual([]);
});

test('a common rotation fills shifts, teams and the cycle', async ({ page, request }, info) => {
  const said = listen(page);
  const name = `made-${info.project.name}`;
  const zh = info.project.name.startsWith('zh');
  await request.delete(`/api/v1/calendars/${name}`, { headers });
  await signIn(page);
  await page.goto('/#/calendars?new=');
  const drawer = page.locator('.el-drawer');
  await drawer.locator('#resource-name').fill(name);
  await drawer.locator('.common .el-button').first().click();
  await expect(drawer.locator('.grid tbody tr')).toHaveCount(8);
  await inspect(page, info, 'calendar-new');
  await drawer.locator('footer .el-button--primary').click();
  await page.locator('.el-dialog:visible .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp(`open=${name}`));
  const stored = await (await request.get(`/api/v1/calendars/${name}`, { headers })).json();
  expect(stored.spec.rotation.days[0]).toEqual({ day: 'A', swing: 'D', night: 'C' });
  expect(stored.spec.teams.map((one: { title_zh: string }) => one.title_zh)).toEqual(['甲班', '乙班', '丙班', '丁班']);
  expect(zh || stored.spec.shifts.length === 3).toBe(true);
  await request.delete(`/api/v1/calendars/${name}`, { headers });
  expect(said).toEqual([]);
});

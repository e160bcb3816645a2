import { expect, test, type APIRequestContext } from '@playwright/test';
import { admin as headers, basic, inspect, listen, signIn } from './help';

async function makeRule(request: APIRequestContext, name: string, spec: object): Promise<void> {
  // What an earlier run left is gone with its rule.
  await request.delete(`/api/v1/rules/${name}`, { headers });
  const answer = await request.put(`/api/v1/rules/${name}`, { headers, data: { spec } });
  expect(answer.ok(), await answer.text()).toBe(true);
}

test('an alarm is shelved with its reason, is told so, and comes back', async ({ page, request }, info) => {
  const said = listen(page);
  const name = `probe-shelf-${info.project.name}`;
  const zh = info.project.name.startsWith('zh');
  // Holds always: the store of one machine is never that cold.
  await makeRule(request, name, { device: 'demo/machining/line1/cnc1', condition: 'spindle_temperature > -200 degC', severity: 'warning', group: 'probe', message_zh: name, message_en: name });
  await signIn(page);
  await page.goto(`/#/alarms?q=${name}&by=group`);
  await expect(page.locator('.line')).toHaveCount(1, { timeout: 15_000 });
  await expect(page.locator('.group').filter({ hasText: 'probe' })).toBeVisible();
  await page.locator('.line').click();
  await page.locator('.el-drawer .acts .el-button').filter({ hasText: zh ? /^搁置$/ : /^Shelve$/ }).click();
  const dialog = page.locator('.el-dialog:visible');
  await expect(dialog.locator('.el-button--primary')).toBeDisabled(); // no reason yet
  // The end of the shift is the server's to say: of the calendar at the machine's site.
  await dialog.locator('.segment button').nth(3).click();
  await expect(dialog.locator('.ends')).toBeVisible();
  await dialog.locator('.segment button').nth(4).click();
  await dialog.locator('.short input').fill('8d');
  await dialog.locator('#aside-reason').fill('probe of the page');
  await expect(dialog.locator('.el-button--primary')).toBeDisabled(); // too long
  await dialog.locator('.short input').fill('90m');
  await expect(dialog.locator('.ends')).toContainText(zh ? '1\u2009小时 30\u2009分' : '1\u2009h 30\u2009min');
  await inspect(page, info, 'shelve');
  await dialog.locator('.el-button--primary').click();
  await expect(page.locator('.el-drawer .facts .state.shelved')).toBeVisible();
  await expect(page.locator('.el-drawer .facts')).toContainText('probe of the page');

  await page.goto(`/#/alarms?state=shelved&q=${name}`);
  await expect(page.locator('.line .mark.shelved')).toHaveCount(1);
  await page.goto(`/#/alarms?state=aside&q=${name}`);
  await expect(page.locator('.line')).toContainText('probe of the page');
  await inspect(page, info, 'set-aside');
  await page.locator('.line .el-button').click();
  await page.locator('.el-dialog:visible .el-button--primary').click();
  await expect(page.locator('.line')).toHaveCount(0);
  await page.goto(`/#/alarms?state=raised&q=${name}`);
  await expect(page.locator('.line')).toHaveCount(1);
  await request.delete(`/api/v1/rules/${name}`, { headers });
  expect(said).toEqual([]);
});

test('a rule out of service says so in the list and on the overview until it is put back', async ({ page, request }, info) => {
  const said = listen(page);
  const name = `probe-service-${info.project.name}`;
  const zh = info.project.name.startsWith('zh');
  await makeRule(request, name, { device_type: 'demo_cnc', condition: 'spindle_temperature > 200 degC', severity: 'warning' });
  await signIn(page);
  await page.goto(`/#/rules?open=${name}`);
  await page.locator('.el-drawer .acts .el-button').filter({ hasText: zh ? '退出服务' : 'Take out' }).click();
  const dialog = page.locator('.el-dialog:visible');
  await dialog.locator('#aside-reason').fill('overhaul until Friday');
  await dialog.locator('.el-button--primary').click();
  await expect(page.locator('.el-drawer .aside')).toContainText('overhaul until Friday');
  await inspect(page, info, 'out-of-service');
  await page.goto(`/#/rules?q=${name}`);
  await expect(page.locator('.line .mark.out_of_service')).toBeVisible();
  await page.goto('/#/');
  await expect(page.locator('.card-head .aside')).toContainText(zh ? '退出服务' : 'out of service');
  await page.goto(`/#/rules?open=${name}`);
  await page.locator('.el-drawer .aside .el-button').click();
  await page.locator('.el-dialog:visible .el-button--primary').click();
  await expect(page.locator('.el-drawer .aside')).toHaveCount(0);
  await request.delete(`/api/v1/rules/${name}`, { headers });
  expect(said).toEqual([]);
});

test('who may only look sees no buttons that set aside', async ({ page, request }, info) => {
  const name = `probe-viewer-${info.project.name}`;
  const secret = 'looks-only-0123';
  expect((await request.put(`/api/v1/users/${name}`, { headers, data: { spec: { role: 'viewer' } } })).ok()).toBe(true);
  expect((await request.post(`/api/v1/users/${name}:password`, { headers, data: { password: secret } })).ok()).toBe(true);
  const own = basic(name, secret);
  await request.post('/api/v1/session/password', { headers: own, data: { old: secret, new: secret + 'x' } });
  await page.goto('/#/signin');
  await page.locator('#user').fill(name);
  await page.locator('#password').fill(secret + 'x');
  await page.locator('button[type=submit]').click();
  await page.locator('main#main').waitFor();
  await page.goto('/#/rules?open=cnc-vibration-high');
  await expect(page.locator('.el-drawer .name')).toBeVisible();
  await expect(page.locator('.el-drawer .acts .el-button')).toHaveCount(0);
  await page.goto('/#/alarms?state=all');
  await page.locator('.line').first().click();
  await expect(page.locator('.el-drawer .facts')).toBeVisible();
  await expect(page.locator('.el-drawer .acts .el-button')).toHaveCount(0);
  await request.delete(`/api/v1/users/${name}`, { headers });
});

import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

test('sign-in refuses a wrong password and lets the right one in', async ({ page }, info) => {
  const said = listen(page);
  await page.goto('/#/signin');
  // Who signs in to the demo knows beforehand that its plant is made up.
  await expect(page.locator('.box .simulated')).toBeVisible();
  await inspect(page, info, 'signin');
  await page.locator('#user').fill('admin');
  await page.locator('#password').fill('not this one');
  await page.locator('button[type=submit]').click();
  await expect(page.locator('[role=alert]')).not.toBeEmpty();
  await signIn(page);
  expect(said).toEqual([]);
});

const pages = ['/', '/cases', '/connections', '/devices', '/device-types', '/modbus-servers', '/sparkplug', '/mappings', '/sites', '/calendars', '/dashboards', '/dashboards/plant', '/dashboards/machining-centre', '/tags', '/virtual-tags', '/dead-letters', '/intervals', '/imports', '/query', '/alarms', '/rules', '/users', '/roles', '/tokens', '/audit', '/egress', '/storage', '/backups', '/retention', '/holds', '/approval_policies', '/message-hooks', '/packages', '/sessions', '/status', '/tenants'];
for (const path of pages) {
  const name = path === '/' ? 'overview' : path.slice(1).replaceAll('/', '-');
  test(`page ${name}`, async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    await page.goto('/#' + path);
    await expect(page.locator('main h1').first()).toBeVisible();
    await page.waitForLoadState('networkidle');
    await inspect(page, info, name);
    expect(said).toEqual([]);
  });
}

const details: [string, string, string][] = [
  ['connections', '/connections', 'settings'], ['devices', '/devices', 'values'], ['device-types', '/device-types', 'properties'], ['rules', '/rules', 'settings'], ['alarms', '/alarms?state=all', ''],
];
for (const [name, path, tab] of details) {
  test(`detail of ${name}`, async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    await page.goto('/#' + path);
    await page.locator('.line').first().click();
    await expect(page.locator('.el-drawer')).toBeVisible();
    if (tab === 'settings') {
      await page.locator('.el-drawer [role=tab]').nth(1).click();
      await expect(page.locator('.el-drawer .field').first()).toBeVisible();
    }
    await page.waitForLoadState('networkidle');
    await inspect(page, info, name + '-detail');
    expect(said).toEqual([]);
  });
}

test('tags are drawn, zoomed by the wheel and reset', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/tags');
  await page.locator('.card.block button').click();
  const chart = page.locator('.chart canvas').first();
  await expect(chart).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'tags-chart');
  if (info.project.name.includes('desktop')) {
    await page.locator('.u-over').first().hover();
    await page.mouse.wheel(0, -240);
    await expect(page).toHaveURL(/from=\d+/);
    await page.locator('.u-over').first().dblclick();
    await expect(page).not.toHaveURL(/from=\d+/);
  }
  expect(said).toEqual([]);
});

test('months are drawn from buckets with a band', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/tags');
  await page.locator('.card.block button').click();
  await expect(page).toHaveURL(/tag=/);
  const url = page.url();
  const first = /tag=([^&]+)/.exec(url)![1];
  await page.goto(url.replace(/#.*/, `#/tags?tag=${first}&range=30d`));
  await expect(page.locator('.chart canvas').first()).toBeVisible();
  await page.waitForLoadState('networkidle');
  await inspect(page, info, 'tags-month');
  expect(said).toEqual([]);
});

test('search by Ctrl-K goes to a page', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.keyboard.press('Control+k');
  await page.locator('[role=combobox]').fill(info.project.name.startsWith('zh') ? '规则' : 'rules');
  await expect(page.locator('[role=option]').first()).toBeVisible();
  await inspect(page, info, 'search');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/#\/rules/);
  expect(said).toEqual([]);
});

test('phone and desktop keep their own navigation', async ({ page }, info) => {
  await signIn(page);
  const phone = info.project.name.includes('phone');
  await expect(page.locator('.rail')).toBeVisible({ visible: !phone });
  await expect(page.locator('.bottombar')).toBeVisible({ visible: phone });
  if (!phone) return;
  await page.locator('.bottombar button').click();
  await inspect(page, info, 'more');
});

test('a lost link is told, values stand still, and it heals', async ({ page }, info) => {
  let cut = false;
  const links: { close: () => Promise<void> }[] = [];
  await page.routeWebSocket(/\/api\/v1\/live/, (socket) => {
    if (cut) return void socket.close();
    socket.connectToServer();
    links.push(socket);
  });
  await signIn(page);
  await page.waitForLoadState('networkidle');
  await expect.poll(() => links.length).toBeGreaterThan(0);
  cut = true;
  for (const link of links) await link.close();
  await expect(page.locator('.banner')).toBeVisible();
  await expect(page.locator('.value.stale').first()).toBeVisible();
  await page.screenshot({ path: new URL(`../../build/pages/stale-${info.project.name}.png`, import.meta.url).pathname });
  await page.locator('.banner button').click(); // asked while the link is still cut: the page keeps saying so
  await expect(page.locator('.banner')).toBeVisible();
  cut = false;
  await expect(page.locator('.banner')).toBeHidden({ timeout: 40_000 });
});

test('titles are in the language of the page', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  const zh = info.project.name.startsWith('zh');
  await page.goto('/#/devices');
  await page.locator('.line').first().waitFor();
  const titles = await page.locator('.line [role=cell]:nth-child(3) .content').allInnerTexts();
  expect(titles.length).toBeGreaterThan(3);
  for (const title of titles) expect(title).toMatch(zh ? /\p{Script=Han}/u : /^[^\p{Script=Han}]+$/u);
  await page.locator('.line').first().click();
  const property = page.locator('.el-drawer .values a').first();
  await expect(property).toHaveText(zh ? /\p{Script=Han}/u : /^[^\p{Script=Han}_]+$/u);
  expect(said).toEqual([]);
});

test('a rule shows the values it is about with unit, quality and time', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.goto('/#/rules');
  await page.locator('.line').first().click();
  const row = page.locator('.el-drawer .over tbody tr').first();
  await expect(row.locator('.value .unit')).toHaveText(/\S/);
  await expect(row.locator('time')).not.toHaveText('–');
  await expect(row).toContainText(info.project.name.startsWith('zh') ? /良好|存疑|坏值/ : /Good|Uncertain|Bad/);
  await inspect(page, info, 'rule-values');
  expect(said).toEqual([]);
});

test('without rules the empty alarm page does not say that all is well', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.route(/\/api\/v1\/alarms\?/, (route) => route.fulfill({ json: { alarms: [], counts: { critical: 0, major: 0, minor: 0, warning: 0 } } }));
  let rules: object[] = [];
  await page.route(/\/api\/v1\/rules\?/, (route) => route.fulfill({ json: { items: rules } }));
  await page.goto('/#/alarms');
  const zh = info.project.name.startsWith('zh');
  const block = page.locator('.frame .block');
  await expect(block).toContainText(zh ? '还没有规则' : 'No rules yet');
  await inspect(page, info, 'alarms-no-rules');
  rules = [{ kind: 'rule', name: 'a', uid: '1', revision: 1, created: 1, updated: 1, by: 'x', spec: { condition: 'a > 1', enabled: false } }];
  await page.reload();
  await expect(block).toContainText(zh ? '都已停用' : 'switched off');
  rules = [];
  await page.reload();
  await block.locator('.el-button').click();
  await expect(page).toHaveURL(/rules\?new/);
  expect(said).toEqual([]);
});

test('a list that may not be read says who gives the right, and offers nothing else', async ({ page }, info) => {
  await signIn(page);
  await page.route(/\/api\/v1\/users\?/, (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', json: { type: 'about:blank', title: 'denied', status: 403, detail: 'needs admin' } }));
  await page.goto('/#/users');
  await expect(page.locator('main [role=alert]')).toContainText(info.project.name.startsWith('zh') ? '管理员' : 'Administrator');
  await expect(page.locator('main .filter')).toHaveCount(0);
  await inspect(page, info, 'denied');
});

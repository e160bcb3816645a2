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
  // Saved nevertheless: told once, in the language of the page.
  await page.locator('#resource-name').fill('probe-condition');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await expect(page.locator('.el-message--warning')).toBeVisible();
  await expect(page.locator('.el-drawer .field .error')).toHaveCount(0);
  if (info.project.name.startsWith('zh')) await expect(page.locator('.el-message, .verdict.bad').filter({ hasText: /there is no/ })).toHaveCount(0);
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

test('a backup is made, checked and removed; who may not is told', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  await signIn(page);
  await page.goto('/#/backups');
  await page.locator('main .el-button--primary').click();
  const ended = page.locator('main .ended');
  await expect(ended).toContainText(zh ? /\d\d:\d\d 的备份已完成/ : /The backup of .*\d\d:\d\d is whole/, { timeout: 20_000 });
  await expect(page.locator('.line').first()).toContainText(zh ? '完整' : 'Whole');
  await inspect(page, info, 'backups-made');
  await page.locator('.line').first().click();
  const drawer = page.locator('.el-drawer');
  await expect(drawer.locator('.steps code').nth(1)).toHaveText(/^gongshu restore \S+\/\d{8}T\d{6}Z --data /);
  await drawer.locator('.acts .el-button').first().click();
  await expect(drawer).toContainText(zh ? '已核对' : 'Checked', { timeout: 20_000 });
  await inspect(page, info, 'backups-detail');
  await drawer.locator('.acts .el-button').nth(1).click();
  await expect(drawer).toContainText(zh ? '已演练' : 'Proved', { timeout: 20_000 });
  await expect(page.locator('main .plan')).toContainText(zh ? '演练成功' : 'proved by reading on');
  await inspect(page, info, 'backups-proved');
  await drawer.locator('.acts .el-button').last().click();
  await page.locator('.el-message-box .el-button--danger').click();
  await expect(page).not.toHaveURL(/open=/);

  await page.route(/\/api\/v1\/admin\/backups/, (route) => route.fulfill({ json: { folder: '/var/lib/gongshu.backups', every_s: 0, keep: 7, running: null, last: null, backups: [] } }));
  await page.reload();
  await expect(page.locator('main .block')).toContainText(zh ? '密钥目录' : 'key folder');
  await inspect(page, info, 'backups-empty');
  await page.unroute(/\/api\/v1\/admin\/backups/);
  await page.route(/\/api\/v1\/admin\/backups/, (route) => route.fulfill({ json: { folder: '/var/lib/gongshu.backups', every_s: 86400, keep: 7, running: { work: 'make', name: '', since: 1795240000000, files_done: 210, files: 612, bytes_done: 17_000_000, bytes: 48_000_000 }, last: null, backups: [] } }));
  await page.reload();
  await expect(page.locator('[role=progressbar]')).toHaveAttribute('aria-valuenow', '35');
  await inspect(page, info, 'backups-running');
  expect(said).toEqual([]);
  await page.unroute(/\/api\/v1\/admin\/backups/);
  await page.route(/\/api\/v1\/admin\/backups/, (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', json: { type: 'about:blank', title: 'denied', status: 403, detail: 'a backup holds all tenants' } }));
  await page.reload();
  await expect(page.locator('main [role=alert]')).toContainText('default');
  await inspect(page, info, 'backups-denied');
});

test('an alarm whose rule and device are called otherwise by now says so', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  await page.route(/\/api\/v1\/rules\?/, (route) => route.fulfill({ json: { items: [] } }));
  await page.route(/\/api\/v1\/last\?/, (route) => route.fulfill({ json: { series: [{ tag: 'a/moved.x', unit: '', columns: ['ts', 'value', 'quality'], rows: [] }] } }));
  await page.goto('/#/alarms?state=all');
  await page.locator('.line').first().click();
  const facts = page.locator('.el-drawer .facts');
  await expect(facts).toContainText(info.project.name.startsWith('zh') ? '已改名或删除' : 'renamed or deleted');
  await expect(facts.locator('a[href*="tag=a/moved.x"]')).toHaveCount(1);
  await expect(facts.locator('a[href$="#/rules"]')).toHaveCount(1);
  await inspect(page, info, 'alarm-renamed');
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
    await expect(page.locator('.el-dialog [role=status]')).toContainText('5,800');
    expect(said).toEqual([]);
  });
}

test('what somebody noted on an alarm stands under the name people know', async ({ page }, info) => {
  const said = listen(page);
  await page.route('**/api/v1/users?*', (route) => route.fulfill({ json: { items: [{ kind: 'user', name: 'admin', uid: '1', revision: 1, created: 1, updated: 1, by: 'system', spec: { title: '李工' } }] } }));
  await signIn(page);
  await page.goto('/#/alarms?state=all');
  await page.locator('.line').first().click();
  await page.locator('.el-drawer .acts .el-button').first().click();
  await page.locator('#words').fill(`seen ${info.project.name}`);
  await page.locator('.el-dialog .el-button--primary').click();
  const line = page.locator('.journal li').filter({ hasText: `seen ${info.project.name}` });
  await expect(line).toContainText('李工');
  await expect(page.locator('.journal')).not.toContainText('user:');
  expect(said).toEqual([]);
});

test('a condition is completed with names, functions and units, and helped by a list of functions', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  await signIn(page);
  await page.goto('/#/rules?new');
  const area = page.locator('.editor textarea').first();
  const offers = page.locator('.editor [role=listbox]');
  // A machine with a vibration: its properties come by their short names, called as the reader calls them.
  const device = await page.evaluate(async () => ((await (await fetch('/api/v1/tags?glob=**.vibration')).json()) as { tags: { device: string }[] }).tags[0]!.device);
  await page.locator('#f-device').fill(device);
  await page.locator('.el-select-dropdown__item:visible', { hasText: device }).first().click();
  await area.pressSequentially('vib');
  await expect(offers.locator('li').first()).toHaveText(zh ? /vibration.*振动.*mm\/s/ : /vibration.*ibration.*mm\/s/);
  await expect(area).toHaveAttribute('aria-activedescendant', /-0$/);
  await inspect(page, info, 'rule-offers');
  await area.press('Enter');
  await expect(area).toHaveValue('vibration');
  await expect(offers).toHaveCount(0);
  // The unit of what is compared comes by itself, but Enter does not take it.
  await area.pressSequentially(' > 4.5 ');
  await expect(offers.locator('li')).toHaveText([/mm\/s/]);
  await expect(area).not.toHaveAttribute('aria-activedescendant', /./);
  await area.press('ArrowDown');
  await area.press('Tab');
  await expect(area).toHaveValue('vibration > 4.5 mm/s');
  await expect(area).toBeFocused();
  await area.pressSequentially(' and no');
  await expect(offers.locator('li', { hasText: 'not' })).toHaveCount(1);
  await area.press('Escape');
  await expect(offers).toHaveCount(0);
  await expect(page.locator('.el-drawer .editor').first()).toBeVisible();
  await expect(area).toHaveValue('vibration > 4.5 mm/s and no');

  // A function brings its help, and while it is filled in the order of its values.
  await area.fill('');
  await area.pressSequentially('avg');
  await expect(page.locator('.editor .about')).toContainText(zh ? '平均' : 'mean');
  await inspect(page, info, 'rule-offers-function');
  await area.press('Enter');
  await expect(area).toHaveValue('avg(');
  await expect(page.locator('.editor .hint').first()).toContainText('avg(x, 5m)');
  await area.pressSequentially('vibr');
  await expect(offers).toBeVisible();
  await area.press('Enter');
  await area.pressSequentially(', 1m) > 4.5 mm/s');
  await expect(page.locator('.verdict p').first()).toContainText(zh ? '条件正确' : 'Condition is valid');

  // The list of all of them: searched in the reader's language, an example put in at the caret.
  await area.fill('');
  await page.locator('.editor .open').first().click();
  const help = page.locator('.functions');
  await expect(help.locator('input')).toBeFocused();
  await expect(help.locator('li').nth(5)).toBeVisible();
  await help.locator('input').fill(zh ? '断流' : 'since');
  await expect(help.locator('li').first()).toContainText('since(tag)');
  await inspect(page, info, 'rule-functions');
  await help.locator('li').first().locator('button').click();
  await expect(area).toHaveValue('since(x) > 60s');
  await expect(area).toBeFocused();
  if (!(await help.isVisible())) await page.locator('.editor .open').first().click();
  await help.locator('input').focus();
  await page.keyboard.press('Escape');
  await expect(help).toHaveCount(0);
  await expect(area).toBeVisible();
  expect(said).toEqual([]);
});

const rehearsed = (more: object = {}): object => {
  const to = Date.UTC(2026, 10, 20, 4);
  const day = 86_400_000;
  const one = (raised: number, minutes: number | null, device: string): object => ({ id: '', rule: 'r', device, tag: `${device}.temperature`, state: 'cleared', severity: 'major', title_zh: '', title_en: '', message: '炉温过高', message_zh: '炉温过高', message_en: 'Oven too hot', raised, cleared: minutes === null ? null : raised + minutes * 60_000, cleared_reason: '', acknowledged: null, acknowledged_by: null, why: { condition: 'temperature > 80 degC', text_zh: '温度 = 81.2 ℃', text_en: 'temperature = 81.2 ℃', values: [{ tag: `${device}.temperature`, expression: `${device}.temperature`, ts: raised, value: 81.2, unit: 'degC', quality: 'good' }] } });
  const alarms = [one(to - 0.01 * day, null, 'works/oven-1'), one(to - day, 40, 'works/oven-2'), one(to - 3.2 * day, 26, 'works/oven-1'), one(to - 6.5 * day, 200, 'works/oven-1')];
  return { count: 4, active_s: 16_824, from: to - 7 * day, to, until: to, complete: true, readings: 61_204, devices: 2, devices_left: 0, alarms, ...more };
};

test('a rule is tried over the past: how often, when, and what if it cannot be', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  await signIn(page);
  await page.goto('/#/rules');
  await page.locator('.line').first().click();
  await page.locator('.el-drawer [role=tab]').nth(1).click();
  const box = page.locator('.el-drawer .try');
  const go = box.locator('button.go');
  // The server's own answer, whatever its past holds.
  await go.click();
  await expect(box.locator('.headline')).toContainText(zh ? /7.天内/ : /in 7.d|No readings/, { timeout: 30_000 });
  await expect(box.locator('.bands')).toBeVisible();

  const asked: { url: string; body: { spec: { condition: string }; name?: string } }[] = [];
  let next: object = { json: rehearsed() };
  await page.route(/rules:rehearse/, async (route) => {
    asked.push({ url: route.request().url(), body: route.request().postDataJSON() });
    await route.fulfill(next);
  });
  await go.click();
  await expect(box.locator('.headline')).toHaveText(zh ? '7 天内会告警 4 次，活动共 4\u2009小时 40\u2009分' : 'Would have raised 4 times, active 4\u2009h 40\u2009min in all, in 7 d');
  expect(asked.at(-1)!.body.name).toBeTruthy();
  await expect(box.locator('.band')).toHaveCount(2);
  await expect(box.locator('.band b')).toHaveCount(4);
  await expect(box.locator('.list li')).toHaveCount(4);
  await expect(box.locator('.list li').first()).toContainText(zh ? '未恢复' : 'not over');
  const to = await box.locator('.list li').nth(1).locator('a').getAttribute('href');
  expect(to).toMatch(/tags\?tag=works\/oven-2\.temperature&from=\d{13}&to=\d{13}/);
  await box.scrollIntoViewIfNeeded();
  await box.locator('.headline').evaluate((e) => e.scrollIntoView({ block: 'start' }));
  await inspect(page, info, 'rule-tried');

  // What is changed afterwards makes it a result of before; what is put back does not.
  const severity = page.locator('#f-dead_band').or(page.locator('#f-message_en')).first();
  await severity.fill('7');
  await severity.blur();
  await expect(box.locator('.note')).toContainText(zh ? '又改过' : 'was changed');
  await box.locator('.headline').evaluate((e) => e.scrollIntoView({ block: 'center' }));
  await inspect(page, info, 'rule-tried-stale');

  next = { json: rehearsed({ count: 0, active_s: 0, alarms: [] }) };
  await box.locator('.spans button').nth(2).click();
  await expect(box.locator('.headline')).toHaveText(zh ? '30 天内不会告警' : 'Would not have raised in 30 d');
  expect(asked.at(-1)!.url).toMatch(/from=\d{19}&to=\d{19}/);
  next = { json: rehearsed({ count: 0, active_s: 0, alarms: [], readings: 0 }) };
  await box.locator('.spans button').nth(0).click();
  await expect(box.locator('.headline')).toContainText(zh ? '没有读数' : 'No readings');
  next = { json: rehearsed({ complete: false, until: Date.UTC(2026, 10, 17, 4), devices_left: 3 }) };
  await go.click();
  await expect(box.locator('.note')).toHaveText(zh ? [/2026-11-17 12:00:00/, /3 台设备没有试/] : [/2026-11-17 12:00:00/, /3 devices were not tried/]);
  await expect(box.locator('.unread').first()).toBeVisible();
  await box.locator('.headline').evaluate((e) => e.scrollIntoView({ block: 'start' }));
  await inspect(page, info, 'rule-tried-part');

  // A refusal tells the field in the reader's words.
  next = { status: 400, contentType: 'application/problem+json', json: { title: 'invalid', status: 400, detail: zh ? 'device: 没有设备“works/gone”' : 'device: there is no device "works/gone"', place: 'device' } };
  await go.click();
  await expect(box.locator('[role=alert]')).toHaveText(zh ? '设备: 没有设备“works/gone”' : 'Device: there is no device "works/gone"');
  next = { status: 429, contentType: 'application/problem+json', json: { title: 'limit', status: 429, detail: 'two rules are being tried' } };
  await go.click();
  await expect(box.locator('[role=alert]')).toContainText(zh ? '最多同时两个' : 'two run at a time');
  expect(said.filter((line) => !/400|429/.test(line))).toEqual([]);

  // It takes a while: said with the time, and can be stopped.
  await page.unroute(/rules:rehearse/);
  await page.route(/rules:rehearse/, () => undefined);
  await go.click();
  await expect(box.locator('[role=status]').first()).toContainText(zh ? '最多 20 秒' : '20 s at most');
  await box.locator('button', { hasText: zh ? '取消' : 'Cancel' }).click();
  await expect(go).toBeVisible();
  await expect(box.locator('[role=alert]')).toHaveCount(0);
});

test('who may not try a rule is told the role', async ({ page }, info) => {
  await page.route(/\/api\/v1\/session$/, async (route) => {
    if (route.request().method() === 'DELETE') return route.continue();
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), role: 'viewer' } });
  });
  await signIn(page);
  await page.goto('/#/rules');
  await page.locator('.line').first().click();
  await page.locator('.el-drawer [role=tab]').nth(1).click();
  await expect(page.locator('.try')).toContainText(info.project.name.startsWith('zh') ? '工程师' : 'Engineer');
  await expect(page.locator('.try button')).toHaveCount(0);
});

test('a rule that cannot run and a disk that gets full lead to where they are looked at', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  const rule = await page.evaluate(async () => ((await (await fetch('/api/v1/rules')).json()) as { items: { name: string }[] }).items[0]!.name);
  await page.route(/\/api\/v1\/overview/, async (route) => {
    const answer = await route.fetch();
    const wrong = [
      { severity: 'major', what: 'rule', name: rule, text_zh: `规则 ${rule} 没有运行`, text_en: `the rule ${rule} does not run`, since: Date.now() - 60_000 },
      { severity: 'minor', what: 'system', name: 'disk', text_zh: '磁盘只剩 4.1 GB', text_en: '4.1 GB are left on the disk', since: 0 },
    ];
    await route.fulfill({ response: answer, json: { ...((await answer.json()) as object), wrong } });
  });
  await page.goto('/#/');
  await page.reload();
  await expect(page.locator('main button .sev')).toHaveCount(2);
  await inspect(page, info, 'overview-wrong');
  await page.locator('main button', { has: page.locator('.sev') }).first().click();
  await expect(page).toHaveURL(new RegExp(`rules\\?open=${rule}`));
  await expect(page.locator('.el-drawer .condition')).toBeVisible();
  await page.goBack();
  await page.locator('main button', { has: page.locator('.sev') }).nth(1).click();
  await expect(page).toHaveURL(/#\/status/);
  await expect(page.locator('.facts').nth(1)).toBeVisible();
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  expect(said).toEqual([]);
});

test('the form of a connection changes with its protocol, and an unknown DTU is adopted', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  const name = `dtu-${info.project.name}`;
  const stranger = { port: 9001, address: '203.0.113.7:40112', text: `<b>${name}</b>`, hex: Buffer.from(`<b>${name}</b>`).toString('hex'), times: 4, first: Date.now() - 400_000, last: Date.now() - 20_000 };
  await page.route(/\/api\/v1\/status\/dtu/, (route) => route.fulfill({ json: { listens: ['0.0.0.0:9001'], waiting: 1, dialled: 3, unknown: 4, refused: 0, packets: [stranger] } }));
  await signIn(page);
  await page.goto('/#/connections?new');
  await page.locator('#resource-name').fill(name);
  const choose = async (title: RegExp): Promise<void> => {
    await page.locator('.el-form-item, .field').filter({ hasText: zh ? '协议' : 'Protocol' }).locator('.el-select').first().click();
    await page.locator('.el-select-dropdown__item:visible').filter({ hasText: title }).click();
  };
  await expect(page.locator('#f-host')).toBeVisible();
  await expect(page.locator('#f-serial_port')).toHaveCount(0);
  await choose(/Modbus RTU ?\((本机串口|serial)/);
  await expect(page.locator('#f-serial_port')).toBeVisible();
  await expect(page.locator('#f-baud')).toHaveAttribute('placeholder', '9600');
  await expect(page.locator('#f-host')).toHaveCount(0);
  await inspect(page, info, 'connection-serial');
  await choose(/^Modbus ?\((a )?DTU/);
  await expect(page.locator('#f-registration')).toBeVisible();
  await expect(page.locator('#f-serial_port')).toHaveCount(0);
  await page.locator('#f-registration').fill(`DTU-${info.project.name}`);
  await inspect(page, info, 'connection-dtu');
  await page.locator('.el-drawer footer .el-button--primary').click();
  // What belongs to other protocols is not stored.
  await expect(page.locator('.el-dialog .simple')).toBeVisible();
  await expect(page.locator('.el-dialog .simple')).not.toContainText(zh ? '波特率' : 'Baud rate');
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp('open=' + name));
  await page.locator('.el-drawer [role=tab]').first().click();
  // What strangers send is text, never markup.
  const packet = page.locator('.packet').filter({ hasText: stranger.text });
  await expect(packet).toBeVisible();
  await expect(page.locator('.packet b')).toHaveCount(0);
  await inspect(page, info, 'connection-dtu-unknown');
  await packet.locator('.el-button').click();
  await page.locator('.el-drawer [role=tab]').nth(1).click();
  await expect(page.locator('#f-registration')).toHaveValue(stranger.text);
  expect(said).toEqual([]);
});

test('S7 and meters: what holds while a field is empty stands in it, and what another PLC has is not shown', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  await signIn(page);
  await page.goto('/#/connections?new');
  const choose = async (field: string, choice: RegExp): Promise<void> => {
    await page.locator('.el-drawer .field').filter({ hasText: field }).locator('.el-select').first().click();
    await page.locator('.el-select-dropdown__item:visible').filter({ hasText: choice }).click();
  };
  await choose(zh ? '协议' : 'Protocol', /S7/);
  await expect(page.locator('#f-port')).toHaveAttribute('placeholder', '102');
  await expect(page.locator('#f-slot')).toHaveAttribute('placeholder', '1');
  await expect(page.locator('#f-unit')).toHaveCount(0);
  await inspect(page, info, 'connection-s7');
  await choose('PLC', /^S7-300$/);
  await expect(page.locator('#f-slot')).toHaveAttribute('placeholder', '2');
  await choose('PLC', /^LOGO!$/);
  await expect(page.locator('#f-rack')).toHaveCount(0);
  await expect(page.locator('#f-remote_tsap')).toBeVisible();
  await choose(zh ? '协议' : 'Protocol', /DL\/T 645 ?\((本机串口|serial port)/);
  await expect(page.locator('#f-baud')).toHaveAttribute('placeholder', '2400');
  await expect(page.locator('.field').filter({ hasText: zh ? '校验' : 'Parity' }).locator('.el-select')).toContainText(zh ? '偶校验' : 'Even');
  await expect(page.locator('#f-rack')).toHaveCount(0);
  await expect(page.locator('#f-writes_enabled')).toHaveCount(0);
  await inspect(page, info, 'connection-meters');
  await choose(zh ? '协议' : 'Protocol', /60870-5-104/);
  for (const [field, value] of Object.entries({ port: '2404', common_address: '1', interrogation_minutes: '15', stamp_zone: 'UTC', t1_s: '15', k: '12' }))
    await expect(page.locator(`#f-${field}`)).toHaveAttribute('placeholder', value);
  await expect(page.locator('#f-host')).toHaveAttribute('placeholder', '');
  await expect(page.locator('#f-period_ms')).toHaveCount(0);
  await expect(page.locator('#f-writes_enabled')).toHaveCount(1);
  await inspect(page, info, 'connection-iec104');
  await choose(zh ? '协议' : 'Protocol', /HTTP.*JSON/);
  await expect(page.locator('#f-http_path')).toHaveAttribute('placeholder', '/');
  await expect(page.locator('#f-https')).toHaveCount(1);
  await expect(page.locator('#f-password')).toHaveAttribute('type', 'password');
  await expect(page.locator('#f-writes_enabled')).toHaveCount(0);
  await page.locator('#f-password').scrollIntoViewIfNeeded();
  await inspect(page, info, 'connection-http');
  await choose(zh ? '协议' : 'Protocol', /^OPC UA$/);
  await expect(page.locator('#f-host')).toHaveCount(0);
  await expect(page.locator('#f-security_policy')).toHaveCount(0);
  await choose(zh ? '安全模式' : 'Security mode', zh ? /^签名并加密$/ : /^Sign and encrypt$/);
  await expect(page.locator('#f-security_policy')).toHaveCount(1);
  await expect(page.locator('#f-publishing_interval_ms')).toHaveAttribute('placeholder', '1000');
  await page.locator('#f-endpoint').scrollIntoViewIfNeeded();
  await inspect(page, info, 'connection-opcua');
  expect(said).toEqual([]);
});

test('a property of a device type gets a point as the manual prints it', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  await signIn(page);
  await page.goto('/#/device-types?new');
  await page.locator('#resource-name').fill(`press-${info.project.name}`);
  await page.locator('.field.wide').filter({ hasText: zh ? '属性' : 'Properties' }).locator('.list-head .el-button').click();
  await page.locator('#f-properties-0--name').fill('pressure');
  await page.locator('.item-body .field', { has: page.getByText(zh ? '测点地址' : 'Point', { exact: true }) }).locator('.el-button').click();
  await page.locator('#f-properties-0--point-at').fill('DB10.DBD4');
  await page.locator('#f-properties-0--point-as').fill('real');
  await expect(page.locator('#f-properties-0--point-write')).toBeVisible();
  await expect(page.locator('#f-properties-0--point-scale')).toHaveValue('1');
  await inspect(page, info, 'device-type-point');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(/open=press-/);
  await page.locator('.item-open').first().click();
  await expect(page.locator('#f-properties-0--point-at')).toHaveValue('DB10.DBD4');
  await expect(page.locator('#f-properties-0--point-as')).toHaveValue('real');
  expect(said).toEqual([]);
});

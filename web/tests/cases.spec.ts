import { expect, test, type Page } from '@playwright/test';
import { hire, inspect, listen, signIn, theirs } from './help';

/** What the test itself needs of the server, in the session of the page. */
async function call<T = unknown>(page: Page, method: string, path: string, body?: object, revision?: number): Promise<T> {
  return page.evaluate(async ({ method, path, body, revision }) => {
    const { csrf } = (await (await fetch('/api/v1/session')).json()) as { csrf: string };
    const answer = await fetch('/api/v1' + path, { method, headers: { 'Content-Type': 'application/json', 'X-CSRF': csrf, ...(revision === undefined ? {} : { 'If-Match': `"${revision}"` }) }, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? null : await answer.json();
  }, { method, path, body, revision }) as Promise<T>;
}

test('a stop is asked about, explained, and closed; who explained it does not confirm it', async ({ page }, info) => {
  const said = listen(page);
  await signIn(page);
  const { items } = await call<{ items: { name: string }[] }>(page, 'GET', '/devices');
  await page.goto(`/#/cases?ask=downtime_reason&asset=${encodeURIComponent(items[0]!.name)}&from=2026-01-05T08:00:00Z`);
  const dialog = page.locator('.el-dialog:visible');
  await expect(dialog).toBeVisible();
  await inspect(page, info, 'case-ask');
  await dialog.locator('.el-button--primary').click();
  const body = page.locator('.case');
  await expect(body).toBeVisible();
  await inspect(page, info, 'case-open');

  await body.locator('.buttons .el-button--primary').click();
  await dialog.locator('[role=radio]').nth(1).click();
  await inspect(page, info, 'case-answer');
  await dialog.locator('.el-button--primary').click();
  await expect(dialog).toHaveCount(0);
  await expect(body.locator('.steps li')).toHaveCount(2);
  // Four eyes: told beside the button that does nothing.
  await expect(body.locator('.unable button').first()).toBeDisabled();
  await expect(body.locator('.unable li').first()).toContainText(info.project.name.startsWith('zh') ? '第二人' : 'second person');
  await inspect(page, info, 'case-answered');

  await body.locator('.buttons .el-button').last().click();
  await dialog.locator('.el-button--primary').click();
  await expect(dialog.locator('[role=alert]')).toHaveCount(1); // why is asked for
  await dialog.locator('#case-note').fill('a trial');
  await dialog.locator('.el-button--primary').click();
  await expect(body.locator('.closed')).toBeVisible();
  await page.goto('/#/cases?tab=all&view=board&kind=downtime_reason');
  await expect(page.locator('.board .item').first()).toBeVisible();
  await inspect(page, info, 'cases-board');
  expect(said).toEqual([]);
});

test('a change that needs a second person is asked for where it was refused', async ({ page, browser, request }, info) => {
  const said = listen(page);
  await signIn(page);
  const name = 'needs-two-' + info.project.name;
  const { items } = await call<{ items: { spec: object }[] }>(page, 'GET', '/rules');
  await call(page, 'PUT', `/rules/${name}`, { spec: { ...items[0]!.spec, enabled: false } });
  await call(page, 'PUT', `/approval_policies/${name}`, { spec: { kinds: ['rules'], names: [name] } });
  await page.goto(`/#/rules?open=${name}&tab=settings`);
  const field = page.locator('.el-drawer .field input').first();
  await expect(field).toBeVisible();
  await field.fill('又一个名称');
  await page.locator('.el-drawer footer .el-button--primary').click();
  const dialog = page.locator('.el-dialog:visible');
  await expect(dialog).toContainText(name);
  await expect(dialog.locator('tbody tr')).toHaveCount(1);
  await inspect(page, info, 'approval-ask');
  await dialog.locator('#approval-note').fill('the old one says nothing');
  await dialog.locator('.el-button--primary').click();
  await page.locator('.told-link').click();
  const body = page.locator('.case');
  await expect(body).toContainText('又一个名称');
  await expect(body.locator('.unable li').first()).toBeVisible();
  await inspect(page, info, 'approval-case');
  const id = /cases\/([A-Z]+-\d+)/.exec(page.url())![1];
  if (process.env.BASE_URL) {
    // Somebody else looks at the same change, and it is published.
    const second = 'second-' + info.project.name;
    await hire(request, second, 'admin');
    const context = await theirs(browser, info, info.project.name.endsWith('phone'));
    const other = await context.newPage();
    const saidThere = listen(other);
    await signIn(other, second);
    await other.goto(`/#/cases/${id}`);
    await expect(other.locator('.case')).toContainText('又一个名称');
    await inspect(other, info, 'approval-second');
    await other.locator('.case .buttons .el-button--primary').first().click();
    const decide = other.locator('.el-dialog:visible');
    await decide.locator('#case-note').fill('it says what it is now');
    await decide.locator('.el-button--primary').click();
    await expect(decide).toHaveCount(0);
    await expect(other.locator('.case .closed')).toBeVisible();
    await inspect(other, info, 'approval-approved');
    expect(JSON.stringify(await call(page, 'GET', `/rules/${name}`))).toContain('又一个名称');
    expect(saidThere).toEqual([]);
    await context.close();
  } else {
    await call(page, 'POST', `/cases/${id}:withdraw`, {});
  }
  await call(page, 'DELETE', `/approval_policies/${name}`);
  await call(page, 'DELETE', `/rules/${name}`);
  // The refusal is an answer that the page asked for.
  expect(said.filter((line) => !line.includes('403'))).toEqual([]);
});

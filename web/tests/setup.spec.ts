import { expect, test, type Page } from '@playwright/test';
import { inspect, listen, signIn } from './help';

const facts = {
  version: '0.1.0', fresh: true, sites: 0, sample: true, config: '', lan: [], phone: null as unknown,
  data: { folder: '/var/lib/gongshu', free_bytes: 412e9, total_bytes: 512e9 }, keys: { folder: '/var/lib/gongshu.keys' }, backups: { folder: '/var/lib/gongshu.backups', every_s: 0, keep: 7 },
};
const square = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"><path d="M0 0h2v2H0zM2 2h2v2H2z"/></svg>';

/** The server as it is at its first start, whatever it holds: what was sent to it is kept. */
async function firstStart(page: Page, more: Partial<typeof facts> = {}): Promise<Record<string, unknown>[]> {
  const sent: Record<string, unknown>[] = [];
  let setup = true;
  let forced = true;
  await page.route('**/api/v1/session', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), setup, must_change_password: forced } });
  });
  await page.route('**/api/v1/session/password', async (route) => {
    const wish = route.request().postDataJSON() as { new: string };
    if (wish.new === 'refused by the server') return route.fulfill({ status: 400, contentType: 'application/problem+json', body: JSON.stringify({ title: 'invalid', status: 400, detail: 'password: a reason of the server' }) });
    sent.push(wish);
    forced = false;
    return route.fulfill({ status: 204 });
  });
  await page.route(/\/api\/v1\/setup(\?|$)/, async (route) => {
    if (route.request().method() === 'GET') return route.fulfill({ json: { ...facts, ...more } });
    const dry = route.request().url().includes('dry_run');
    const wish = route.request().postDataJSON() as Record<string, unknown>;
    if (wish.name === 'taken') return route.fulfill({ status: 400, contentType: 'application/problem+json', body: JSON.stringify({ title: 'invalid', status: 400, detail: 'site taken: a reason of the server' }) });
    sent.push({ ...wish, dry });
    if (!dry) setup = false;
    return route.fulfill({ status: dry ? 200 : 201, json: { stored: { site: 1 } } });
  });
  return sent;
}
const next = (page: Page): Promise<void> => page.locator('.actions button[type=submit]').click();

test('the first steps, by keyboard, to a plant with the sample', async ({ page }, info) => {
  test.setTimeout(120_000); // many pages, each looked at
  const said = listen(page);
  await signIn(page);
  const zh = info.project.name.startsWith('zh');
  const sent = await firstStart(page, { lan: ['https://192.168.1.5:8080'] as never, phone: { page: 'https://192.168.1.5:8080', authority: 'https://192.168.1.5:8080/ca.crt', qr: square } });
  await page.goto('/#/');
  await page.reload();
  await expect(page).toHaveURL(/#\/setup/);
  await expect(page.locator('.steps .on')).toHaveCount(1);
  await inspect(page, info, 'setup-1-language');
  await page.locator('input[name=language]:checked').press('Enter');

  await expect(page.locator('h1')).toBeFocused();
  await page.locator('#fresh').fill('short');
  await page.locator('#again').fill('other');
  await next(page);
  await expect(page.locator('#fresh-help')).toHaveText(zh ? /还不够/ : /Not 10/);
  await expect(page.locator('#again-help')).not.toBeEmpty();
  expect(sent).toEqual([]);
  await page.locator('#person').fill(zh ? '李工' : 'Li');
  await page.locator('#fresh').fill('refused by the server');
  await page.locator('#again').fill('refused by the server');
  await inspect(page, info, 'setup-2-person');
  await page.locator('#again').press('Enter');
  await expect(page.locator('[role=alert]')).toContainText('a reason of the server');
  await page.locator('#fresh').fill('a password of my own');
  await page.locator('#again').fill('a password of my own');
  await page.locator('#again').press('Enter');

  await expect(page.locator('#title')).toBeVisible();
  await next(page);
  await expect(page.locator('#title-help')).not.toBeEmpty();
  await page.locator('#title').fill(zh ? '苏州工厂' : 'Suzhou plant');
  await expect(page.locator('#name')).toHaveValue(zh ? 'plant' : 'suzhou-plant');
  await page.locator('#name').fill('no spaces');
  await next(page);
  await expect(page.locator('#name-help')).toHaveClass(/strong/);
  await page.locator('#name').fill('taken');
  await page.locator('#name').press('Enter');
  await expect(page.locator('[role=alert]')).toContainText('a reason of the server');
  await inspect(page, info, 'setup-3-plant');
  await page.locator('#name').fill('suzhou');
  await page.locator('#name').press('Enter');

  await expect(page.locator('#place-data')).toBeVisible();
  await inspect(page, info, 'setup-4-places');
  await next(page);
  await page.locator('input[name=sample]').last().check();
  await inspect(page, info, 'setup-5-sample');
  await page.locator('.actions button').nth(1).click();
  await expect(page.locator('#place-data')).toBeVisible();
  await next(page);
  await next(page);

  await expect(page.locator('.next a')).toHaveCount(3);
  await expect(page.locator('.phone img')).toBeVisible();
  await inspect(page, info, 'setup-6-done');
  const titles = zh ? { title_zh: '苏州工厂', title_en: '' } : { title_zh: '', title_en: 'Suzhou plant' };
  const wish = { name: 'suzhou', ...titles, time_zone: 'Asia/Shanghai', person: zh ? '李工' : 'Li' };
  expect(sent).toEqual([{ new: 'a password of my own' }, { ...wish, sample: false, dry: true }, { ...wish, sample: true, dry: false }]);
  await page.locator('.actions button').click();
  await expect(page).toHaveURL(/#\/$/);
  await page.goto('/#/setup');
  await expect(page).toHaveURL(/#\/$/);
  // The refusals above are meant.
  expect(said.filter((text) => !text.includes('400'))).toEqual([]);
});

test('the first steps can be left, and taken up again', async ({ page }) => {
  const said = listen(page);
  await signIn(page);
  const sent = await firstStart(page);
  await page.goto('/#/');
  await page.reload();
  await expect(page).toHaveURL(/#\/setup/);
  await next(page);
  await page.locator('.later').click();
  // The password of the first start is for choosing another one, whatever else is left for later.
  await expect(page).toHaveURL(/#\/password/);
  await page.locator('#fresh').fill('a password of my own');
  await page.locator('#again').fill('a password of my own');
  await page.locator('button[type=submit]').click();
  await expect(page).toHaveURL(/#\/$/);
  await page.reload();
  await expect(page.locator('main#main')).toBeVisible();
  await expect(page).toHaveURL(/#\/$/);
  expect(sent).toEqual([{ new: 'a password of my own' }]);
  await page.goto('/#/setup');
  await next(page);
  await expect(page.locator('.kept')).toBeVisible();
  expect(said).toEqual([]);
});

import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { admin, hire, inspect, listen, markStretch, signIn, theirs } from './help';

const device = 'demo/machining/line1/cnc1';
const photo = readFileSync(new URL('../../src/blob/corpus/picture/turned_position.jpg', import.meta.url));

test('a stop is marked on a chart, its reason asked for, given on the phone with a photo, and what was said before stays', async ({ page, browser, request }, info) => {
  test.setTimeout(120_000);
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  const operator = 'op-' + info.project.name;
  await hire(request, operator, 'operator');

  // At the desk: a stretch of the chart.
  await signIn(page);
  await page.goto(`/#/tags?tag=${device}.power&range=15m`);
  await markStretch(page, info, 0.3, 0.6);
  const dialog = page.locator('.el-dialog:visible');
  const mark = `stop-${info.project.name}-${Date.now()}`;
  await dialog.locator('#i-note').fill(mark);
  await dialog.locator('.ask').click();
  await inspect(page, info, 'photo-mark');
  await dialog.locator('.el-button--primary').click();
  await expect(dialog).toHaveCount(0);
  const listed = (await (await request.get('/api/v1/intervals?kind=downtime&limit=200', { headers: admin })).json()) as { intervals?: { id: string; attributes: Record<string, unknown> }[]; items?: { id: string; attributes: Record<string, unknown> }[] };
  const interval = (listed.intervals ?? listed.items ?? []).find((one) => one.attributes.note === mark)!;
  expect(interval).toBeTruthy();

  // On the phone: the request waits for the operator.
  const context = await theirs(browser, info, true);
  const phone = await context.newPage();
  const saidThere = listen(phone);
  await signIn(phone, operator);
  await phone.goto('/#/cases');
  const waiting = phone.locator('main').getByText(/^DR-\d+$/).first();
  await expect(waiting).toBeVisible();
  await inspect(phone, info, 'photo-inbox');
  const all = (await (await request.get('/api/v1/cases?kind=downtime_reason&open=1', { headers: admin })).json()) as { items: { id: string; fields: Record<string, unknown> }[] };
  const id = all.items.find((one) => one.fields.interval === interval.id)!.id;
  await phone.goto(`/#/cases/${id}`);
  const body = phone.locator('.case');
  await body.locator('.buttons .el-button--primary').click();
  const answer = phone.locator('.el-dialog:visible');
  await answer.locator('[role=radio]').nth(0).click();
  await expect(answer.locator('.camera')).toBeVisible();
  // A page that only calls itself a picture is refused in words.
  await answer.locator('.chooser-input').setInputFiles({ name: 'page.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('<html><script>1</script></html>') });
  await expect(answer.locator('.fault')).toBeVisible();
  await inspect(phone, info, 'photo-refused');
  await answer.locator('.camera-input').setInputFiles({ name: 'IMG_0001.jpg', mimeType: 'image/jpeg', buffer: photo });
  await expect(answer.locator('.thumb img')).toHaveCount(1);
  await expect.poll(() => answer.locator('.thumb img').evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);
  await inspect(phone, info, 'photo-answer');
  await answer.locator('.el-button--primary').click();
  await expect(answer).toHaveCount(0);
  await expect(body.locator('.steps .thumb')).toHaveCount(1);
  await inspect(phone, info, 'photo-answered');
  await body.locator('.facts .thumb').click();
  await expect.poll(() => phone.locator('.large > img').evaluate((img: HTMLImageElement) => img.naturalHeight)).toBe(60); // upright
  await inspect(phone, info, 'photo-large');
  const about = (await (await request.get(`/api/v1/cases/${id}`, { headers: admin })).json()) as { fields: { photos: { id: string }[] } };
  const kept = await (await request.get(`/api/v1/blobs/${about.fields.photos[0]!.id}`, { headers: admin })).body();
  expect(kept.includes('Exif'), 'where it was taken').toBe(false);
  expect(saidThere.filter((line) => !line.includes('400'))).toEqual([]);
  await context.close();

  // At the desk again: the timeline and the drawer show it; a correction keeps what was there.
  await page.goto(`/#/intervals?q=${mark}`);
  await expect(page.locator('.line').filter({ hasText: mark })).toHaveCount(1);
  await inspect(page, info, 'photo-timeline');
  await page.locator('.line').filter({ hasText: mark }).click();
  const drawer = page.locator('.el-drawer');
  await expect(drawer.locator('.facts .thumb')).toHaveCount(1);
  await expect(drawer.locator('.facts')).toContainText(id);
  await inspect(page, info, 'photo-interval');
  await drawer.locator('.acts .el-button').filter({ hasText: zh ? '更正' : 'Correct' }).click();
  await dialog.locator('#i-note').fill(mark + ', the shaft');
  await dialog.locator('#i-why').fill('looked again');
  await dialog.locator('.el-button--primary').click();
  await expect(drawer.locator('.revisions > li')).toHaveCount(3); // marked, answered, corrected
  await expect(drawer.locator('.revisions del').filter({ hasText: mark })).toHaveCount(1);
  await expect(drawer.locator('.facts .thumb')).toHaveCount(1);
  await inspect(page, info, 'photo-corrected');
  expect(said).toEqual([]);
});

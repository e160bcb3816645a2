import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

// The plant of these tests sends nothing on: what an edge tells is given in its place.
const state = { platform: 'https://platform.example:8443', under: 'works2', state: 'idle', problem: '', next_try: null as number | null, sent: 18_204_511, refused: 0, refusal: '', lost: 0, behind_bytes: 0, round_trip_ms: 41.7 };

test('an edge tells on its status page what it sends on, what waits and why', async ({ page }, info) => {
  const said = listen(page);
  const zh = info.project.name.startsWith('zh');
  let told: object = { platform: null };
  await page.route('**/api/v1/status/forwarding*', (route) => route.fulfill({ json: told }));
  await signIn(page);
  await page.goto('/#/status');
  await expect(page.locator('.facts').first()).toBeVisible();
  await expect(page.locator('.forwarding')).toHaveCount(0);
  told = { ...state, since: Date.now() - 3_600_000, sent_at: Date.now() - 800, newest: Date.now() - 900 };
  const card = page.locator('.forwarding');
  await expect(card).toContainText('platform.example:8443', { timeout: 10_000 });
  await expect(card.locator('.state')).toHaveText(zh ? '已全部发出' : 'All sent');
  await expect(card).toContainText('18,204,511');
  await expect(card.locator('.why')).toHaveCount(0);
  told = { ...state, since: Date.now() - 192_000, state: 'waiting', problem: zh ? '平台回答 401：令牌无效' : 'the platform says 401: the token is not valid', next_try: Date.now() + 40_000, refused: 3, refusal: 'token:works2 may not write office/door.open', lost: 120, behind_bytes: 12_480_233, sent_at: Date.now() - 192_000, newest: Date.now() - 192_400 };
  await expect(card.locator('.why')).toContainText('401', { timeout: 10_000 });
  await expect(card.locator('.state')).toHaveClass(/fault/);
  await expect(card).toContainText('office/door.open');
  await card.scrollIntoViewIfNeeded();
  await inspect(page, info, 'forwarding');
  expect(said).toEqual([]);
});

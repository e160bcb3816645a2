import { mkdirSync, readFileSync } from 'node:fs';
import { expect, type APIRequestContext, type Browser, type BrowserContext, type Page, type TestInfo } from '@playwright/test';

const axe = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
export const user = process.env.GONGSHU_USER ?? 'admin';
export const password = process.env.GONGSHU_PASSWORD ?? 'gongshu-demo';
const shots = new URL('../../build/pages/', import.meta.url).pathname;
mkdirSync(shots, { recursive: true });

/** Collects what the page complains about; each test ends by finding it empty. */
export function listen(page: Page): string[] {
  const said: string[] = [];
  page.on('console', (message) => {
    // The one answer that is no fault: nobody is signed in yet.
    if (message.type() === 'error' && !message.text().includes('401')) said.push(message.text());
    if (message.type() === 'warning' && /intlify|Vue warn/.test(message.text())) said.push(message.text());
  });
  page.on('pageerror', (error) => said.push(String(error.stack ?? error)));
  return said;
}

export const basic = (name: string, word: string): Record<string, string> => ({ Authorization: 'Basic ' + Buffer.from(`${name}:${word}`).toString('base64') });
export const admin = basic(user, password);
const own = 'what only this person knows';

/** Somebody of that role with a password of their own; there already when the test runs again. */
export async function hire(request: APIRequestContext, name: string, role: string): Promise<void> {
  await request.put(`/api/v1/users/${name}`, { headers: admin, data: { spec: { role } } });
  await request.post(`/api/v1/users/${name}:password`, { headers: admin, data: { password: 'given by the admin' } });
  const changed = await request.post('/api/v1/session/password', { headers: basic(name, 'given by the admin'), data: { old: 'given by the admin', new: own } });
  expect(changed.ok(), await changed.text()).toBe(true);
}

/** Their own browser, in the language and colours of the test. */
export function theirs(browser: Browser, info: TestInfo, phone: boolean): Promise<BrowserContext> {
  const use = info.project.use;
  const size = phone ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : { viewport: { width: 1440, height: 900 } };
  return browser.newContext({ baseURL: use.baseURL ?? process.env.BASE_URL, locale: use.locale, colorScheme: use.colorScheme, timezoneId: 'Asia/Shanghai', ...size });
}

export async function signIn(page: Page, name = user, word = name === user ? password : own): Promise<void> {
  await page.goto('/#/signin');
  await page.locator('#user').fill(name);
  await page.locator('#password').fill(word);
  await page.locator('button[type=submit]').click();
  await page.locator('main#main').waitFor();
}

/** From now on what comes and goes does so at once: half faded, a message that leaves by itself has no contrast to judge. */
async function still(page: Page): Promise<void> {
  await page.evaluate(() => {
    if (document.adoptedStyleSheets.length > 0) return;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync('[class*="-enter-active"], [class*="-leave-active"] { transition: none !important; animation: none !important; }');
    document.adoptedStyleSheets = [sheet];
  });
  await expect(page.locator('[class*="-leave-active"]')).toHaveCount(0);
}

/** What holds for every page: fits the width, says nothing untranslated, is usable without eyes; keeps a picture. */
export async function inspect(page: Page, info: TestInfo, name: string): Promise<void> {
  await expect(page.locator('[role=status][aria-label]')).toHaveCount(0);
  await still(page);
  await page.evaluate(() => document.fonts.ready.then(() => Promise.all(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => undefined)))));
  await page.screenshot({ path: `${shots}${name}-${info.project.name}.png` });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(wide, 'horizontal scroll').toBeLessThanOrEqual(0);
  const raw = await page.evaluate(() => {
    const keys = /\b(?:nav|state|list|res|imports|alarms|cases|approval|tags|devices|connections|rules|overview|action|time|severity|role)\.[a-z][A-Za-z.]+\b/;
    const out: string[] = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const element = walk.currentNode.parentElement;
      const text = walk.currentNode.textContent ?? '';
      // Names of things are not words of the page.
      if (keys.test(text) && !element?.closest('code, pre, .mono, textarea, a[href*="tag="]')) out.push(text);
    }
    return out;
  });
  expect(raw, 'raw words').toEqual([]);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const engine = (window as unknown as { axe: { run: (c: Document, o: object) => Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe;
    const result = await engine.run(document, { resultTypes: ['violations'] });
    return result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 160)).join(' || ')}`);
  });
  expect(found, 'axe').toEqual([]);
}

/** Drags over a part of the first chart, with the mouse or a finger, and leaves the dialog that then asks what it was. */
export async function markStretch(page: Page, info: TestInfo, from: number, to: number): Promise<void> {
  const chart = page.locator('.chart .u-over').first();
  await expect(chart).toBeVisible();
  await page.waitForLoadState('networkidle');
  await page.locator('.mark-time').click();
  await expect(page.locator('.drag-hint')).toBeVisible();
  const box = (await chart.boundingBox())!;
  if (info.project.name.endsWith('phone')) {
    await chart.evaluate((over, { x, y, width, from, to }) => {
      const target = over.closest('.host')!;
      const touch = (at: number): Touch => new Touch({ identifier: 1, target, clientX: x + width * at, clientY: y + 40 });
      target.dispatchEvent(new TouchEvent('touchstart', { touches: [touch(from)], changedTouches: [touch(from)], bubbles: true, cancelable: true }));
      target.dispatchEvent(new TouchEvent('touchmove', { touches: [touch(to)], changedTouches: [touch(to)], bubbles: true, cancelable: true }));
      target.dispatchEvent(new TouchEvent('touchend', { touches: [], changedTouches: [touch(to)], bubbles: true, cancelable: true }));
    }, { ...box, from, to });
  } else {
    await page.mouse.move(box.x + box.width * from, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * to, box.y + 60, { steps: 5 });
    await page.mouse.up();
  }
}

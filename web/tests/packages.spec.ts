import { readdirSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { inspect, listen, signIn } from './help';

// Where the packages of the library lie, built beforehand (tests/e2e/pages_test.py); the mock has none.
const folder = process.env.GONGSHU_PACKAGES ?? '';
const fileOf = (name: string): string => `${folder}/${readdirSync(folder).find((file) => file.startsWith(name) && file.endsWith('.gspkg'))}`;

async function call(page: Page, method: string, path: string, body?: object): Promise<{ status: number; items?: { name: string }[] }> {
  return page.evaluate(async ({ method, path, body }) => {
    const { csrf } = (await (await fetch('/api/v1/session')).json()) as { csrf: string };
    const answer = await fetch('/api/v1' + path, { method, headers: { 'Content-Type': 'application/json', 'X-CSRF': csrf }, body: body && JSON.stringify(body) });
    return { status: answer.status, ...(answer.status === 200 ? await answer.json() : {}) } as { status: number; items?: { name: string }[] };
  }, { method, path, body });
}

if (folder)
  test('a package is looked at, its signer trusted, installed, verified and removed', async ({ page }, info) => {
    const said = listen(page);
    await signIn(page);
    for (const signer of (await call(page, 'GET', '/trusted_signers')).items ?? []) await call(page, 'DELETE', `/trusted_signers/${signer.name}`);
    await page.goto('/#/packages');
    await expect(page.locator('.page h1')).toBeVisible();
    await inspect(page, info, 'packages-empty');
    await page.locator('input[type=file]').setInputFiles(fileOf('air-compressor'));
    const drawer = page.locator('.el-drawer:visible');
    await expect(drawer.locator('.problems')).toBeVisible();
    await expect(drawer.locator('footer .el-button--primary')).toBeDisabled();
    await inspect(page, info, 'packages-untrusted');
    await drawer.locator('.ask .el-button').click();
    await page.locator('.el-message-box .el-button--primary').click();
    await expect(drawer.locator('.problems')).toHaveCount(0);
    await drawer.locator('.field input').first().fill('100');
    await drawer.locator('.field input').first().press('Tab');
    await expect(drawer.locator('.tests li')).toHaveCount(6);
    await inspect(page, info, 'packages-plan');
    await expect(drawer.locator('footer .el-button--primary')).toBeEnabled();
    await drawer.locator('footer .el-button--primary').click();
    await expect(drawer.locator('.plain-list li')).toHaveCount(5);
    await inspect(page, info, 'packages-installed');

    // Somebody changes one of its rules by hand.
    await call(page, 'PATCH', '/rules/compressor-discharge-hot', { severity: 'minor' });
    await drawer.locator('.acts .el-button').first().click();
    await expect(drawer.locator('.steps li')).toHaveCount(5);
    await inspect(page, info, 'packages-verified');
    await drawer.locator('.acts .el-button').last().click();
    await expect(drawer.locator('.steps .conflict')).toHaveCount(1);
    await inspect(page, info, 'packages-conflict');
    await drawer.locator('.ask .el-radio').last().click();
    await expect(drawer.locator('footer .el-button--primary')).toBeEnabled();
    await drawer.locator('footer .el-button--primary').click();
    await expect(page.locator('.el-drawer:visible')).toHaveCount(0);
    expect(said.filter((line) => !/Failed to load resource/.test(line))).toEqual([]);
  });

import { defineConfig } from '@playwright/test';

// BASE_URL names a running program (GONGSHU_USER and GONGSHU_PASSWORD sign in); without it the mock serves dist.
const base = process.env.BASE_URL;
const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--force-color-profile=srgb'];

// Two opposite variants in every run, all eight with ALL_VARIANTS=1.
const all = ['zh', 'en'].flatMap((language) => ['light', 'dark'].flatMap((theme) => ['desktop', 'phone'].map((size) => [language, theme, size] as const)));
const variants = process.env.ALL_VARIANTS ? all : ([['zh', 'light', 'desktop'], ['en', 'dark', 'phone']] as const);

export default defineConfig({
  // What needs a server that nobody has set up yet stands apart: tests/e2e/first_start_test.py starts one for each variant.
  testDir: process.env.FIRST_START ? 'first' : 'tests',
  // A run of its own for each variant may go on beside the other's, and each empties its folder first.
  outputDir: `../build/pages/failures/${process.env.PAGES_RUN ?? 'all'}`,
  // With the program a failure stands alone in what is printed; with the mock somebody looks on.
  reporter: [[base ? 'dot' : 'list']],
  timeout: 45_000,
  workers: 1,
  forbidOnly: true,
  use: {
    baseURL: base ?? 'http://127.0.0.1:8099',
    timezoneId: 'Asia/Shanghai',
    launchOptions: { executablePath: '/usr/bin/chromium', args: flags },
  },
  projects: variants.map(([language, theme, size]) => ({
    name: `${language}-${theme}-${size}`,
    use: {
      locale: language === 'zh' ? 'zh-CN' : 'en-GB',
      colorScheme: theme as 'light' | 'dark',
      ...(size === 'phone' ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 } : { viewport: { width: 1440, height: 900 } }),
    },
  })),
  webServer: base ? undefined : { command: 'node mock/server.mjs --port 8099', url: 'http://127.0.0.1:8099/', reuseExistingServer: false },
});

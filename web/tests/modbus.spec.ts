import { createServer, Socket } from 'node:net';
import { expect, test } from '@playwright/test';
import { admin, inspect, listen, signIn } from './help';

const freePort = (): Promise<number> => new Promise((done) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = probe.address() as { port: number };
    probe.close(() => done(port));
  });
});
/** Sends one request and gives what comes back; the link stays. */
const ask = (master: Socket, request: number[]): Promise<string> => new Promise((done, fail) => {
  master.once('data', (bytes: Buffer) => done(bytes.toString('hex')));
  master.once('error', fail);
  master.write(Buffer.from(request));
});

// In the demo, with a real master.
test('a Modbus server is made, a master of it is seen, and what it cannot show is said', async ({ page, request }, info) => {
  const said = listen(page);
  const name = `panel-${info.project.name}`;
  const port = await freePort();
  await signIn(page);
  await page.goto('/#/modbus-servers?new');
  await page.locator('#resource-name').fill(name);
  await page.locator('#f-port').fill(String(port));
  await page.locator('#f-port').press('Tab');
  await inspect(page, info, 'modbus-server-new');
  await page.locator('.el-drawer footer .el-button--primary').click();
  await page.locator('.el-dialog .el-button--primary').click();
  await expect(page).toHaveURL(new RegExp('open=' + name));
  const entry = (tag: string, address: number): object => ({ tag: 'demo/machining/line1/cnc1.' + tag, kind: 'input', address, encoding: 'f32' });
  const put = await request.put(`/api/v1/modbus_servers/${name}`, { headers: admin, data: { spec: { port, entries: [entry('spindle_temperature', 0), entry('spindle_speed', 2)] } } });
  expect(put.ok(), await put.text()).toBe(true);
  const master = new Socket();
  await expect(async () => {
    await new Promise<void>((done, fail) => master.connect(port, '127.0.0.1', done).once('error', fail));
  }).toPass();
  await expect(async () => {
    expect(await ask(master, [0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 4])).toMatch(/^00010000000b010408/);
  }).toPass();
  expect(await ask(master, [0, 2, 0, 0, 0, 6, 1, 4, 0, 9, 0, 1])).toBe('000200000003018402');
  await page.goto(`/#/modbus-servers?open=${name}&tab=running`);
  await expect(page.locator('.el-drawer .masters li')).toHaveCount(1);
  await expect(page.locator('.el-drawer .facts')).toContainText(/exception 2|异常码 2/);
  await inspect(page, info, 'modbus-server-running');
  await page.goto(`/#/modbus-servers?open=${name}&tab=settings`);
  await page.reload(); // the entries came while the drawer was open
  await expect(page.locator('#f-port')).toHaveValue(String(port));
  await inspect(page, info, 'modbus-server-settings');
  // The tag of an entry is found by what people call it, or typed when it is yet to come.
  const drawer = page.locator('.el-drawer');
  await drawer.locator('.item-open').first().click();
  const field = page.locator('#f-entries-0--tag');
  const box = drawer.locator('.el-select').filter({ has: field });
  await box.click();
  await field.fill('cnc1 spindle_speed');
  const offers = page.locator('.el-select-dropdown:visible .offer');
  await expect(offers).toHaveCount(1);
  await page.screenshot({ path: new URL(`../../build/pages/modbus-server-offers-${info.project.name}.png`, import.meta.url).pathname });
  await offers.click();
  await expect(drawer.locator('.item-open').first()).toContainText('cnc1.spindle_speed');
  await box.click();
  await field.fill('hall/press.yet_to_come');
  await field.press('Tab');
  await expect(drawer.locator('.item-open').first()).toContainText('hall/press.yet_to_come');
  await inspect(page, info, 'modbus-server-tag');
  await page.goto('/#/modbus-servers');
  await expect(page.locator('.line').filter({ hasText: name })).toBeVisible();
  await inspect(page, info, 'modbus-servers');
  master.destroy();
  expect((await request.delete(`/api/v1/modbus_servers/${name}`, { headers: admin })).ok()).toBe(true);
  expect(said).toEqual([]);
});

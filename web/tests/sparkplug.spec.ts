import { spawn } from 'node:child_process';
import { expect, test } from '@playwright/test';
import { admin, inspect, listen, signIn } from './help';

// In the demo, with a real edge node.
test('an edge node of Sparkplug is seen with its devices, what it cannot give, and its end', async ({ page, request }, info) => {
  const said = listen(page);
  const node = info.project.name;
  const token = `edge-${node}`;
  expect((await request.put(`/api/v1/tokens/${token}`, { headers: admin, data: { spec: { role: 'engineer' } } })).ok()).toBe(true);
  const issued = (await (await request.post(`/api/v1/tokens/${token}:issue`, { headers: admin })).json()) as { token: string };
  const mqtt = ((await (await request.get('/api/v1/status', { headers: admin })).json()) as { listeners: { mqtt: string } }).listeners.mqtt;
  const client = new URL('../../tests/clients/sparkplug_client.cjs', import.meta.url).pathname;
  const edge = spawn('node', [client, mqtt, token, issued.token, 'plant', node], { stdio: ['pipe', 'ignore', 'inherit'] });
  try {
    await signIn(page);
    await page.goto('/#/sparkplug');
    const line = (name: string) => page.locator('.line').filter({ has: page.getByText(name, { exact: true }) });
    const zh = info.project.name.startsWith('zh');
    await expect(line(`plant/${node}`)).toContainText(zh ? '在线' : 'Online');
    await inspect(page, info, 'sparkplug');
    await line(`plant/${node}`).click();
    await expect(page.locator('.el-drawer .lines').first()).toContainText('DataSet');
    await expect(page.locator('.el-drawer .facts')).toContainText(zh ? '还没有设备' : 'No device yet');
    await inspect(page, info, 'sparkplug-node');
    edge.stdin.write('death lathe\n');
    await page.locator('.el-drawer .lines button').click();
    await expect(page.locator('.el-drawer .facts')).toContainText('DDEATH');
    await inspect(page, info, 'sparkplug-device');
    await page.locator('.el-drawer .facts .el-button').click();
    await expect(page.locator('#resource-name')).toHaveValue(`plant/${node}/lathe`);
    edge.kill('SIGKILL');
    await page.goto(`/#/sparkplug?open=${encodeURIComponent(`plant/${node}`)}`);
    await expect(page.locator('.el-drawer .facts')).toContainText(/NDEATH/);
    await expect(page.locator('.el-drawer .facts')).toContainText(zh ? '离线' : 'Offline');
  } finally {
    edge.kill('SIGKILL');
    await request.delete(`/api/v1/tokens/${token}`, { headers: admin });
  }
  expect(said).toEqual([]);
});

// Whatever it may come to, with made-up answers.
test('edge nodes that are stale, hidden, gone or none at all', async ({ page }, info) => {
  const said = listen(page);
  const now = Date.now();
  const zh = info.project.name.startsWith('zh');
  const of = (name: string, more: object): object => ({ group: 'works', node: name, bd_seq: 1, seq: 41, births: 2, born: now - 900_000, last: now - 4000, lost: 3, rebirths: 7, rebirth_at: now - 4000, rebirth_why: 'seq is 41 after 38', devices: [], path: 'works/' + name, state: 'online', since: now - 900_000, why: '', metrics: 12, skipped_count: 0, skipped: [], ...more });
  let items: object[] = [
    of('a', { state: 'stale', why: 'seq is 41 after 38', skipped_count: 130, skipped: [{ metric: 'Recipe/Table', why: 'a tag keeps single values, no DataSet' }] }),
    of('b', { path: undefined, since: undefined, why: undefined, metrics: undefined, skipped: undefined, skipped_count: undefined, devices: [{ device: 'oven', path: 'works/b/oven', state: 'stale', since: now - 4000, why: 'its edge node was born anew, and it was not yet', metrics: 9, skipped_count: 0, skipped: [] }] }),
    of('c', { state: 'offline', since: null, births: 0, born: null, bd_seq: null, seq: null, metrics: 0 }),
  ];
  let fails = false;
  await page.route(/\/api\/v1\/status\/sparkplug/, (route) => (fails ? route.fulfill({ status: 503, contentType: 'application/problem+json', json: { type: 'about:blank', title: 'unavailable', status: 503, detail: 'the broker is away' } }) : route.fulfill({ json: { items } })));
  await signIn(page);
  await page.goto('/#/sparkplug');
  await expect(page.locator('.line')).toHaveCount(4);
  await inspect(page, info, 'sparkplug-states');
  const drawer = page.locator('.el-drawer');
  await page.goto('/#/sparkplug?open=works/a');
  await expect(drawer).toContainText('129');
  await inspect(page, info, 'sparkplug-stale');
  await page.goto('/#/sparkplug?open=works/b');
  await expect(drawer).toContainText(zh ? '看不到它自己的读数' : 'does not see its own readings');
  await inspect(page, info, 'sparkplug-hidden');
  await page.goto('/#/sparkplug?open=works/c');
  await expect(drawer).toContainText(zh ? '没有设备。' : 'It has no devices.');
  await page.goto('/#/sparkplug?open=works/z');
  await expect(drawer).toContainText(zh ? '没有这个节点' : 'No such node');
  await inspect(page, info, 'sparkplug-gone');
  items = [];
  await page.goto('/#/sparkplug');
  await page.reload();
  await expect(page.locator('.frame .block')).toContainText(zh ? '还没有 Sparkplug 节点' : 'No Sparkplug nodes yet');
  await inspect(page, info, 'sparkplug-none');
  fails = true;
  await page.reload();
  await expect(page.locator('main [role=alert]')).toContainText('the broker is away');
  // That an answer is missing is told by the browser itself.
  expect(said.filter((text) => !text.includes('503'))).toEqual([]);
});

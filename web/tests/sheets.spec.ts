import { expect, test } from '@playwright/test';
import { inspect, listen, signIn } from './help';

/** Answers that say no are no fault of the page: it is told what the server refuses. */
const faults = (said: string[]): string[] => said.filter((line) => !/Failed to load resource.*(?:400|403|404|412)/.test(line));

// The mock makes no machines: these are for the program itself.
if (process.env.BASE_URL) {
  test('a template makes machines from a table, and an edit of it reaches them', async ({ page, request }, info) => {
    const said = listen(page);
    await signIn(page);
    const zh = info.project.name.startsWith('zh');
    const name = `t-${info.project.name}`;
    const credentials = 'Basic ' + Buffer.from(`${process.env.GONGSHU_USER}:${process.env.GONGSHU_PASSWORD}`).toString('base64');
    const send = (method: string, path: string, data: unknown) => request.fetch(process.env.BASE_URL + '/api/v1' + path, { method, headers: { Authorization: credentials }, data });
    await send('PUT', `/device_types/press-${info.project.name}`, { spec: { properties: [{ name: 't', type: 'number', unit: 'degC', max: 120 }] } });
    const made = await send('PUT', `/device_templates/${name}`, { spec: { title_zh: '压机', title_en: 'Press', parameters: [{ name: 'number', title_zh: '编号', title_en: 'Number', type: 'integer', min: 1, max: 200 }, { name: 'hall', title_zh: '车间', title_en: 'Hall', type: 'choice', choices: ['a', 'b'], preset: 'a' }], device: { name: `${name}/\${hall}/press\${number}`, spec: { type: `press-${info.project.name}`, title: 'Press ${number}', unit_id: '${number}' } } } });
    expect(made.status(), await made.text()).toBe(200);

    await page.goto(`/#/device-templates?open=${name}&tab=make`);
    const cell = page.locator('.grid input').first();
    await cell.fill('x');
    await expect(page.locator('.grid td.wrong')).toHaveCount(1);
    // As Excel puts it on the clipboard, with its header.
    await cell.evaluate((input, head) => {
      const data = new DataTransfer();
      data.setData('text/plain', head + '\n1\ta\n2\tb\n3\t\n');
      input.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, zh ? '编号\t车间' : 'Number\tHall');
    await expect(page.locator('.grid td.wrong')).toHaveCount(0);
    await expect(page.locator('.grid .made').nth(1)).toContainText(`${name}/b/press2`);
    await inspect(page, info, 'template-make');
    await page.getByRole('button', { name: zh ? '查看改动' : 'Review changes' }).click();
    await page.getByRole('button', { name: zh ? '生成 3 台设备' : 'Make 3 devices' }).click();
    await expect(page.locator('.el-message')).toContainText('3');

    await send('PATCH', `/devices/${encodeURIComponent(name + '/b/press2')}`, { title: 'Old faithful' });
    await send('PATCH', `/device_templates/${name}`, { device: { spec: { title: 'No. ${number}' } } });
    await page.goto(`/#/device-templates?open=${name}&tab=machines`);
    await page.reload();
    await page.getByRole('button', { name: zh ? '按模板更新' : 'Update from the template' }).click();
    await expect(page.locator('.changes')).toHaveCount(3);
    await expect(page.locator('.changes').nth(2)).toContainText('Old faithful');
    await inspect(page, info, 'template-update');

    // One sheet out, one in: the wrong cell is told, then what it changes.
    await page.goto('/#/devices');
    await page.getByRole('button', { name: zh ? '表格' : 'Sheet', exact: true }).click();
    await page.getByRole('menuitem', { name: zh ? '导入表格…' : 'Import sheet…' }).click();
    await inspect(page, info, 'sheet-drop');
    await page.locator('.drawer input[type=file]').setInputFiles({ name: 'd.csv', mimeType: 'text/csv', buffer: Buffer.from(`name,unit_id,title\n${name}/a/press1,x,One\n${name}/a/press3,7,Three\n`) });
    await expect(page.locator('.drawer .fault')).toHaveCount(1);
    await inspect(page, info, 'sheet-refused');
    await page.locator('.drawer input[type=file]').setInputFiles({ name: 'd.csv', mimeType: 'text/csv', buffer: Buffer.from(`name,title\n${name}/a/press3,Three\n`) });
    await page.locator('.drawer .el-button--primary').click();
    await expect.poll(async () => (await (await send('GET', `/devices/${encodeURIComponent(name + '/a/press3')}`, undefined)).json()).spec.title).toBe('Three');
    await page.goto('/#/tag-aliases');
    await inspect(page, info, 'aliases');
    expect(faults(said)).toEqual([]);
  });
}

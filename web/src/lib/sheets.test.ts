import { describe, expect, it } from 'vitest';
import { bulkDevices, bulkPeriods, cellFault, csvLine, parseTable, pasted, rowsToSend, workbookOf, type Parameter } from './sheets';

const parameters: Parameter[] = [
  { name: 'number', title_zh: '编号', title_en: 'Number', type: 'integer', min: 1, max: 247 },
  { name: 'line', title_zh: '产线', type: 'choice', choices: ['a', 'b'], preset: 'a' },
  { name: 'limit', type: 'number', required: false },
  { name: 'on', type: 'boolean', required: false },
];

describe('sheets', () => {
  it('parts a table and writes it', () => {
    const f = (text: string, want: string[][]): void => expect(parseTable(text)).toEqual(want);
    f('a\tb\n1\t2\n', [['a', 'b'], ['1', '2']]);
    f('a,b\r\n1,"x, ""y"""\r\n', [['a', 'b'], ['1', 'x, "y"']]);
    f('"two\nlines"\tb', [['two\nlines', 'b']]);
    f('', []);
    for (const cells of [['a', 'b,c', 'say "hi"', ' edge ', 'two\nlines', '']]) expect(parseTable(csvLine(cells) + '\n', ',')).toEqual([cells]);
  });

  it('lays what is pasted over the table', () => {
    const blank = [['', '', '', ''], ['', '', '', '']];
    expect(pasted(blank, '1\tb\n2\ta\n3\tb\n', 0, 0, parameters)).toEqual([['1', 'b', '', ''], ['2', 'a', '', ''], ['3', 'b', '', '']]);
    expect(pasted(blank, '产线\t编号\nb\t7\na\t8\n', 0, 0, parameters)).toEqual([['7', 'b', '', ''], ['8', 'a', '', '']]);
    expect(pasted(blank, '80\tyes\tbeyond\n', 1, 2, parameters)).toEqual([['', '', '', ''], ['', '', '80', 'yes']]);
    expect(rowsToSend([['', '', '', ''], ['7', ' b ', '', '']], parameters)).toEqual({ rows: [{ number: '7', line: 'b' }], places: [1] });
  });

  it('tells what is wrong with a cell', () => {
    const f = (text: string, i: number, want: string, used = true): void => expect(cellFault(text, parameters[i]!, 'en', used)).toBe(want);
    f('7', 0, '');
    f('7.5', 0, 'A whole number is expected');
    f('x', 0, 'A number is expected');
    f('0', 0, 'Not below 1');
    f('248', 0, 'Not above 247');
    f('', 0, 'A value is needed');
    f('', 0, '', false);
    f('', 1, '');
    f('c', 1, 'One of a, b');
    f('否', 3, '');
    f('maybe', 3, 'Yes or no is expected');
  });

  it('makes a sheet of a change of many', () => {
    const devices = [{ name: 'a/b/p1', revision: 3, spec: { title_zh: '一号', type: 'press' } }, { name: 'p2', revision: 1, spec: { type: 'none' } }];
    expect(bulkDevices(devices, { connection: '-', enabled: 'no', prefix: '旧 ', place: 'c/d' })).toBe(
      'name,revision,new_name,connection,enabled,title_zh,title_en,title\r\na/b/p1,3,c/d/p1,,no,旧 一号,,\r\np2,1,c/d/p2,,no,,,旧 p2\r\n',
    );
    expect(bulkPeriods(devices, [{ name: 'press', spec: { properties: [{ name: 't' }, { name: 'run' }] } }], 500, (name) => name)).toBe('device,property,period_ms\r\na/b/p1,t,500\r\na/b/p1,run,500\r\n');
  });

  it('writes workbooks', async () => {
    const blob = await workbookOf("\ufeff设备,通用名称,从站号\r\na/p1,'=1+1,3\r\na/p2,\"x, y\",\r\n");
    expect(new Uint8Array(await blob.arrayBuffer()).slice(0, 4)).toEqual(new Uint8Array([0x50, 0x4b, 3, 4]));
  });
});

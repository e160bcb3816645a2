/** Sheets in the page: what is pasted, CSV, and workbooks that are written, whose library is loaded when somebody needs it. What is sent is read by the server. */

export const workbookBytesMax = 10 * 1024 * 1024;
export const rowsMax = 100_000;

/** One line of CSV as the server takes it (RFC 4180). Texts stay as they are: marks of formulas are put by who exports. */
export const csvLine = (cells: string[]): string => cells.map((c) => (/[",;\t\r\n]/.test(c) || c !== c.trim() ? `"${c.replaceAll('"', '""')}"` : c)).join(',');
export const csvOf = (rows: string[][]): string => rows.map(csvLine).join('\r\n') + '\r\n';

/** A table as spreadsheets put it on the clipboard, or as a CSV file: fields between tabs, else commas; quoted where needed. */
export function parseTable(text: string, delimiter = text.includes('\t') ? '\t' : ','): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const flush = (): void => {
    row.push(cell);
    cell = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"' && cell === '') quoted = true;
    else if (c === delimiter) flush();
    else if (c === '\n') {
      flush();
      rows.push(row);
      row = [];
    } else if (c !== '\r') cell += c;
  }
  if (cell !== '' || row.length) {
    flush();
    rows.push(row);
  }
  return rows;
}

/** CSV of the server as a workbook: numbers as numbers, marks of formulas taken off, since no cell of it is one. */
export async function workbookOf(csv: string): Promise<Blob> {
  const { default: write } = await import('write-excel-file/browser');
  const rows = parseTable(csv.replace(/^\ufeff/, ''), ',').map((row, i) => row.map((text) => {
    if (i === 0) return { value: text, fontWeight: 'bold' as const };
    if (text === '') return null;
    // Only what comes back as it went: 007 stays a text.
    if (text.length < 16 && String(Number(text)) === text) return { value: Number(text), type: Number };
    return { value: /^'[=+\-@\t\r']/.test(text) ? text.slice(1) : text, type: String };
  }));
  return (await write(rows as never, { stickyRowsCount: 1 } as never).toBlob()) as Blob;
}

/** What people would see of a device before a sheet of theirs is made: its own titles get a word in front. */
export function bulkDevices(devices: { name: string; revision: number; spec: Record<string, unknown> }[], wish: { connection: string; enabled: string; prefix: string; place: string }): string {
  const head = ['name', 'revision'];
  if (wish.place) head.push('new_name');
  if (wish.connection) head.push('connection');
  if (wish.enabled) head.push('enabled');
  if (wish.prefix) head.push('title_zh', 'title_en', 'title');
  const titles = (spec: Record<string, unknown>, name: string): string[] => {
    const own = ['title_zh', 'title_en', 'title'].map((key) => String(spec[key] ?? ''));
    // One without any title is called by its name.
    if (own.every((one) => !one)) own[2] = name.slice(name.lastIndexOf('/') + 1);
    return own.map((one) => (one ? wish.prefix + one : '')).map(marked);
  };
  const rows = devices.map((d) => {
    const row = [d.name, String(d.revision)];
    if (wish.place) row.push(wish.place + '/' + d.name.slice(d.name.lastIndexOf('/') + 1));
    if (wish.connection) row.push(wish.connection === '-' ? '' : wish.connection);
    if (wish.enabled) row.push(wish.enabled);
    if (wish.prefix) row.push(...titles(d.spec, d.name));
    return row;
  });
  return csvOf([head, ...rows]);
}
const marked = (text: string): string => (/^'[=+\-@\t\r']/.test(text) ? "'" + text : text);

export function bulkPeriods(devices: { name: string; spec: Record<string, unknown> }[], types: { name: string; spec: Record<string, unknown> }[], period: number, called: (name: string) => string): string {
  const rows = devices.flatMap((d) => {
    const type = types.find((one) => one.name === d.spec.type);
    const properties = Array.isArray(type?.spec.properties) ? (type.spec.properties as { name: string }[]) : [];
    return properties.map((p) => [called(d.name), p.name, String(period)]);
  });
  return csvOf([['device', 'property', 'period_ms'], ...rows]);
}

/** A parameter of a device template, as its spec has it. */
export interface Parameter {
  name: string;
  title_zh?: string;
  title_en?: string;
  type?: 'text' | 'number' | 'integer' | 'boolean' | 'choice';
  unit?: string;
  choices?: string[];
  min?: number | null;
  max?: number | null;
  preset?: unknown;
  required?: boolean;
  help?: string;
}

/** What is wrong with a cell, as the server would say it; "" if nothing is. An empty line needs nothing. */
export function cellFault(text: string, p: Parameter, locale: 'zh' | 'en', used: boolean): string {
  const zh = locale === 'zh';
  if (text === '') return used && p.required !== false && (p.preset === undefined || p.preset === null) ? (zh ? '必填' : 'A value is needed') : '';
  if (p.type === 'number' || p.type === 'integer') {
    const n = Number(text);
    if (text.trim() === '' || !Number.isFinite(n)) return zh ? '应为数字' : 'A number is expected';
    if (p.type === 'integer' && !Number.isInteger(n)) return zh ? '应为整数' : 'A whole number is expected';
    if (typeof p.min === 'number' && n < p.min) return zh ? `不能小于 ${p.min}` : `Not below ${p.min}`;
    if (typeof p.max === 'number' && n > p.max) return zh ? `不能大于 ${p.max}` : `Not above ${p.max}`;
  }
  if (p.type === 'boolean' && !/^(true|yes|1|是|开|false|no|0|否|关)$/i.test(text)) return zh ? '应为 是 或 否' : 'Yes or no is expected';
  if (p.type === 'choice' && !(p.choices ?? []).includes(text)) return (zh ? '应为其中之一：' : 'One of ') + (p.choices ?? []).join(', ');
  return '';
}

/** The lines that hold anything, as the server takes them, and where each stands in the table. */
export function rowsToSend(cells: string[][], parameters: Parameter[]): { rows: Record<string, string>[]; places: number[] } {
  const rows: Record<string, string>[] = [];
  const places: number[] = [];
  cells.forEach((line, place) => {
    const row: Record<string, string> = {};
    parameters.forEach((p, i) => {
      const text = (line[i] ?? '').trim();
      if (text !== '') row[p.name] = text;
    });
    if (!Object.keys(row).length) return;
    rows.push(row);
    places.push(place);
  });
  return { rows, places };
}

/** A block from the clipboard laid over the table at a cell; a first line of column names says which goes where. */
export function pasted(cells: string[][], text: string, row: number, column: number, parameters: Parameter[]): string[][] {
  const block = parseTable(text, '\t').map((line) => line.map((cell) => cell.trim()));
  while (block.length && block[block.length - 1]!.every((cell) => cell === '')) block.pop();
  const called = (word: string): number => parameters.findIndex((p) => [p.name, p.title_zh, p.title_en].includes(word) && word !== '');
  const head = (block[0] ?? []).map(called);
  const hasHead = block.length > 1 && head.every((place) => place >= 0);
  const next = cells.map((line) => [...line]);
  (hasHead ? block.slice(1) : block).forEach((line, i) => {
    while (next.length <= row + i) next.push(parameters.map(() => ''));
    line.forEach((cell, k) => {
      const place = hasHead ? head[k]! : column + k;
      if (place < parameters.length) next[row + i]![place] = cell;
    });
  });
  return next;
}

const titles: Record<string, [string, string]> = {
  name: ['设备', 'Device'], new_name: ['改名为', 'New name'], delete: ['删除', 'Delete'], title_zh: ['中文名称', 'Title (Chinese)'], title_en: ['英文名称', 'Title (English)'], title: ['通用名称', 'Title'], type: ['设备型号', 'Device type'], connection: ['连接', 'Connection'], unit_id: ['从站号', 'Unit'], external_id: ['外部编号', 'External ID'], enabled: ['启用', 'Enabled'], template: ['模板', 'Template'], revision: ['版本', 'Revision'],
  device: ['设备', 'Device'], property: ['属性', 'Property'], unit: ['单位', 'Unit of measure'], writable: ['可下发', 'Writable'], min: ['下限', 'Minimum'], max: ['上限', 'Maximum'], period_ms: ['采集周期(ms)', 'Period (ms)'], kind: ['寄存器种类', 'Kind'], address: ['地址', 'Address'], encoding: ['编码', 'Encoding'], word_order: ['字节次序', 'Word order'], bit: ['位', 'Bit'], length: ['文本寄存器数', 'Registers of a text'], scale: ['倍率', 'Scale'], offset: ['偏移', 'Offset'],
};
/** A column of a sheet as its header says it. */
export const columnTitle = (key: string, locale: 'zh' | 'en'): string => titles[key]?.[locale === 'en' ? 1 : 0] ?? key;

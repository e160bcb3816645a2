// What the importer says of a line or a map, in Chinese. English is the server's own; what is not known here stays as it is.
import type { Locale } from './format';

const kinds: Record<string, string> = { number: '数字', integer: '整数', boolean: '布尔值', text: '可用的文本(过长)', 'whole number': '整数' };
const types: Record<string, string> = { number: '数字', integer: '整数', boolean: '布尔', text: '文本' };
const known: [RegExp, (m: string[]) => string][] = [
  [/^'(.*)' is no (number|integer|boolean|text|whole number)$/s, (m) => `“${m[1]}”不是${kinds[m[2]!]}`],
  [/^the line has (\d+) fields, (\d+) were expected: is it cut\?$/, (m) => `这一行有 ${m[1]} 个字段，应为 ${m[2]} 个：可能被截断`],
  [/^the line has (\d+) fields, (\d+) were expected: is a delimiter within a value\?$/, (m) => `这一行有 ${m[1]} 个字段，应为 ${m[2]} 个：值里可能含有分隔符`],
  [/^the (?:line|record) has (\d+) fields, more than (\d+)$/, (m) => `这一行有 ${m[1]} 个字段，超过 ${m[2]} 个`],
  [/^'(.*)' is no time of the format (.*)$/s, (m) => `“${m[1]}”不符合时间格式 ${m[2]}`],
  [/^the time '(.*)' lies outside of 1678 … 2261$/s, (m) => `时间“${m[1]}”超出 1678 … 2261 年`],
  [/^the date of '(.*)' is not in the calendar$/s, (m) => `“${m[1]}”的日期不存在`],
  [/^'(.*)': the hour beside AM or PM is not 1 … 12$/s, (m) => `“${m[1]}”：上午、下午的小时应为 1 … 12`],
  [/^the time of day in '(.*)' is not on the clock$/s, (m) => `“${m[1]}”的时刻不存在`],
  [/^the time '(.*)' never was in (.*): the clocks were put forward over it$/s, (m) => `${m[2]} 的钟拨快时跳过了“${m[1]}”，这个时刻不存在`],
  [/^the time '(.*)' came twice in (.*): the clocks were put back$/s, (m) => `${m[2]} 的钟拨慢，“${m[1]}”出现两次`],
  [/^the line ends before the time's column$/, () => '这一行不到时间列就结束了'],
  [/^the line ends before column (\d+)$/, (m) => `这一行不到第 ${m[1]} 列就结束了`],
  [/^column (\d+) is empty, but stands in the tag's path$/, (m) => `第 ${m[1]} 列为空，但点位路径要用它`],
  [/^'(.*)' cannot be (?:the last part of )?a tag's path$/s, (m) => `“${m[1]}”不能作为点位名称`],
  [/^the tag (.*) is fed by two columns of different types$/s, (m) => `点位 ${m[1]} 由两个类型不同的列提供`],
  [/^start \+ (.*) × step lies outside of 1678 … 2261$/, (m) => `起点 + ${m[1]} × 间隔 超出 1678 … 2261 年`],
  [/^more than (\d+) (?:tags|different paths) in one file$/, (m) => `一个文件超过 ${m[1]} 个点位：位置或属性里的列选错了`],
  [/^(.*) has values of type (\w+) (already|by its device's type), the map says (\w+): correct the map$/s, (m) => `${m[1]} ${m[3] === 'already' ? '已有' : '按设备型号是'}${types[m[2]!] ?? m[2]}类型，这里写的是${types[m[4]!] ?? m[4]}：改这里的类型`],
  [/^(.*) has the unit (.*) (already|by its device's type), the map says (.*): correct the map, or convert with scale and offset$/s, (m) => `${m[1]} ${m[3] === 'already' ? '已有' : '按设备型号是'}单位 ${m[2]}，这里写的是 ${m[4]}：改这里的单位，或用系数和偏移换算`],
  [/^(.*) may not be written by this role$/s, (m) => `当前角色不能写 ${m[1]}`],
  [/there is no column '(.*?)'(?:: did you mean '(.*)'\?)?; the header has (\d+) columns, the first is '(.*)'$/s, (m) => `文件里没有列“${m[1]}”${m[2] ? `，也许是“${m[2]}”` : ''}；表头有 ${m[3]} 列，第一列是“${m[4]}”`],
  [/the header has '(.*)' more than once: give the column's number, from 1$/s, (m) => `表头里“${m[1]}”不止一个：改用列号，从 1 数起`],
  [/'(.*)' is no column's number: the file has no header, so columns are 1, 2, 3 …$/s, (m) => `没有表头时列用 1、2、3 … 表示，“${m[1]}”不是列号`],
  [/property: '(.*)' holds a slash: what stands before it belongs into path$/s, (m) => `“${m[1]}”含有 /：/ 之前的部分写到位置里`],
  [/unit: "(.*)" is not a unit.*$/s, (m) => `“${m[1]}”不是认识的单位：例如 degC、bar、mm/s、m3/h`],
  [/'\{' is not closed$/, () => '{ 没有配对的 }'],
  [/the time format '(.*)' is none of .*$/s, (m) => `时间格式“${m[1]}”里没有 %：例如 %d/%m/%Y %H:%M`],
  [/the time format '(.*)': % must be followed by .*$/s, (m) => `时间格式“${m[1]}”：% 后面应为 Y m d H M S p b 等字母`],
  [/the file ends before its header: nothing to import$/, () => '文件在表头之前就结束了：减少跳过的行或表头行数'],
  [/^the file is (.*), not text: (.*)$/s, (m) => (/xlsx|Excel/.test(m[1]!) ? '这是 Excel 工作簿或压缩包：在表格软件里另存为 CSV UTF-8，或先解压' : `这不是文本文件(${m[1]})：先解压或导出为 CSV`)],
  [/holds no row that can be used; line (\d+): the (?:line|record) has (\d+) fields, more than (\d+)$/, (m) => `没有可用的行：第 ${m[1]} 行有 ${m[2]} 个字段，超过 ${m[3]} 个`],
  [/holds no rows$/, () => '文件里没有行'],
  [/no column of values was found beside the times$/, () => '除时间外没有找到数值列：检查分隔符'],
  [/decimal and thousands cannot be the same character$/, () => '小数点和千位分隔符不能相同'],
  [/^there is no import "(.*?)".*$/s, () => '这个文件已经不在服务器上：它给后来的文件让了位，或服务器重新启动过。重新选择文件即可'],
  [/^all files that wait for their import may have (\d+) MiB together.*$/s, (m) => `等待导入的文件一共最多 ${m[1]} MiB：等其他导入完成，或用 gongshu import`],
  [/^(\d+) imports of this tenant run already.*$/s, (m) => `已有 ${m[1]} 个导入在运行：等其中一个完成`],
  [/^too much work waits already.*$/s, () => '服务器正忙：稍后再试'],
];
export function importError(text: string, locale: Locale): string {
  // What stands before names the place in the map, which the page shows by itself.
  const inner = text.replace(/^map: (?:columns\..*?\.(?=(?:unit|property|type|scale|offset|missing): ))?/s, '').replace(/^.*: (?:line \d+|the last lines): /s, '');
  if (locale !== 'zh') return inner;
  for (const [pattern, say] of known) {
    const m = pattern.exec(inner);
    if (m) return say(m);
  }
  return inner;
}
/** "map: columns.T [degC].unit: …" tells of the column T [degC]; "map: time.zone: …" of the time. */
export function placeOf(text: string, columns: string[]): { part: 'file' | 'time' | 'path' | 'columns' | null; column?: string } {
  const m = /(?:^|: )(file|time|path|columns)\b/.exec(text.replace(/^map: /, ''));
  if (!m) return { part: null };
  const part = m[1] as 'file' | 'time' | 'path' | 'columns';
  if (part !== 'columns') return { part };
  const rest = text.slice(text.indexOf('columns.') + 8);
  return { part, column: columns.filter((c) => rest.startsWith(c)).sort((a, b) => b.length - a.length)[0] };
}

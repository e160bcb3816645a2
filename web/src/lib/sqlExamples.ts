// Statements to begin with: each runs as it stands, whatever tags there are. %TAG% is replaced by one that is there.
export interface Example {
  key: string;
  title: readonly [zh: string, en: string];
  help: readonly [zh: string, en: string];
  sql: string;
}

export const examples: readonly Example[] = [
  { key: 'tags', title: ['有哪些点位', 'Which tags there are'], help: ['路径、类型、单位', 'path, type, unit'], sql: 'SELECT tag, type, unit\nFROM tags\nORDER BY tag\nLIMIT 200' },
  { key: 'last', title: ['最新值', 'Newest readings'], help: ['每个点位最新的一个读数', 'the newest one of each tag'], sql: 'SELECT tag, ts, value, quality\nFROM last\nORDER BY ts DESC\nLIMIT 200' },
  { key: 'hour', title: ['一个点位的最近一小时', 'The last hour of a tag'], help: ['原始读数，可看图', 'readings as they came; as a chart too'], sql: "SELECT ts, value\nFROM history(tags := '%TAG%', since := now() - INTERVAL 1 HOUR)\nORDER BY ts" },
  { key: 'buckets', title: ['按 5 分钟平均', 'Means of 5 minutes'], help: ['平均、最小、最大', 'mean, least and most'], sql: "SELECT ts, avg, min, max\nFROM history(tags := '%TAG%', since := now() - INTERVAL 1 DAY,\n             every := '5m', agg := 'avg,min,max')\nORDER BY ts" },
  { key: 'count', title: ['哪些点位读数最多', 'Which tags send most'], help: ['最近一小时的个数和质量', 'readings of the last hour and how good they are'], sql: "SELECT tag, count(*) AS readings,\n       round(100.0 * count(*) FILTER (WHERE quality = 'good') / count(*), 1) AS good_percent\nFROM readings\nWHERE ts >= now() - INTERVAL 1 HOUR\nGROUP BY tag\nORDER BY readings DESC" },
  { key: 'days', title: ['按天比较', 'Day by day'], help: ['最近 7 天，按本地的日界', 'the last 7 days, as they begin here'], sql: "SELECT ts, avg, max, count\nFROM history(tags := '%TAG%', since := now() - INTERVAL 7 DAY,\n             every := '1d', agg := 'avg,max,count')\nORDER BY ts" },
  { key: 'alarms', title: ['告警最多的设备', 'Where alarms come from'], help: ['最近 30 天的次数和时长', 'how often and how long, last 30 days'], sql: "SELECT path, count(*) AS times,\n       round(sum(epoch(coalesce(ends, now()) - starts)) / 60, 1) AS minutes\nFROM alarms(since := now() - INTERVAL 30 DAY)\nGROUP BY path\nORDER BY times DESC" },
  { key: 'intervals', title: ['时段与时长', 'What lasted, and how long'], help: ['最近 7 天', 'the last 7 days'], sql: 'SELECT kind, path, starts, ends,\n       round(epoch(coalesce(ends, now()) - starts) / 60, 1) AS minutes\nFROM intervals(since := now() - INTERVAL 7 DAY)\nORDER BY starts DESC' },
  { key: 'devices', title: ['设备与型号', 'Devices and their types'], help: ['设置是 JSON，用 ->> 取出', 'settings are JSON: take a part with ->>'], sql: "SELECT name, spec ->> '$.type' AS type, updated, \"by\"\nFROM devices\nORDER BY name" },
];

export const exampleFor = (sql: string, tag: string): string => sql.replaceAll('%TAG%', tag.replaceAll("'", "''"));

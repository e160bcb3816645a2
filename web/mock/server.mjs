// Serves dist and answers docs/api.md with a made-up plant: for looking at pages and for page tests. Not a product.
//   node mock/server.mjs [--port 8099] [--empty]     signs in admin / gongshu-demo, or any one-time link ('fresh': as on the first start)
import { createServer } from 'node:http';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expressions } from './expressions.mjs';
import { kinds } from './kinds.mjs';
import { at, byPath, devices, hotSince, last, lostAt, start, tags, types } from './plant.mjs';

const argument = (name, standard) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : standard);
const port = Number(argument('--port', '8099'));
const empty = process.argv.includes('--empty');
const dist = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist');
const csrf = 'mock-csrf';
let session = null;
let password = 'gongshu-demo';

// Resources
const store = new Map(kinds.map((k) => [k.plural, new Map()]));
let uid = 0;
function put(plural, name, spec, by = 'user:admin', time = start - 86_400_000 * 3) {
  const old = store.get(plural).get(name);
  const revision = (old?.revision ?? 0) + 1;
  const resource = { kind: kinds.find((k) => k.plural === plural).name, name, uid: old?.uid ?? `01J${String(++uid).padStart(23, '0')}`, revision, created: old?.created ?? time, updated: time, by, spec };
  store.get(plural).set(name, { ...resource, history: [...(old?.history ?? []), { revision, time, by, what: old ? 'updated' : 'created', spec }] });
  return resource;
}
put('tenants', 'default', { title: '苏州示范工厂', disabled: false });
put('users', 'admin', { title: '管理员', role: 'admin', disabled: false });
for (const role of ['viewer', 'operator', 'engineer', 'admin']) put('roles', role, { title_zh: { viewer: '查看', operator: '操作', engineer: '工程', admin: '管理' }[role], title_en: role, base: role, paths: [] }, 'system');
if (!empty) {
  put('users', 'li', { title: '李工', role: 'engineer', email: 'li@example.com', disabled: false });
  put('users', 'wang', { title: '王班长', role: 'operator', disabled: false });
  put('users', 'old-account', { title: '已离职', role: 'viewer', disabled: true });
  put('roles', 'moulding-only', { title_zh: '注塑车间', title_en: 'Moulding shop', base: 'operator', paths: ['suzhou/moulding/**'] });
  put('tokens', 'grafana', { role: 'viewer', note: 'Grafana 看板', expires: '2027-12-31T00:00:00+08:00', disabled: false });
  put('tokens', 'telegraf', { role: 'engineer', note: 'Telegraf', disabled: false });
  put('sites', 'suzhou', { title_zh: '苏州工厂', title_en: 'Suzhou plant', address: '苏州工业园区', time_zone: 'Asia/Shanghai', places: { machining: { title_zh: '机加工', title_en: 'Machining' }, moulding: { title_zh: '注塑', title_en: 'Moulding' } } });
  const link = (host, more = {}) => ({ protocol: 'modbus_tcp', enabled: true, host, port: 502, period_ms: 1000, timeout_ms: 1000, retries: 1, unit: 1, writes_enabled: false, ...more });
  put('connections', 'machining-gateway', link('192.168.10.21', { writes_enabled: true }), 'user:li');
  put('connections', 'machining-gateway', link('192.168.10.21', { writes_enabled: true, timeout_ms: 1500 }), 'user:li', start - 3_600_000 * 5);
  put('connections', 'utility-plc', link('192.168.10.40'));
  put('message_hooks', 'shift-leaders', { title: '班组长群', disabled: false, cases: ['downtime_reason'], actions: [], place: '', channel: 'webhook', language: 'zh', link: '', url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={key}', format: 'wecom', key: { secret: true } });
  put('message_hooks', 'mes-down', { title: 'MES', disabled: false, cases: [], actions: ['open', 'answer'], place: 'suzhou', channel: 'webhook', language: 'en', link: '', url: 'https://mes-down.plant.example/gongshu', format: 'json', secret: { secret: true } });
  put('message_hooks', 'quality-mail', { title: '质量部邮件', disabled: true, cases: ['change_approval'], actions: [], place: '', channel: 'email', language: 'zh', link: '', host: 'mail.plant.example', port: 465, security: 'tls', user: 'gongshu', password: { secret: true }, from: 'gongshu@plant.example', to: ['quality@plant.example'] });
  put('modbus_servers', 'scada', { title_zh: '给 SCADA', title_en: 'For the SCADA system', enabled: true, host: '192.168.10.5', port: 502, masters: ['192.168.10.0/24'], unit: 1, writes_enabled: false, when_bad: 'exception', gaps: 'exception', masters_max: 100, idle_timeout_s: 120, entries: tags.slice(0, 6).map((tag, i) => ({ tag: tag.path, kind: 'input', address: i * 2, encoding: 'f32', word_order: 'ABCD', scale: 1, offset: 0, writable: false })) });
  put('modbus_servers', 'old-panel', { title_zh: '老触摸屏', title_en: 'Old panel', enabled: true, host: '127.0.0.1', port: 503, masters: [], unit: 1, writes_enabled: false, when_bad: 'last', gaps: 'zero', masters_max: 100, idle_timeout_s: 120, entries: [] });
  put('connections', 'meters', link('192.168.10.60', { port: 1502 }));
  const { port: _, ...plain } = link('192.168.10.70');
  put('connections', 'press-plc', { ...plain, protocol: 's7', plc: 's7_1500' });
  put('connections', 'hall-meters', { ...plain, host: '', protocol: 'dlt645_serial', serial_port: '/dev/ttyUSB0', period_ms: 60000 });
  put('connections', 'old-line', link('192.168.10.99', { enabled: false }));
  for (const [name, type] of Object.entries(types)) put('device_types', name, { ...type, properties: type.properties.map((p, i) => ({ name: p.name, title_zh: p.title_zh, title_en: p.title_en, type: p.type, unit: p.unit, writable: p.writable ?? false, ...(p.min !== undefined ? { min: p.min, max: p.max } : {}), address: { kind: 'holding', address: i * 2, encoding: p.type === 'text' ? 'text' : p.flag ? 'u16' : 'f32', word_order: 'ABCD', scale: 1, offset: 0 } })) });
  for (const d of devices) put('devices', d.name, { title_zh: d.title_zh, title_en: d.title_en, type: d.type, ...(d.connection ? { connection: d.connection } : {}), enabled: true });
  put('mappings', 'lines', { title_zh: '产线网关', title_en: 'Line gateways', topic: 'factory/{line}/+/data', format: 'json', time: '$.ts', take: [{ value: '$.data[*].v', tag: 'works/{line}/{$.data[*].dev}.temperature', unit: 'degC' }], priority: 0, devices: false, enabled: true });
  put('rules', 'spindle-vibration', { title_zh: '主轴振动过大', title_en: 'Spindle vibration high', enabled: true, device_type: 'cnc-v850', condition: 'avg(vibration, 1m) > 4.5 mm/s for 30s', severity: 'critical', message_zh: '主轴振动 {vibration}', message_en: 'Spindle vibration {vibration}' });
  put('virtual_tags', 'suzhou/all.power', { title_zh: '总功率', title_en: 'Power of all', expr: 'suzhou/utility/meter-main.active_power + suzhou/utility/meter-moulding.active_power', unit: 'kW', type: 'auto', lateness: '2s', min_interval: '0s', enabled: true });
  put('virtual_tags', 'load', { title_zh: '负载率', title_en: 'Load', device_type: 'cnc-v850', expr: 'spindle_temperature / 80 degC * 100', unit: '', type: 'auto', lateness: '2s', min_interval: '0s', enabled: true });
  put('virtual_tags', 'suzhou/water.lost', { title_zh: '漏水量', title_en: 'Water lost', expr: 'suzhou/utility/pump-1.flow - suzhou/utility/pump-1.pressure', unit: '', type: 'auto', lateness: '5s', min_interval: '1m', enabled: true });
  put('calendars', 'three-shifts', { title_zh: '三班', title_en: 'Three shifts', is_default: true, time_zone: 'Asia/Shanghai', day_start: '08:00', shifts: [{ name: 'day', title_zh: '早班', title_en: 'Day', from: '08:00', to: '16:00' }, { name: 'swing', title_zh: '中班', title_en: 'Swing', from: '16:00', to: '00:00' }, { name: 'night', title_zh: '夜班', title_en: 'Night', from: '00:00', to: '08:00' }] });
  put('rules', 'spindle-hot', { title_zh: '主轴过热', title_en: 'Spindle hot', enabled: true, device_type: 'cnc-v850', condition: 'spindle_temperature > 70 degC', severity: 'major' });
  put('rules', 'pump-silent', { title_zh: '水泵压力失效', title_en: 'Pump pressure lost', enabled: true, device_type: 'pump-is65', condition: 'pressure.quality is bad for 10s', severity: 'minor' });
  put('rules', 'meter-silent', { title_zh: '电表无数据', title_en: 'Meter silent', enabled: true, device_type: 'meter-dts', condition: 'since(active_power) > 2m', severity: 'warning' });
  put('rules', 'barrel-range', { title_zh: '料筒温度越界', title_en: 'Barrel out of range', enabled: false, device_type: 'im-200t', condition: 'barrel_temperature < 210 degC or barrel_temperature > 245 degC', severity: 'major' });
}

// Alarms
const alarms = [];
const alarm = (rule, tag, severity, raised, zh, en, value, unit, expression, more = {}) => alarms.push({ id: createHash('md5').update(rule + raised).digest('hex').slice(0, 16), rule, device: tag.slice(0, tag.lastIndexOf('.')), tag, state: 'raised', acknowledged_by: null, severity, title_zh: zh, title_en: en, message: zh, message_zh: zh, message_en: en, raised, cleared: null, cleared_reason: '', acknowledged: null, why: { condition: store.get('rules').get(rule)?.spec.condition ?? rule, text_zh: `${expression} = ${value} ${unit}，高于限值`, text_en: `${expression} = ${value} ${unit}, above the limit`, values: [{ tag, expression, ts: raised, value, unit, quality: 'good' }] }, journal: [{ time: raised, what: 'raised', who: '', comment: '' }], ...more });
if (!empty) {
  alarm('spindle-vibration', 'suzhou/machining/cnc-3.vibration', 'critical', hotSince + 230_000, '3 号加工中心主轴振动 4.62 mm/s', 'CNC 3 spindle vibration 4.62 mm/s', 4.62, 'mm/s', 'avg(vibration, 1m)');
  alarm('spindle-hot', 'suzhou/machining/cnc-3.spindle_temperature', 'major', hotSince + 180_000, '3 号加工中心主轴温度 71.3 degC', 'CNC 3 spindle temperature 71.3 degC', 71.3, 'degC', 'spindle_temperature', { state: 'acknowledged', acknowledged: start - 60_000, acknowledged_by: 'user:wang' });
  alarms[1].journal.push({ time: start - 60_000, what: 'acknowledged', who: 'user:wang', comment: '已通知维修，检查冷却液。' });
  alarm('pump-silent', 'suzhou/utility/pump-2.pressure', 'minor', start - 4 * 60_000, '2 号冷却泵压力质量为坏', 'Pump 2 pressure is bad', null, 'bar', 'pressure.quality');
  alarm('meter-silent', 'suzhou/utility/meter-main.active_power', 'warning', lostAt + 120_000, '总电表 2 分钟无数据', 'Main meter silent for 2 min', 86.2, 'kW', 'since(active_power)');
  for (let i = 1; i < 40; i++) {
    const raised = start - i * 3.7 * 3_600_000;
    const severity = ['major', 'minor', 'warning', 'critical'][i % 4];
    const n = (i % 3) + 1;
    alarm(['spindle-hot', 'pump-silent', 'meter-silent', 'spindle-vibration'][i % 4], `suzhou/machining/cnc-${n}.spindle_temperature`, severity, raised, `${n} 号加工中心温度 ${(70 + (i % 7)).toFixed(1)} degC`, `CNC ${n} temperature ${(70 + (i % 7)).toFixed(1)} degC`, 70 + (i % 7), 'degC', 'spindle_temperature', { state: 'cleared', cleared: raised + 900_000 + i * 1000, acknowledged: i % 3 ? raised + 200_000 : null, acknowledged_by: i % 3 ? 'user:wang' : null });
  }
}
const active = () => alarms.filter((a) => a.state !== 'cleared');
const counts = () => Object.fromEntries(['critical', 'major', 'minor', 'warning'].map((s) => [s, active().filter((a) => a.severity === s).length]));

// Live state
const counters = (k) => { const n = Math.floor((Date.now() - start) / 1000) + 52_000; return { requests: n * k, replies: n * k - 14, timeouts: 9 * k, exceptions: 2, malformed: 0, reconnects: k, readings: n * 22, bytes_in: n * 190, bytes_out: n * 24, dropped: 0 }; };
const connectionStates = () => (empty ? [] : [
  { name: 'machining-gateway', protocol: 'modbus_tcp', state: 'up', since: start - 7_600_000, last_error: '', last_error_at: null, next_try: null, counters: counters(1), latency_ms: 4.2 },
  { name: 'utility-plc', protocol: 'modbus_tcp', state: 'up', since: start - 1_200_000, last_error: 'unit 1: holding 2 … 3: no reply within 1000 ms', last_error_at: start - 240_000, next_try: null, counters: counters(2), latency_ms: 11.7 },
  { name: 'meters', protocol: 'modbus_tcp', state: 'backing_off', since: lostAt, last_error: 'connect 192.168.10.60:1502: connection refused', last_error_at: Date.now() - 4000, next_try: Date.now() + 11_000, counters: counters(1), latency_ms: 0 },
  { name: 'old-line', protocol: 'modbus_tcp', state: 'off', since: start - 86_400_000 * 9, last_error: '', last_error_at: null, next_try: null, counters: counters(0), latency_ms: 0 },
].filter((c) => store.get('connections').has(c.name)));
const deviceStates = () => [...store.get('devices').keys()].map((name) => {
  const d = devices.find((x) => x.name === name);
  if (!d) return { name, state: 'offline', since: start, last_seen: null, last_error: '', tags: 0, bad: 0, source: 'mqtt' };
  const state = d.connection === 'meters' ? 'offline' : d.late ? 'stale' : 'online';
  return { name, state, since: state === 'online' ? start - 7_600_000 : lostAt, last_seen: state === 'online' ? Date.now() - 700 : state === 'stale' ? start - 95_000 : lostAt, last_error: state === 'offline' ? 'connect 192.168.10.60:1502: connection refused' : d.bad ? 'pressure: no reply within 1000 ms' : '', tags: types[d.type].properties.length, bad: d.bad ? 1 : 0, source: d.connection ?? 'mqtt' };
});
const overview = () => {
  const ds = deviceStates();
  const cs = connectionStates();
  const wrong = active().map((a) => ({ severity: a.severity, what: 'alarm', name: a.id, text_zh: a.message_zh, text_en: a.message_en, since: a.raised }));
  for (const c of cs) if (c.state === 'backing_off') wrong.push({ severity: 'major', what: 'connection', name: c.name, text_zh: `连接 ${c.name} 未建立: ${c.last_error}`, text_en: `connection ${c.name} is not up: ${c.last_error}`, since: c.since });
  for (const d of ds) if (d.state === 'offline' || d.state === 'stale') wrong.push({ severity: d.state === 'stale' ? 'minor' : 'major', what: 'device', name: d.name, text_zh: `设备 ${d.name} ${d.state === 'stale' ? '数据陈旧' : '离线'}`, text_en: `device ${d.name} is ${d.state}`, since: d.since });
  const order = ['critical', 'major', 'minor', 'warning'];
  wrong.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  const n = (list, s) => list.filter((x) => x.state === s).length;
  return { devices: { total: ds.length, online: n(ds, 'online'), stale: n(ds, 'stale'), offline: n(ds, 'offline'), off: 0 }, connections: { total: cs.length, up: n(cs, 'up'), down: n(cs, 'backing_off'), off: n(cs, 'off') }, tags: empty ? 0 : tags.length, readings_per_s: empty ? 0 : 38.4, alarms: counts(), wrong };
};

// Questions about data
const glob = (text) => new RegExp('^' + text.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*\*/g, '\u0000').replace(/\*/g, '[^/]*').replace(/\u0000/g, '.*') + '$');
const time = (text, fallback) => (text ? Number(text) / 1e6 : fallback);
const everyMs = (text) => { const m = /^(\d+)([smhd])$/.exec(text); return m ? Number(m[1]) * { s: 1e3, m: 6e4, h: 36e5, d: 864e5 }[m[2]] : 60_000; };
function read(query) {
  const now = Date.now();
  const [from, to] = [time(query.get('from'), now - 3_600_000), Math.min(time(query.get('to'), now), now)];
  const every = query.get('every');
  const series = query.getAll('tag').filter((path) => byPath.has(path)).map((path) => {
    const tag = byPath.get(path);
    const rows = [];
    if (every) {
      const agg = query.get('agg').split(',');
      const step = everyMs(every);
      for (let t = Math.floor(from / step) * step; t < to; t += step) {
        const values = [];
        let bad = 0;
        for (let i = 0; i < 6; i++) {
          const v = at(tag, t + (i * step) / 6);
          if (v && v[1] === 'good' && typeof v[0] !== 'string') values.push(Number(v[0]));
          else if (v) bad++;
        }
        if (!values.length && !bad) continue;
        const sum = values.reduce((a, b) => a + b, 0);
        const of = { avg: values.length ? sum / values.length : null, min: values.length ? Math.min(...values) : null, max: values.length ? Math.max(...values) : null, count: values.length, first: values[0] ?? null, last: values.at(-1) ?? null };
        rows.push([t, ...agg.map((a) => of[a]), values.length / (values.length + bad)]);
      }
      return { tag: path, unit: tag.unit, columns: ['ts', ...agg, 'good_fraction'], rows };
    }
    const points = Number(query.get('points') ?? 5000);
    const step = Math.max(1000, Math.ceil((to - from) / points / 1000) * 1000);
    for (let t = Math.ceil(from / step) * step; t <= to; t += step) {
      const v = at(tag, t);
      if (v) rows.push([t, v[0], v[1]]);
    }
    return { tag: path, unit: tag.unit, columns: ['ts', 'value', 'quality'], rows, sampled: step > 1000 };
  });
  return { series };
}
const problem = (status, title, detail, more = {}) => ({ status, body: { type: 'about:blank', title, status, detail, id: randomBytes(4).toString('hex'), ...more } });
class Refused extends Error { constructor(answer) { super(answer.body.detail); this.answer = answer; } }
const refuse = (...args) => { throw new Refused(problem(...args)); };

function differences(before, after, path = '', out = []) {
  if (JSON.stringify(before) === JSON.stringify(after)) return out;
  const isObject = (x) => x !== null && typeof x === 'object';
  if (isObject(before) && isObject(after) && Array.isArray(before) === Array.isArray(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) differences(before[key] ?? null, after[key] ?? null, Array.isArray(after) ? `${path}[${key}]` : path ? `${path}.${key}` : key, out);
  } else out.push({ path, before: before ?? null, after: after ?? null });
  return out;
}
function check(condition) {
  const known = new Set(tags.map((t) => t.property));
  for (const m of condition.matchAll(/[A-Za-z_][\w./-]*/g)) {
    const word = m[0].replace(/\.quality$/, '');
    if (['avg', 'min', 'max', 'last', 'rate', 'since', 'for', 'and', 'or', 'not', 'is', 'bad', 'good', 'uncertain', 'degC', 'mm', 's', 'kW', 'bar', 'true', 'false'].includes(word) || known.has(word) || byPath.has(word) || /[\d)]\s*$/.test(condition.slice(0, m.index)) || condition[m.index - 1] === '/') continue;
    const suggest = [...known].filter((k) => k.slice(0, 3) === word.slice(0, 3)).slice(0, 3);
    return { ok: false, error: { code: 'unknown_name', text: `there is no tag or function "${word}"`, text_zh: `没有点位或函数“${word}”`, column: m.index + 1, length: word.length, found: word, expected: 'a tag, a number or a function', suggest } };
  }
  if (!/[<>=]|\bis\b/.test(condition)) return { ok: false, error: { code: 'not_a_condition', text: 'a condition that is true or false is expected, found a number', text_zh: '这里应为真或假的条件，遇到的是数值', column: 1, length: condition.length, found: condition, expected: 'a comparison such as > 80', suggest: [] } };
  const used = tags.filter((t) => new RegExp(`\\b${t.property}\\b`).test(condition) && t.device === (t.type === 'x' ? '' : tags.find((o) => o.property === t.property && o.at.hot)?.device ?? tags.find((o) => o.property === t.property).device));
  return { ok: true, value: used.some((t) => t.at.hot), tags: used.map((t) => { const l = last(t, Date.now()); return { path: t.path, value: l?.[1] ?? null, quality: l?.[2] ?? null, unit: t.unit, ts: l?.[0] ?? null }; }), uses: [...new Set((condition.match(/\b(avg|min|max|last|rate|since)\b/g) ?? []))], window: /(\d+[smh])/.exec(condition)?.[1] ?? '' };
}
// Virtual tags: one that runs, one of each machine, one that cannot.
const fills = empty ? [] : [{ id: '1', name: 'suzhou/all.power', from: start - 86_400_000 * 7, to: start, state: 'done', progress: 1, readings: 1_209_600, rows: 604_800, places: 1, places_done: 1, error: '', by: 'user:li', started: start - 7_200_000, finished: start - 7_180_000 }];
function virtualStates() {
  const now = Date.now();
  const one = (name, path, device, unit, value, more = {}) => ({ name, device, path, state: 'running', why: '', why_zh: '', since: start, unit, type: 'number', rows: 4200, late: 0, last: [now - 3000, value, 'good'], ...more });
  const mills = devices.filter((d) => d.type === 'cnc-v850');
  return [
    ...mills.map((d, i) => one('load', `${d.name}.load`, d.name, '', 52.5 + i * 7.25)),
    one('suzhou/all.power', 'suzhou/all.power', '', 'kW', 182.41, { late: 3 }),
    one('suzhou/water.lost', 'suzhou/water.lost', '', '', null, { state: 'stopped', last: null, type: null, why: 'expr: column 28: cannot subtract "suzhou/utility/pump.pressure" (unit bar) from "suzhou/utility/flow.in" (unit m3/h): they measure different things', why_zh: 'expr：第 28 列：“suzhou/utility/flow.in”（单位 m3/h）与“suzhou/utility/pump.pressure”（单位 bar）量的不是同一种东西，不能相减' }),
  ];
}
function previewOf(expr, from, to, limit) {
  const checked = check(expr);
  if (!checked.ok && checked.error.code !== 'not_a_condition') return { ok: false, problem: `expr: column ${checked.error.column}: ${checked.error.text}`, problem_zh: `expr：第 ${checked.error.column} 列：${checked.error.text_zh}`, error: checked.error };
  const used = tags.filter((t) => expr.includes(t.property)).slice(0, 2);
  const step = Math.max(1000, (to - from) / 600);
  const rows = Array.from({ length: Math.floor((to - from) / step) }, (_, i) => [Math.round(from + i * step), 180 + 20 * Math.sin(i / 40) + (i % 7), i > 300 && i < 315 ? 'uncertain:sensor' : 'good']);
  return { ok: true, path: 'suzhou/all.power', unit: 'kW', type: 'number', inputs: used.map((t) => ({ path: t.path, unit: t.unit, there: true, last: last(t, Date.now()) })), count: rows.length, readings: rows.length * 2, complete: true, until: to, columns: ['ts', 'value', 'quality'], rows: rows.slice(-limit) };
}
const audits = () => (empty ? [] : Array.from({ length: 120 }, (_, i) => {
  const time = start - i * 4_100_000;
  return [
    { action: 'update', kind: 'connection', name: 'machining-gateway', who: 'user:li', detail: JSON.stringify([{ path: 'timeout_ms', before: 1000, after: 1500 }]), allowed: true },
    { action: 'sign_in', kind: 'session', name: 'admin', who: 'user:admin', detail: '', allowed: true },
    { action: 'write', kind: 'device', name: 'suzhou/machining/cnc-1', who: 'user:wang', detail: JSON.stringify({ property: 'spindle_speed', value: 5800, reason: '换刀后降速' }), allowed: true },
    { action: 'delete', kind: 'rule', name: 'spindle-hot', who: 'user:wang', detail: '', allowed: false },
  ].map((r, k) => ({ id: 4000 - i * 4 - k, time: time - k * 900_000, from: '192.168.10.7', entry: i === 0 ? null : 119 - i, ...r }))[i % 4];
}));

// SQL: not understood, only recognised by what the examples of the page say.
const column = (name, type, sql) => ({ name, type, sql });
const time_ = column('ts', 'time', 'TIMESTAMP_NS');
function answerSql({ sql }) {
  const text = String(sql);
  if (/no_library/.test(text)) refuse(503, 'unavailable', 'SQL needs libduckdb.so beside the program, and there is none: install the package of the program again, or build it after tools/deps.sh build');
  const wrong = /\bwrong\b/.exec(text);
  if (wrong) refuse(400, 'invalid', 'there is no column "wrong" here; there are tag, ts, value, quality, integer, text', { sqlstate: '42703', position: [...text.slice(0, wrong.index)].length + 1 });
  if (/^\s*(insert|update|delete|drop|create)/i.test(text)) refuse(403, 'denied', 'only SELECT can be asked: nothing can be changed by SQL', { sqlstate: '42501', position: 1 });
  const paths = empty ? [] : [...byPath.keys()];
  if (/from tags/i.test(text)) return { columns: [column('tag', 'text', 'VARCHAR'), column('type', 'text', 'VARCHAR'), column('unit', 'text', 'VARCHAR')], rows: paths.map((p) => [p, byPath.get(p).type ?? 'number', byPath.get(p).unit ?? null]) };
  if (/from last/i.test(text)) return { columns: [column('tag', 'text', 'VARCHAR'), time_, column('value', 'number', 'DOUBLE'), column('quality', 'text', 'VARCHAR')], rows: paths.map((p) => { const l = last(byPath.get(p), Date.now()); return [p, l ? Math.round(l[0] * 1000) : null, typeof l?.[1] === 'number' ? l[1] : null, l?.[2] ?? null]; }) };
  if (/count\(\*\)/i.test(text)) return { columns: [column('tag', 'text', 'VARCHAR'), column('readings', 'integer', 'BIGINT'), column('good_percent', 'number', 'DOUBLE')], rows: paths.map((p, i) => [p, 3600 - i * 17, i % 9 ? 100 : 97.4]) };
  const path = /tags\s*:=\s*'([^']+)'/.exec(text)?.[1] ?? paths[0];
  const tag = byPath.get(path);
  const [every, steps] = /every/.test(text) ? [300_000, 288] : [1000, 3600];
  const value = (t) => { const v = tag && at(tag, t); return v && v[1] === 'good' && typeof v[0] === 'number' ? v[0] : null; };
  const base = Math.floor(Date.now() / every) * every - steps * every;
  if (every > 1000) return { columns: [time_, column('avg', 'number', 'DOUBLE'), column('min', 'number', 'DOUBLE'), column('max', 'number', 'DOUBLE')], rows: Array.from({ length: steps }, (_, i) => { const vs = [0, 0.3, 0.6, 0.9].map((f) => value(base + (i + f) * every)).filter((v) => v !== null); return [(base + i * every) * 1000, vs.length ? vs.reduce((a, b) => a + b, 0) / vs.length : null, vs.length ? Math.min(...vs) : null, vs.length ? Math.max(...vs) : null]; }) };
  return { columns: [time_, column('value', 'number', 'DOUBLE')], rows: Array.from({ length: steps }, (_, i) => [(base + i * every) * 1000, value(base + i * every)]) };
}

// Storage: what the tags of the plant would take; a check takes four seconds.
const dayText = (t) => new Date(t).toISOString().slice(0, 10);
const sized = (path) => { const h = createHash('md5').update(path).digest(); return { rows: 40_000 + (h[0] << 7), per: byPath.get(path)?.type === 'boolean' ? 0.04 + h[2] / 4000 : 0.7 + h[1] / 90 }; };
const useOf = (path, i) => { const { rows, per } = sized(path); const day = (i * 7919) % 13; return { rows: rows - day * 900, bytes: Math.round((rows - day * 900) * per * (1 + day / 60)) }; };
const checked = { running: false, since: null, files_done: 0, files: 0, bytes_done: 0, bytes: 0, ended: null, took_ms: 0, error: '', files_read: 0, rows: 0, events: 0, intervals: 0, problem_count: 0, problems: [] };
function checkNow() {
  if (!checked.running) return checked;
  const passed = Date.now() - checked.since;
  if (passed > 4000) return Object.assign(checked, { running: false, ended: Date.now(), took_ms: passed, error: '', files_read: 612, rows: 4_612_345, events: 1204, intervals: 96, files_done: 0, files: 0, bytes_done: 0, bytes: 0 });
  const part = Math.max(0, passed - 400) / 3600;
  return Object.assign(checked, { files: 612, bytes: 48_233_112, files_done: Math.floor(612 * part), bytes_done: Math.floor(48_233_112 * part) });
}
function storageOf(path, q) {
  const count = Math.min(Number(q.get('days') ?? 30), 45);
  const paths = empty ? [] : [...byPath.keys()];
  const day = (i) => ({ day: dayText(Date.now() - i * 86_400_000), segments: i ? 16 : 44 });
  if (path === '/storage:check') { if (checked.running) refuse(409, 'conflict', 'the storage is being checked already'); Object.assign(checked, { running: true, since: Date.now(), ended: null }); return { check: checkNow() }; }
  if (path === '/storage:cancel') { if (checked.running) Object.assign(checked, { running: false, ended: Date.now(), error: 'stopped because somebody asked for it' }); return { check: checked }; }
  if (path === '/storage/tags:days') {
    const tag = byPath.get(q.get('tag')) ?? refuse(404, 'not found', `there is no tag "${q.get('tag')}"`);
    const days = Array.from({ length: count }, (_, i) => ({ ...day(count - 1 - i), ...useOf(q.get('tag'), count - 1 - i), segments: 0 }));
    return { tag: q.get('tag'), type: tag.type ?? 'number', unit: tag.unit ?? '', days, rows: days.reduce((n, d) => n + d.rows, 0), bytes: days.reduce((n, d) => n + d.bytes, 0) };
  }
  if (path === '/storage/tags') {
    const wanted = q.get('tag') ? glob(q.get('tag')) : null;
    const all = paths.filter((p) => !wanted || wanted.test(p)).map((p) => { const { rows, per } = sized(p); return { tag: p, type: byPath.get(p).type ?? 'number', unit: byPath.get(p).unit ?? '', rows: rows * count, bytes: Math.round(rows * count * per), first: dayText(Date.now() - count * 86_400_000), last: dayText(Date.now()) }; });
    const of = (one) => (q.get('order') === 'rows' ? one.rows : q.get('order') === 'bytes_per_row' ? one.bytes / one.rows : one.bytes);
    all.sort((a, b) => (q.get('ascending') ? of(a) - of(b) : of(b) - of(a)));
    return { total: all.length, rows: all.reduce((n, d) => n + d.rows, 0), bytes: all.reduce((n, d) => n + d.bytes, 0), items: all.slice(0, Number(q.get('limit') ?? 100)) };
  }
  const days = paths.length ? Array.from({ length: count }, (_, i) => count - 1 - i).filter((i) => i !== 17).map((i) => paths.reduce((sum, p) => { const use = useOf(p, i + 1); return { ...sum, rows: sum.rows + Math.round(use.rows * (i ? 1 : 0.4)), bytes: sum.bytes + Math.round(use.bytes * (i ? 1 : 0.55)) }; }, { ...day(i), rows: 0, bytes: 0 })) : [];
  const [rows, bytes] = [days.reduce((n, d) => n + d.rows, 0), days.reduce((n, d) => n + d.bytes, 0)];
  const steps = empty ? [] : Array.from({ length: 288 }, (_, i) => [Date.now() - (288 - i) * 300_000, 41 + 6 * Math.sin(i / 22) + (i % 7) / 3 - (i > 190 && i < 204 ? 30 : 0)]);
  return { at: Date.now(), server: { rows, bytes, tags: paths.length, segments: empty ? 0 : 612, unmerged_segments: empty ? 0 : 28, intervals: 96, log_bytes: 18_203_112, log_unsynced_bytes: 0, log_waiting: 0, memory_rows: empty ? 0 : 24_312, memory_bytes: 412_004, memory_age_ms: 312_000, work: '', read_only: '', disk_free_bytes: 120_000_000_000, disk_total_bytes: 250_000_000_000, oldest: empty ? null : Date.now() - 44 * 86_400_000, bytes_a_day_estimate: empty ? null : bytes / Math.max(1, days.length), disk_full_estimate: empty ? null : Date.now() + 611 * 86_400_000, former: empty ? [] : [{ formats: 0, at: Date.now() - 3 * 86_400_000, until: Date.now() + 27 * 86_400_000, bytes: 48_112_640 }], check: checkNow() }, days, rows, bytes, rates: { now_per_s: empty ? 0 : 44.2, mean_per_s: empty ? null : 42.7, mean_ms: 86_400_000, step_ms: 300_000, steps } };
}

// Backups: one whole, one damaged, one cut short; making one takes four seconds.
const backupName = (t) => new Date(t).toISOString().slice(0, 19).replace(/[-:]/g, '') + 'Z';
const backupAt = (t, more = {}) => ({ name: backupName(t), made: t, program: '0.1.0', files: 612, bytes: 48_233_112, problem: '', note: '', proof: null, ...more });
const proofOf = (name) => ({ backup: name, at: Date.now(), took_ms: 41_000, program: '0.1.0', files: 612, bytes: 48_233_112, rows: 4_612_345, intervals: 96, events: 1204, resources: 312, revisions: 957, secrets: 14, ledgers: 1, audit_records: 2211, newest: Date.now() - 7_200_000, problem_count: 0, problems: [] });
const saved = { running: null, last: null, proved: null, drill_every_s: empty ? 0 : 2_592_000, target: empty ? null : { folder: '/mnt/nas/gongshu', mount: true, running: false, name: backupName(start - 5 * 3_600_000), sent: '', bytes_done: 0, bytes: 0, sent_at: null, tried_at: start - 5 * 3_600_000, next_try: start + 600_000, problem: '/mnt/nas/gongshu is no mount point: its disk or share is not mounted; nothing was written' }, backups: empty ? [] : [backupAt(start - 5 * 3_600_000), backupAt(start - 29 * 3_600_000, { made: 0, program: '', files: 0, bytes: 0, problem: '/var/lib/gongshu.backups/…/SHA256SUMS: the list is damaged: the sum in its last line is not that of the lines above' }), { name: backupName(start - 53 * 3_600_000) + '.part', made: 0, program: '', files: 0, bytes: 0, problem: 'not finished' }] };
function backups(method, path) {
  const [, name, action] = /^\/admin\/backups(?:\/([^:]+))?(?::(\w+))?$/.exec(path);
  const r = saved.running;
  const end = (error) => { saved.last = { work: r.work, name: r.name || backupName(r.since), ended: Date.now(), error }; saved.running = null; };
  if (r && Date.now() - r.since > 4000) { if (r.work === 'make') saved.backups.unshift(backupAt(r.since)); const b = saved.backups.find((one) => one.name === r.name); if (r.work === 'drill' && b) b.proof = saved.proved = proofOf(b.name); end(''); }
  if (action === 'cancel' && saved.running) end('the backup is not finished: stopped because somebody asked for it');
  else if (method === 'POST') {
    if (saved.running) refuse(409, 'conflict', 'a backup is being made already; wait for it or cancel it');
    saved.running = { work: name ? action : 'make', name: name ?? '', since: Date.now() };
  } else if (method === 'DELETE') saved.backups = saved.backups.filter((b) => b.name !== name);
  const part = saved.running && Math.min(1, Math.max(0, (Date.now() - saved.running.since - 600) / 3400));
  return { folder: '/var/lib/gongshu.backups', every_s: empty ? 0 : 86_400, keep: 7, ...saved, running: saved.running && { ...saved.running, files_done: Math.floor(612 * part), files: part ? 612 : 0, bytes_done: Math.floor(48_233_112 * part), bytes: part ? 48_233_112 : 0 } };
}

function resources(method, plural, rest, query, body, headers) {
  const of = store.get(plural);
  const [name, action] = rest ? [decodeURIComponent(rest.split(/:(?=[a-z]+$)|\//)[0]), /[:/]([a-z]+)$/.exec(rest)?.[1]] : [];
  const clean = (r) => { const { history, ...out } = r; return out; };
  if (!name) return { items: [...of.values()].map(clean) };
  const old = of.get(name);
  if (method === 'GET') {
    if (!old) refuse(404, 'not found', `there is no ${plural} "${name}"`);
    return action === 'revisions' ? { revisions: old.history } : clean(old);
  }
  if (method === 'PUT' || method === 'PATCH') {
    const want = headers['if-match'] === undefined ? undefined : Number(headers['if-match'].replaceAll('"', ''));
    if (want !== undefined && want !== (old?.revision ?? 0)) refuse(412, 'conflict', `revision ${want} expected, found ${old?.revision ?? 0}`);
    const spec = method === 'PATCH' ? { ...old.spec, ...body } : body.spec;
    if (plural === 'connections' && spec.protocol === 'modbus_tcp' && !spec.host) refuse(400, 'invalid', 'host: expected a host name or an IP address, found none (protocol modbus_tcp needs it)', { place: 'spec.host' });
    // Secrets never come back.
    for (const [key, field] of Object.entries(kinds.find((k) => k.plural === plural).schema.properties ?? {})) if (field['x-secret'] && typeof spec[key] === 'string') spec[key] = { secret: true };
    const change = { what: old ? 'updated' : 'created', differences: differences(old?.spec ?? {}, spec) };
    if (query.get('dry_run')) return { ...change, resource: { ...(old ? clean(old) : {}), name, spec } };
    return { ...change, resource: put(plural, name, spec, 'user:admin', Date.now()) };
  }
  if (method === 'DELETE') return void of.delete(name);
  if (action === 'rollback') return { what: 'updated', differences: [], resource: put(plural, name, old.history.find((r) => r.revision === body.revision).spec, 'user:admin', Date.now()) };
  if (action === 'rename') { of.set(body.name, { ...old, name: body.name }); of.delete(name); return { what: 'updated', differences: [], resource: clean(of.get(body.name)) }; }
  if (action === 'issue') return { token: 'gst_' + randomBytes(24).toString('base64url') };
  if (action === 'credential') return { username: name, password: randomBytes(18).toString('base64url') };
  if (action === 'password') return undefined;
  if (action === 'test') return name === 'meters' ? { ok: false, steps: [{ what: 'resolve', ok: true, ms: 0.3, detail: '192.168.10.60' }, { what: 'connect', ok: false, ms: 3, detail: 'connection refused' }], values: [] } : { ok: true, steps: [{ what: 'resolve', ok: true, ms: 0.2, detail: '192.168.10.21' }, { what: 'connect', ok: true, ms: 2.1, detail: 'TCP 502' }, { what: 'read', ok: true, ms: 4.3, detail: '12 registers in 1 request' }], values: tags.filter((t) => t.at.connection === name).slice(0, 4).map((t) => ({ tag: t.path, value: last(t, Date.now())?.[1] ?? null, quality: 'good' })) };
  if (action === 'write') return { id: '1', done: true, read_back: body.value, error: null };
  return refuse(404, 'not found', `no such action on ${plural}`);
}
function answer(method, url, body, headers) {
  const path = url.pathname.replace('/api/v1', '');
  const q = url.searchParams;
  if (path === '/session') {
    if (method === 'POST') {
      if (body.one_time === undefined && (body.user !== 'admin' || body.password !== password)) refuse(401, 'unauthorized', 'user or password is wrong');
      session = { user: 'admin', tenant: 'default', role: 'admin', csrf, setup: body.one_time === 'fresh', must_change_password: ['forced', 'fresh'].includes(body.one_time) };
      return { ...session, token: 'mock' };
    }
    if (method === 'DELETE') return void (session = null);
    if (!session) refuse(401, 'unauthorized', 'nobody is signed in');
    return session;
  }
  if (!session) refuse(401, 'unauthorized', 'nobody is signed in');
  if (method !== 'GET' && headers['x-csrf'] !== csrf) refuse(403, 'denied', 'the header X-CSRF is missing or wrong');
  if (path === '/setup' && method === 'GET') return { version: '0.1.0', fresh: session.setup, sites: session.setup ? 0 : 1, sample: true, config: '', data: { folder: '/var/lib/gongshu', free_bytes: 412_000_000_000, total_bytes: 512_000_000_000 }, keys: { folder: '/var/lib/gongshu.keys' }, backups: { folder: '/var/lib/gongshu.backups', every_s: 0, keep: 7 }, lan: [], phone: null };
  if (path === '/setup') {
    if (!session.setup) refuse(409, 'conflict', '首次设置已经完成：现有 1 个工厂');
    if (!/^[\p{L}\p{N}_.-]+$/u.test(body.name)) refuse(400, 'invalid', `site ${body.name}: 名称里有不允许的字符`);
    if (!query.get('dry_run')) session = { ...session, setup: false };
    return { stored: { site: 1 } };
  }
  if (path === '/session/password') { session = { ...session, must_change_password: false }; password = body.new; return undefined; }
  if (path === '/kinds') return { kinds };
  if (path === '/tags') {
    const match = glob(q.get('glob') ?? '**');
    const found = empty ? [] : tags.filter((t) => match.test(t.path));
    const limit = Number(q.get('limit') ?? 1000);
    return { tags: found.slice(0, limit).map((t) => ({ id: t.id, path: t.path, device: t.device, property: t.property, type: t.type, unit: t.unit, labels: {}, last: last(t, Date.now()) })), more: found.length > limit };
  }
  if (path === '/read') return read(q);
  if (path === '/last') { const match = glob(q.get('tag')); return { series: tags.filter((t) => match.test(t.path)).map((t) => ({ tag: t.path, unit: t.unit, columns: ['ts', 'value', 'quality'], rows: [last(t, Date.now())] })) }; }
  if (path.startsWith('/dead_letters')) {
    const one = (id, ago, topic, reason, payload) => ({ id, time: start - ago, client: 'gw-' + id, who: 'token:gateway', device: '', topic, reason, payload, bytes: payload.length, whole: true, group: 'g' + id, state: 'open', by: '' });
    const letters = empty ? [] : [one('1', 40_000, 'gongshu/v1/suzhou/moulding/im-2', 'byte 0: expected a value, found \'t\'; text needs quotes', 'temp=228.4;press=911'), one('2', 900_000, 'factory/line9/gw/data', 'mapping lines: $.data: expected an array, found a number; look at the payload and correct take[0].value', '{"data":7}')];
    if (path === '/dead_letters:groups') return { groups: letters.map((l) => ({ group: l.group, topic: l.topic, reason: l.reason, count: 1, whole: 1, first: l.time, last: l.time, newest: l.id })), looked_at: letters.length };
    if (path === '/dead_letters:process') return { processed: 0, readings: 0, failed: 1, failures: [{ id: '1', reason: letters[0]?.reason ?? '' }] };
    if (path === '/dead_letters:discard') return { discarded: 1 };
    return path === '/dead_letters' ? { items: letters } : (letters.find((l) => path.endsWith('/' + l.id)) ?? refuse(404, 'not found', 'there is no such dead letter'));
  }
  if (path === '/mappings:samples') return { items: [{ topic: 'factory/line9/gw/data', time: start, who: 'token:gateway', device: '', payload: '{"ts":1700000000,"data":[{"dev":"a","v":21.5}]}', bytes: 47 }] };
  if (path === '/mappings:propose') return { spec: { topic: 'factory/{l2}/{l3}/data', format: 'json', take: [{ value: '$.data[*].*', tag: 'factory/{l2}/{l3}/{$.data[*].dev}.{key}' }], time: '$.ts' } };
  if (path === '/mappings:preview') return { ok: true, error: null, messages: [{ topic: body.topic, time: start, matches: true, captures: { line: 'line9' }, skipped: false, error: null, rows: [{ tag: 'works/line9/a.temperature', ts: 1_700_000_000_000, arrival: false, value: 21.5, quality: 'good', unit: 'degC', place: '$.data[0].v', error: null }], more: 0, faults: [], more_faults: 0, payload: body.payload, cut: false }] };
  if (path === '/alarms') {
    const [state, severity] = [q.get('state') ?? 'active', q.get('severity')];
    const [from, to] = [time(q.get('from'), 0), time(q.get('to'), Infinity)];
    const list = alarms.filter((a) => (state === 'all' || (state === 'active' ? a.state !== 'cleared' : a.state === state)) && (!severity || a.severity === severity) && a.raised < to && (a.cleared ?? Infinity) >= from);
    return { alarms: list.map(({ journal, ...a }) => a), counts: counts() };
  }
  let m = /^\/alarms\/([^:/]+)(?::(\w+))?$/.exec(path);
  if (m) {
    const a = alarms.find((x) => x.id === m[1]) ?? refuse(404, 'not found', `there is no alarm "${m[1]}"`);
    if (m[2]) a.journal.push({ time: Date.now(), what: m[2] === 'acknowledge' ? 'acknowledged' : 'comment', who: 'user:admin', comment: body.comment });
    if (m[2] === 'acknowledge') Object.assign(a, { state: a.state === 'raised' ? 'acknowledged' : a.state, acknowledged: Date.now(), acknowledged_by: 'user:admin' });
    return a;
  }
  if (path === '/rules:check') return check(body.condition);
  if (path === '/status/virtual_tags') return { items: empty ? [] : virtualStates() };
  if (path === '/virtual_tags:preview') return previewOf(body.spec.expr ?? '', time(q.get('from'), Date.now() - 3_600_000), time(q.get('to'), Date.now()), Number(q.get('limit') ?? 500));
  if (path === '/backfills') return { items: fills.map((one) => ({ ...one, ...(one.state === 'running' ? { progress: Math.min(0.97, (Date.now() - one.started) / 60_000) } : {}) })) };
  m = /^\/virtual_tags\/([^/]+):backfill$/.exec(path);
  if (m) { fills.unshift({ id: String(fills.length + 1), name: decodeURIComponent(m[1]), from: time(body.from, 0), to: time(body.to, Date.now()), state: 'running', progress: 0, readings: 51_220, rows: 25_610, places: 1, places_done: 0, error: '', by: 'user:admin', started: Date.now(), finished: null }); return fills[0]; }
  m = /^\/backfills\/(\d+):cancel$/.exec(path);
  if (m) { const one = fills.find((x) => x.id === m[1]) ?? refuse(404, 'not found', 'no such'); return Object.assign(one, { state: 'cancelled', finished: Date.now() }); }
  if (path === '/expressions/functions') return expressions;
  if (path === '/rules:rehearse') {
    const checked = check(body.spec.condition ?? '');
    if (!checked.ok) refuse(400, 'invalid', `condition: column ${checked.error.column}: ${checked.error.text}`, { place: 'condition' });
    const [from, to] = [time(q.get('from'), Date.now() - 7 * 86_400_000), time(q.get('to'), Date.now())];
    const found = alarms.filter((a) => a.raised < to && (a.cleared ?? to) > from).map(({ journal, ...a }) => ({ ...a, id: '', rule: body.name ?? 'rehearsal' })).sort((a, b) => b.raised - a.raised);
    return { count: found.length, active_s: found.reduce((sum, a) => sum + ((a.cleared ?? to) - a.raised) / 1000, 0), from, to, until: to, complete: true, readings: 61_204, devices: new Set(found.map((a) => a.device)).size, devices_left: 0, alarms: found };
  }
  if (path === '/status') return { version: '0.1.0', started: start, now: Date.now(), simulated: !empty, read_only: null, listeners: { http: `http://127.0.0.1:${port}`, mqtt: '127.0.0.1:1883' }, history: { tags: tags.length, rows_in_memory: 184_220, segments: 61, segment_bytes: 48_233_112, log_bytes: 9_120_334 }, tenant: 'default', licence: 'Apache-2.0' };
  if (path === '/status/forwarding') return { platform: 'https://platform.example:8443', under: 'works2', state: 'waiting', since: Date.now() - 192_000, problem: q.get('lang') === 'en' ? 'cannot connect to platform.example:8443: no route to host' : '无法连接 platform.example:8443：没有到主机的路由', next_try: Date.now() + 41_000, sent: 18_204_511, refused: 3, refusal: 'token:works2 may not write office/door.open', lost: 0, behind_bytes: 12_480_233, sent_at: Date.now() - 192_000, newest: Date.now() - 192_400, round_trip_ms: 41.7 };
  if (path === '/shelves') return { shelves: [] };
  if (path.startsWith('/calendars:')) {
    // Three shifts of eight hours in China.
    const day = 86_400_000, at = time(q.get('at'), Date.now()), from = Math.floor(at / day) * day;
    const both = (zh, en) => ({ zh, en });
    const slots = [['day', '早班', 'Day'], ['swing', '中班', 'Swing'], ['night', '夜班', 'Night'], ['day', '早班', 'Day']].map(([shift, zh, en], i) => ({ shift, title: both(zh, en), team: null, production_day: new Date(from + (i > 2 ? day : 0)).toISOString().slice(0, 10), from: from + i * day / 3, to: from + (i + 1) * day / 3 }));
    const named = { calendar: q.get('calendar') ?? '', built_in: !q.get('calendar'), zone: 'Asia/Shanghai' };
    const now = slots.findIndex((s) => at < s.to);
    const date = (n) => new Date(n).toISOString().slice(0, 10);
    const info = (text) => ({ day: text, kind: [0, 6].includes(new Date(text).getUTCDay()) ? 'weekend' : 'workday', working: ![0, 6].includes(new Date(text).getUTCDay()), sure: true });
    if (path === '/calendars:now') return { ...named, at, production_day: date(from), month: date(from).slice(0, 7), production_window: { from, to: from + day }, day: info(date(at + day / 3)), shift: slots[now], next_shift: slots[now + 1], tariff: null };
    if (path === '/calendars:shifts') return { ...named, shifts: slots.slice(0, 3) };
    if (path === '/calendars:tariffs') return { ...named, slices: [], hours: {} };
    const year = Number(q.get('year')), days = [];
    for (let t = Date.UTC(year, 0, 1); t < Date.UTC(year + 1, 0, 1); t += day) days.push(info(date(t)));
    return { ...named, year, holidays: '', known: true, arranged: true, note: both('', ''), sources: [], days, working_days: days.filter((d) => d.working).length };
  }
  if (path === '/overview') return overview();
  if (path === '/status/connections') return { items: connectionStates() };
  if (path === '/status/dtu') return { listens: ['0.0.0.0:9001'], waiting: 1, dialled: 3, unknown: 4, refused: 0, packets: [{ port: 9001, address: '203.0.113.7:40112', text: '<b>DTU-0007</b>', hex: '3c623e4454552d303030373c2f623e', times: 4, first: Date.now() - 400_000, last: Date.now() - 20_000 }, { port: 9001, address: '203.0.113.9:51820', text: '', hex: 'ff00aa55', times: 1, first: Date.now() - 90_000, last: Date.now() - 90_000 }] };
  if (path === '/status/modbus_servers') {
    return { items: [...(store.get('modbus_servers')?.values() ?? [])].map(({ name, spec }) => {
      const fails = spec.port === 503, asked = name === 'scada', now = Date.now();
      return { name, state: spec.enabled === false ? 'off' : fails ? 'failed' : 'listening', address: `${spec.host}:${spec.port}`, problem: fails ? 'cannot listen on 127.0.0.1:503: permission denied' : '', since: start, entries: spec.entries?.length ?? 0, bad: asked ? 1 : 0, requests: asked ? 128_411 : 0, exceptions: asked ? 12 : 0, writes: 0, turned_away: asked ? 2 : 0, last_master: asked ? '192.168.10.9' : '', last_master_at: asked ? now - 800 : null,
        last_error: asked ? 'function 4 of 192.168.10.9: exception 11 (gateway target device failed to respond)' : '', last_error_at: asked ? now - 400_000 : null, masters: asked ? [{ address: '192.168.10.9:50112', since: start, last_request: now - 800, requests: 128_000, exceptions: 12 }, { address: '192.168.10.12:41002', since: now - 90_000, last_request: now - 2000, requests: 411, exceptions: 0 }] : [], faults: asked ? [{ entry: 2, tag: spec.entries[2]?.tag ?? '', why: 'there is no reading of it yet' }] : [] };
    }) };
  }
  // The hook whose URL holds "down" fails.
  if (path === '/status/messages') {
    return { items: [...(store.get('message_hooks')?.values() ?? [])].map(({ name, spec }) => {
      const fails = String(spec.url ?? '').includes('down');
      return { name, state: spec.disabled ? 'off' : fails ? 'failing' : 'idle', target: spec.channel === 'email' ? spec.host : String(spec.url ?? '').split('/')[2] ?? '', waiting: fails ? 3 : 0, sent: fails ? 0 : 41, given_up: 0, sent_at: fails ? null : Date.now() - 600_000, sent_what: fails ? '' : 'DR-7/2', problem: fails ? 'the receiver answered 502: bad gateway' : '', problem_at: fails ? Date.now() - 60_000 : null, failing_since: fails ? Date.now() - 3.6e6 : null, next_try: fails ? Date.now() + 540_000 : null };
    }) };
  }
  if (/^\/message_hooks\/[^/]+:test$/.test(path)) {
    const bad = path.includes('down');
    return { ok: !bad, answer: bad ? '' : '200 OK', problem: bad ? 'the receiver answered 502: bad gateway' : '' };
  }
  if (path === '/status/devices') return { items: deviceStates() };
  if (path === '/status/sparkplug') {
    const now = Date.now();
    const unit = (place, metrics, more = {}) => ({ path: place, state: 'online', since: start - 3_600_000, why: '', metrics, skipped_count: 0, skipped: [], ...more });
    const node = (name, own, more = {}) => ({ group: 'suzhou', node: name, bd_seq: 4, seq: 118, births: 2, born: start - 3_600_000, last: now - 900, lost: 0, rebirths: 0, rebirth_at: null, rebirth_why: '', devices: [], ...own, ...more });
    const gap = 'seq is 41 after 38';
    return { items: empty ? [] : [
      node('gateway-1', unit('suzhou/moulding/im-1', 214, { skipped_count: 130, skipped: ['Recipe/Table', 'Recipe/Image'].map((metric, i) => ({ metric, why: i ? 'a tag keeps single values, no File' : 'a tag keeps single values, no DataSet' })) }), { lost: 1, rebirths: 1, rebirth_at: start - 3_600_000, rebirth_why: 'seq is 9 after 7', devices: [{ device: 'press', ...unit('suzhou/gateway-1/press', 38) }, { device: 'dryer', ...unit('suzhou/gateway-1/dryer', 12, { state: 'offline', why: 'DDEATH', since: now - 400_000 }) }] }),
      node('gateway-2', unit('suzhou/gateway-2', 60, { state: 'stale', since: now - 4000, why: gap }), { seq: 41, lost: 3, rebirths: 7, rebirth_at: now - 4000, rebirth_why: gap, devices: [{ device: 'robot', ...unit('suzhou/gateway-2/robot', 24, { state: 'stale', since: now - 4000, why: 'its edge node was born anew, and it was not yet' }) }] }),
      node('old-line', unit('suzhou/old-line', 0, { state: 'offline', since: null }), { bd_seq: null, seq: null, births: 0, born: null, rebirths: 3, rebirth_at: now - 60_000, rebirth_why: 'NDATA came before NBIRTH' }),
      node('elsewhere', { state: 'online' }, { devices: [{ device: 'oven', ...unit('suzhou/moulding/im-2', 9) }] }),
    ] };
  }
  if (path === '/status/sessions') return { items: empty ? [] : ['im-1', 'im-2', 'bridge'].map((c, i) => ({ client: c, device: i < 2 ? `suzhou/moulding/${c}` : '', version: i ? '3.1.1' : '5.0', since: start - i * 4_000_000, address: `192.168.10.3${i}:5${i}112`, in: 51_882 * (i + 1), out: 12 * i, subscriptions: i })) };
  if (path === '/ledger') return { format: 'gongshu-head-1', ledger: 'made-up', hash: 'sha256', head: { size: 120, root: 'ab'.repeat(32), time: 0, signature: 'cd'.repeat(64), public_key: 'ef'.repeat(32) } };
  if (path === '/egress') return { since: Date.now() - 7.2e6, doors: empty ? [] : [{ door: 'csv', allowed: 3, refused: 0, rows: 260_000, bytes: 9_400_000 }, { door: 'export', allowed: 2, refused: 0, rows: 0, bytes: 18_400 }, { door: 'mqtt', allowed: 4, refused: 0, rows: 0, bytes: 0 }, { door: 'rest', allowed: 4_210, refused: 2, rows: 88_120, bytes: 21_800_000 }, { door: 'websocket', allowed: 12, refused: 0, rows: 41_000, bytes: 2_600_000 }],
    taken: empty ? [] : Array.from({ length: 40 }, (_, i) => ({ who: ['user:admin', 'user:li', 'token:grafana', 'device:plant/line1/cnc1'][i % 4], door: ['rest', 'csv', 'websocket', 'mqtt', 'export'][i % 5], what: ['plant/line1/**', 'devices', 'plant/line1/cnc1.spindle_speed', 'gongshu/v1/plant/#', 'devices.csv'][i % 5], purpose: i % 5 === 1 ? '月度能耗报表' : '', level: 1, allowed: 1 + i * 7 % 90, refused: i === 7 ? 2 : 0, rows: i * 1_000, first: Date.now() - 7e6, last: Date.now() - i * 40_000, refusal: i === 7 ? '该点位为重要数据，未经批准不得导出' : null })) };
  if (path === '/audit') { const [from, to] = [time(q.get('from'), 0), time(q.get('to'), Infinity)]; return { records: audits().filter((r) => r.time >= from && r.time <= to) }; }
  if (path === '/imports' || path === '/case_kinds') return { items: [] };
  if (path === '/cases') return { items: [], next: null };
  if (path === '/cases:counts') return { mine: 0, items: [] };
  if (path.startsWith('/admin/backups')) return backups(method, decodeURIComponent(path));
  if (path === '/doctor') return { version: '0.1.0', now: Date.now(), running: true, worst: 'warning', findings: [
    { id: 'machine', grade: 'good', text_en: 'Gongshu 0.1.0, 2 cores, 10.5 of 25.3 GB of memory free.', text_zh: '工枢 0.1.0,2 核,内存可用 10.5 GB,共 25.3 GB。', fix_en: '', fix_zh: '' },
    { id: 'backups', grade: 'warning', text_en: 'There is no backup.', text_zh: '没有备份。', fix_en: 'Make one: gongshu backup; by itself with --backup-every 1d.', fix_zh: '请备份:gongshu backup;用 --backup-every 1d 自动备份。' },
    { id: 'sync', grade: 'good', text_en: 'A sync to the disk takes 0.21 ms.', text_zh: '一次落盘 0.21 ms。', fix_en: '', fix_zh: '' }] };
  if (path === '/query') return answerSql(body ?? {});
  if (path === '/storage' || path.startsWith('/storage/') || path.startsWith('/storage:')) return storageOf(path, q);
  if (path.startsWith('/admin/retention')) {
    const gone = { rows: 0, bytes: 0, segments: 0, rewritten: 0, from: null, to: null };
    if (path.endsWith(':run')) return { removed: gone };
    return { server: { days: 36500, limit_bytes: 0, keep_days: 30, rows: empty ? 0 : 48_200_117, bytes: empty ? 0 : 48_233_112, disk_free_bytes: 120_000_000_000, oldest: empty ? null : start - 30 * 86_400_000, before: null, bytes_a_day_estimate: empty ? null : 1_607_770, disk_full_estimate: null, to_go: gone }, tenants: [{ name: 'default', tags: tags.length, holds: 0, rows: empty ? 0 : 48_200_117, bytes: empty ? 0 : 48_233_112, oldest: empty ? null : start - 30 * 86_400_000, rows_to_go: 0 }], policies: [], done: [] };
  }
  if (path === '/admin/compact') return { ms: 412 };
  m = /^\/([a-z_]+)(?:\/(.+))?$/.exec(path);
  if (m && store.has(m[1])) return resources(method, m[1], m[2], q, body, headers);
  return refuse(404, 'not found', `nothing at ${path}`);
}

const mime = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname === '/healthz') return response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ status: 'ok', ...(empty ? {} : { simulated: true }) }));
  if (!url.pathname.startsWith('/api/')) {
    const file = join(dist, normalize(url.pathname === '/' ? '/index.html' : url.pathname));
    if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': mime[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'" });
    return response.end(readFileSync(file));
  }
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', async () => {
    try {
      const text = Buffer.concat(parts).toString();
      if (url.pathname.endsWith('/query') && text.includes('slow')) await new Promise((done) => setTimeout(done, 6000));
      const out = answer(request.method, url, text ? JSON.parse(text) : {}, request.headers);
      if (out === undefined) return response.writeHead(204).end();
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(out));
    } catch (error) {
      const { status, body } = error instanceof Refused ? error.answer : problem(500, 'corrupt', String(error?.stack ?? error));
      response.writeHead(status, { 'Content-Type': 'application/problem+json' }).end(JSON.stringify(body));
    }
  });
});

// WebSocket: text frames below 64 KB, which is all that the page and this server say to each other.
function frame(text) {
  const data = Buffer.from(text);
  const head = data.length < 126 ? Buffer.from([0x81, data.length]) : data.length < 65536 ? Buffer.from([0x81, 126, data.length >> 8, data.length & 255]) : null;
  if (head) return Buffer.concat([head, data]);
  const long = Buffer.alloc(10);
  long.writeUInt16BE(0x817f);
  long.writeBigUInt64BE(BigInt(data.length), 2);
  return Buffer.concat([long, data]);
}
server.on('upgrade', (request, socket) => {
  if (!session) return socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
  const accept = createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  let wanted = [];
  const send = (message) => socket.writable && socket.write(frame(JSON.stringify(message)));
  const values = () => {
    const now = Date.now();
    const rows = empty ? [] : tags.filter((t) => wanted.some((w) => w.test(t.path))).flatMap((t) => { const l = last(t, now); return l ? [[t.path, ...l]] : []; });
    if (rows.length) send({ type: 'last', rows });
  };
  let buffer = Buffer.alloc(0);
  socket.on('data', (data) => {
    buffer = Buffer.concat([buffer, data]);
    while (buffer.length >= 6) {
      const short = buffer[1] & 127;
      const at = short === 126 ? 4 : 2;
      const length = short === 126 ? buffer.readUInt16BE(2) : short;
      if (buffer.length < at + 4 + length) return;
      const mask = buffer.subarray(at, at + 4);
      const payload = Buffer.from(buffer.subarray(at + 4, at + 4 + length).map((b, i) => b ^ mask[i % 4]));
      const op = buffer[0] & 15;
      buffer = buffer.subarray(at + 4 + length);
      if (op === 8) return socket.end();
      if (op !== 1) continue;
      const { subscribe } = JSON.parse(payload.toString());
      wanted = subscribe.tags.map(glob);
      values();
      send({ type: 'connections', items: connectionStates() });
    }
  });
  const timer = setInterval(values, 1000);
  socket.on('close', () => clearInterval(timer));
  socket.on('error', () => clearInterval(timer));
});
server.listen(port, '127.0.0.1', () => console.log(`mock at http://127.0.0.1:${server.address().port}`));

// A small made-up plant: values are functions of time, so that any question about the past has one answer.
const noise = (seed, t) => {
  const x = Math.sin(seed * 127.1 + Math.floor(t) * 311.7) * 43758.5453;
  return x - Math.floor(x) - 0.5;
};
const smooth = (seed, t) => {
  const i = Math.floor(t);
  const s = t - i;
  const k = s * s * (3 - 2 * s);
  return noise(seed, i) * (1 - k) + noise(seed, i + 1) * k;
};
const P = (name, zh, en, type, unit, base, swing, more = {}) => ({ name, title_zh: zh, title_en: en, type, unit, base, swing, ...more });

export const types = {
  'cnc-v850': { title_zh: '立式加工中心', title_en: 'Vertical machining centre', manufacturer: 'Huadong', model: 'V850', properties: [
    P('spindle_speed', '主轴转速', 'Spindle speed', 'number', 'rpm', 6200, 2400, { min: 0, max: 12000, writable: true }), P('spindle_load', '主轴负载', 'Spindle load', 'number', '%', 46, 38), P('spindle_temperature', '主轴温度', 'Spindle temperature', 'number', 'degC', 52, 9, { min: -20, max: 150 }), P('vibration', '振动', 'Vibration', 'number', 'mm/s', 1.9, 0.8), P('power', '功率', 'Power', 'number', 'kW', 7.4, 4.2), P('parts', '件数', 'Parts', 'integer', '', 0, 0, { counter: 95 }), P('running', '运行', 'Running', 'boolean', '', 0, 0, { flag: true }), P('program', '程序', 'Program', 'text', '', 0, 0, { text: 'O2231' }) ] },
  'im-200t': { title_zh: '注塑机', title_en: 'Injection moulding machine', manufacturer: 'Haitai', model: '200T', properties: [
    P('barrel_temperature', '料筒温度', 'Barrel temperature', 'number', 'degC', 228, 6, { min: 0, max: 400, writable: true }), P('injection_pressure', '注射压力', 'Injection pressure', 'number', 'bar', 920, 160), P('cycle_time', '成型周期', 'Cycle time', 'number', 's', 31.5, 2.4), P('clamp_force', '锁模力', 'Clamp force', 'number', 'kN', 1820, 60), P('shots', '模次', 'Shots', 'integer', '', 0, 0, { counter: 31 }) ] },
  'pump-is65': { title_zh: '冷却水泵', title_en: 'Cooling-water pump', manufacturer: 'Kaiquan', model: 'IS65', properties: [
    P('flow', '流量', 'Flow', 'number', 'm3/h', 24.6, 3.1), P('pressure', '压力', 'Pressure', 'number', 'bar', 3.4, 0.4), P('bearing_temperature', '轴承温度', 'Bearing temperature', 'number', 'degC', 47, 5), P('current', '电流', 'Current', 'number', 'A', 11.8, 1.6), P('vibration', '振动', 'Vibration', 'number', 'mm/s', 2.3, 0.6) ] },
  'meter-dts': { title_zh: '三相电表', title_en: 'Three-phase meter', manufacturer: 'Zhengtai', model: 'DTS634', properties: [
    P('active_power', '有功功率', 'Active power', 'number', 'kW', 86, 34), P('voltage', '电压', 'Voltage', 'number', 'V', 229.6, 4), P('energy', '电量', 'Energy', 'number', 'kWh', 0, 0, { counter: 40 }) ] },
};
const D = (name, [title_zh, title_en], type, connection, more = {}) => ({ name, title_zh, title_en, type, connection, ...more });
export const devices = [
  D('suzhou/machining/cnc-1', ['1 号加工中心', 'CNC 1'], 'cnc-v850', 'machining-gateway'), D('suzhou/machining/cnc-2', ['2 号加工中心', 'CNC 2'], 'cnc-v850', 'machining-gateway'), D('suzhou/machining/cnc-3', ['3 号加工中心', 'CNC 3'], 'cnc-v850', 'machining-gateway', { hot: true }),
  D('suzhou/moulding/im-1', ['1 号注塑机', 'Moulding machine 1'], 'im-200t', null), D('suzhou/moulding/im-2', ['2 号注塑机', 'Moulding machine 2'], 'im-200t', null, { late: true }),
  D('suzhou/utility/pump-1', ['1 号冷却泵', 'Cooling pump 1'], 'pump-is65', 'utility-plc'), D('suzhou/utility/pump-2', ['2 号冷却泵', 'Cooling pump 2'], 'pump-is65', 'utility-plc', { bad: true }),
  D('suzhou/utility/meter-main', ['总电表', 'Main meter'], 'meter-dts', 'meters'), D('suzhou/utility/meter-moulding', ['注塑电表', 'Moulding meter'], 'meter-dts', 'meters'),
];
export const start = Date.now();
const gone = (device) => device.connection === 'meters';
/** ms when a device fell silent or went wrong, for those that did. */
export const lostAt = start - 11 * 60_000;
export const hotSince = start - 7 * 60_000;

export const tags = devices.flatMap((device, d) => types[device.type].properties.map((property, p) => ({ id: d * 100 + p, path: `${device.name}.${property.name}`, device: device.name, property: property.name, type: property.type, unit: property.unit, labels: {}, spec: property, at: device, seed: d * 17 + p * 3 + 1 })));
export const byPath = new Map(tags.map((tag) => [tag.path, tag]));

/** [value, quality] of a tag at a time in ms, or null where there is none. */
export function at(tag, ms) {
  const s = ms / 1000;
  if (gone(tag.at) && ms > lostAt) return null;
  if (tag.at.late && ms > start - 95_000) return null;
  // Each device was once switched off for a while: a gap.
  const day = Math.floor(ms / 86_400_000);
  const off = day * 86_400_000 + (5 + (tag.at.name.length % 5)) * 3_600_000;
  if (ms > off && ms < off + 1_500_000) return null;
  const { spec } = tag;
  if (spec.text) return [spec.text, 'good'];
  if (spec.flag) return [smooth(tag.seed, s / 300) > -0.3, 'good'];
  if (spec.counter) return [Math.floor((((ms / 3_600_000) % 8760) * spec.counter)), 'good'];
  let v = spec.base + spec.swing * (0.8 * smooth(tag.seed, s / 700) + 0.35 * smooth(tag.seed + 5, s / 61) + 0.12 * noise(tag.seed + 9, s));
  if (tag.at.hot && ms > hotSince && /vibration|temperature/.test(spec.name)) v += spec.base * Math.min(1.4, ((ms - hotSince) / 240_000) * (spec.name === 'vibration' ? 1.6 : 0.5));
  if (tag.at.bad && spec.name === 'pressure' && Math.floor(s / 400) % 4 === 1) return [null, 'bad:timeout'];
  const digits = spec.base > 500 ? 0 : spec.base > 50 ? 1 : 2;
  return [Number(v.toFixed(digits)), 'good'];
}
export function last(tag, now) {
  for (let back = 0; back < 40; back++) {
    const ms = Math.floor((now - back * 30_000) / 1000) * 1000;
    const v = at(tag, back === 0 ? ms : Math.min(ms, gone(tag.at) ? lostAt : start - 95_000));
    if (v) return [back === 0 ? ms : gone(tag.at) ? lostAt : start - 95_000, v[0], v[1]];
  }
  return null;
}

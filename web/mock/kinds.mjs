// Kinds as the server describes them, for pages and page tests without a server.
const f = (type, zh, en, more = {}) => ({ ...(typeof type === 'string' ? { type } : type), title: en, 'x-title-zh': zh, 'x-title-en': en, ...more });
const choice = (values, zh, en, more = {}) => ({ type: 'string', enum: values, 'x-enum-zh': more.zh ?? values, 'x-enum-en': more.en ?? values, title: en, 'x-title-zh': zh, 'x-title-en': en, ...more.schema });
const help = (zh, en) => ({ 'x-help-zh': zh, 'x-help-en': en, description: en });
const object = (properties, required = []) => ({
  type: 'object', additionalProperties: false, required,
  properties: Object.fromEntries(Object.entries(properties).map(([key, schema], i) => [key, { ...schema, 'x-order': i }])),
});
const only = (...protocols) => ({ 'x-if': { field: 'protocol', equals: protocols.length > 1 ? protocols : protocols[0] } });
const modbusAll = ['modbus_tcp', 'modbus_rtu_tcp', 'modbus_rtu', 'modbus_dtu'], plcAll = ['s7', 'mc', 'fx_serial', 'fx_tcp'];
const meterAll = ['dlt645_serial', 'dlt645_tcp', 'dlt645_dtu'], framesAll = ['frames_serial', 'frames_tcp', 'frames_dtu'];
const modbus = only(...modbusAll), polled = only(...modbusAll, ...plcAll, ...meterAll, ...framesAll), written = only(...modbusAll, ...plcAll);
const overTcp = only('modbus_tcp', 'modbus_rtu_tcp', 's7', 'mc', 'fx_tcp', 'dlt645_tcp', 'frames_tcp', 'shdr'), serial = only('modbus_rtu', 'fx_serial', 'dlt645_serial', 'frames_serial'), dtu = only('modbus_dtu', 'dlt645_dtu', 'frames_dtu');
const s7 = only('s7'), mc = only('mc'), inRack = { 'x-if': { field: 'plc', equals: ['s7_300', 's7_400', 's7_1200', 's7_1500'] } };
const lines = (modbus_rtu, fx_serial, dlt645_serial, frames_serial) => ({ 'x-absent': { field: 'protocol', values: { modbus_rtu, fx_serial, dlt645_serial, frames_serial } } });
const point = object({
  at: f('string', '位置', 'At', { minLength: 1, maxLength: 200, ...help('按手册写：S7 如 DB10.DBD4、M0.1；三菱如 D100、M20；电表如 00010000 或 forward_active_total；自由报文写模板里的字段名', 'As the manual prints it: DB10.DBD4 or M0.1 of S7; D100 or M20 of MELSEC; 00010000 or forward_active_total of a meter; of free frames the name of the field') }),
  as: f('string', '数据类型', 'As', { maxLength: 60, default: '', ...help('S7 如 real、dint、string[20]；三菱如 i16、f32、text[20]；电表和自由报文一般不填', 'real, dint, string[20] of S7; i16, f32, text[20] of MELSEC; mostly nothing of meters and frames') }),
  scale: f('number', '倍率', 'Scale', { default: 1, ...help('值 = 原始值 × 倍率 + 偏移', 'value = raw × scale + offset') }),
  offset: f('number', '偏移', 'Offset', { default: 0 }),
}, ['at']);
const address = object({
  kind: choice(['coil', 'discrete', 'holding', 'input'], '寄存器类别', 'Register kind', { schema: { default: 'holding' } }),
  address: f('integer', '地址', 'Address', { minimum: 0, maximum: 65535, default: 0, ...help('从 0 起，与线上一致', 'From 0, as on the wire') }),
  encoding: choice(['u16', 'i16', 'u32', 'i32', 'f32', 'f64', 'text'], '编码', 'Encoding', { schema: { default: 'u16' } }),
  word_order: choice(['ABCD', 'BADC', 'CDAB', 'DCBA'], '字节顺序', 'Word order', { schema: { default: 'ABCD' } }),
  bit: f('integer', '位', 'Bit', { minimum: 0, maximum: 15 }),
  scale: f('number', '倍率', 'Scale', { default: 1 }),
  offset: f('number', '偏移', 'Offset', { default: 0 }),
});
const property = object({
  name: f('string', '名称', 'Name', { minLength: 1 }),
  title_zh: f('string', '中文名称', 'Title (Chinese)'), title_en: f('string', '英文名称', 'Title (English)'),
  type: choice(['number', 'integer', 'boolean', 'text'], '类型', 'Type', { schema: { default: 'number' } }),
  unit: f('string', '单位', 'Unit', help('如 degC、mm/s、kW', 'For example degC, mm/s, kW')),
  writable: f('boolean', '可写', 'Writable', { default: false }),
  min: f('number', '下限', 'Minimum'), max: f('number', '上限', 'Maximum'),
  period_ms: f('integer', '采集周期', 'Period', { minimum: 10, 'x-unit': 'ms' }),
  address: { ...address, title: 'Modbus address', 'x-title-zh': 'Modbus 地址', 'x-title-en': 'Modbus address', ...help('地址和测点都为空表示由设备自行上报', 'Neither address nor point: the device sends it by itself') },
  point: { ...point, title: 'Point', 'x-title-zh': '测点地址', 'x-title-en': 'Point', ...help('S7、三菱、电表和自由报文用', 'Of S7, MELSEC, meters and free frames') },
}, ['name']);
const by = (channel) => ({ 'x-if': { field: 'channel', equals: channel } });
const kind = (name, plural, zh, en, about_zh, about_en, read_role, write_role, schema) => ({ name, plural, class: 'config', title: { zh, en }, about: { zh: about_zh, en: about_en }, read_role, write_role, schema });
const title = f('string', '名称', 'Title', { maxLength: 200 });
const role = f('string', '角色', 'Role', { 'x-ref': 'roles', minLength: 1, ...help('决定能看什么、能改什么', 'Decides what may be seen and changed') });
const titles = { title_zh: f('string', '中文名称', 'Title (Chinese)'), title_en: f('string', '英文名称', 'Title (English)') };

export const kinds = [
  kind('tenant', 'tenants', '企业', 'Tenant', '彼此完全隔离的单位', 'A company that sees nothing of the others', 'admin', 'admin', object({ title, disabled: f('boolean', '停用', 'Disabled', { default: false }) })),
  kind('user', 'users', '用户', 'User', '能登录的人', 'A person who can sign in', 'admin', 'admin', object({ title, role, email: f('string', '邮箱', 'E-mail'), disabled: f('boolean', '停用', 'Disabled', { default: false }) }, ['role'])),
  kind('role', 'roles', '角色', 'Role', '一组命名的权限', 'A named set of rights', 'viewer', 'admin', object({ ...titles, base: choice(['none', 'viewer', 'operator', 'engineer', 'admin'], '基本权限', 'Base role', { zh: ['无', '查看', '操作', '工程', '管理'] }), paths: f('array', '可见范围', 'Paths', { items: { type: 'string' }, ...help('路径通配，如 plant1/**；空表示全部', 'Globs such as plant1/**; none means all') }) }, ['base'])),
  kind('token', 'tokens', '令牌', 'Token', '程序访问接口用的密钥', 'A key with which a program uses the interface', 'admin', 'admin', object({ role, note: f('string', '用途', 'Note', help('哪个程序在用', 'Which program uses it')), expires: f('string', '到期时间', 'Expires'), disabled: f('boolean', '停用', 'Disabled', { default: false }) }, ['role'])),
  kind('site', 'sites', '工厂', 'Site', '一处工厂及其车间、产线', 'A plant with its areas and lines', 'viewer', 'engineer', object({ ...titles, address: f('string', '地址', 'Address', { 'x-widget': 'multiline' }), time_zone: f('string', '时区', 'Time zone', { minLength: 1, default: 'Asia/Shanghai' }), places: { type: 'object', title: 'Areas and lines', 'x-title-zh': '车间与产线', 'x-title-en': 'Areas and lines', additionalProperties: object(titles) } }, ['time_zone'])),
  kind('connection', 'connections', '连接', 'Connection', '用一种协议连到一台或多台设备', 'One link to one or many machines by one protocol', 'viewer', 'engineer', object({
    protocol: choice([...modbusAll, ...plcAll, ...meterAll, ...framesAll, 'shdr', 'mqtt_device'], '协议', 'Protocol', { zh: ['Modbus TCP', 'Modbus RTU over TCP(串口服务器透传)', 'Modbus RTU(本机串口)', 'Modbus(DTU 拨入)', '西门子 S7(以太网)', '三菱 MC / SLMP(以太网)', '三菱 FX 编程口(本机串口)', '三菱 FX 编程口(串口服务器)', '电表 DL/T 645(本机串口)', '电表 DL/T 645(串口服务器)', '电表 DL/T 645(DTU 拨入)', '自由报文(本机串口)', '自由报文(TCP)', '自由报文(DTU 拨入)', '数控机床 SHDR(MTConnect 适配器)', '设备自行上报(MQTT)'], en: ['Modbus TCP', 'Modbus RTU over TCP (serial server)', 'Modbus RTU (serial port of this machine)', 'Modbus (a DTU dials in)', 'Siemens S7 (Ethernet)', 'Mitsubishi MC / SLMP (Ethernet)', 'Mitsubishi FX programming port (serial port)', 'Mitsubishi FX programming port (serial server)', 'Meters DL/T 645 (serial port of this machine)', 'Meters DL/T 645 (serial server)', 'Meters DL/T 645 (a DTU dials in)', 'Free frames (serial port of this machine)', 'Free frames (TCP)', 'Free frames (a DTU dials in)', 'CNC machines by SHDR (an adapter of MTConnect)', 'Device sends (MQTT)'] }),
    enabled: f('boolean', '启用', 'Enabled', { default: true }),
    host: f('string', '主机', 'Host', { ...overTcp, ...help('主机名或 IP 地址', 'Host name or IP address') }),
    port: f('integer', '端口', 'Port', { ...overTcp, type: ['integer', 'null'], minimum: 1, maximum: 65535, 'x-absent': { field: 'protocol', values: { modbus_tcp: 502, modbus_rtu_tcp: 502, s7: 102, mc: 5007, shdr: 7878 } } }),
    period_ms: f('integer', '采集周期', 'Period', { ...polled, minimum: 10, maximum: 86400000, default: 1000, 'x-unit': 'ms', ...help('属性未另行规定时使用', 'Of properties that state none') }),
    timeout_ms: f('integer', '超时', 'Time-out', { ...polled, minimum: 10, maximum: 60000, default: 1000, 'x-unit': 'ms' }),
    retries: f('integer', '重试次数', 'Retries', { ...polled, minimum: 0, maximum: 10, default: 1 }),
    unit: f('integer', '默认从站号', 'Default unit', { ...modbus, minimum: 0, maximum: 255, default: 1 }),
    writes_enabled: f('boolean', '允许写入', 'Writes enabled', { ...written, default: false, ...help('允许向设备下发；默认关闭', 'Lets commands reach the machine; off by default') }),
    serial_port: f('string', '串口', 'Serial port', { ...serial, type: ['string', 'null'], ...help('如 /dev/ttyUSB0，或插拔后不变的 /dev/serial/by-id/…', '/dev/ttyUSB0, or /dev/serial/by-id/…, which stays when it is plugged in again') }),
    baud: f('integer', '波特率', 'Baud rate', { ...serial, type: ['integer', 'null'], minimum: 1200, maximum: 115200, ...lines(9600, 9600, 2400, 9600) }),
    parity: { ...choice(['none', 'even', 'odd'], '校验', 'Parity', { zh: ['无', '偶校验', '奇校验'], en: ['None', 'Even', 'Odd'], schema: lines('none', 'even', 'even', 'none') }), ...serial },
    listen_port: f('integer', '拨入端口', 'Port to dial in', { ...dtu, type: ['integer', 'null'], minimum: 1, maximum: 65535 }),
    registration: f('string', '注册包', 'Registration packet', { ...dtu, type: ['string', 'null'], ...help('DTU 连上后首先发送的内容，用来认出它', 'What the DTU sends first, by which it is known') }),
    registration_form: { ...choice(['text', 'hex'], '注册包写法', 'It is written as', { zh: ['文本', '十六进制'], en: ['Text', 'Hexadecimal'], schema: { default: 'text' } }), ...dtu },
    heartbeat: f('string', '心跳包', 'Heartbeat', { ...dtu, type: ['string', 'null'] }),
    plc: { ...choice(['s7_300', 's7_400', 's7_1200', 's7_1500', 's7_200_smart', 'logo'], 'PLC', 'PLC', { zh: ['S7-300', 'S7-400', 'S7-1200', 'S7-1500', 'S7-200 SMART', 'LOGO!'], en: ['S7-300', 'S7-400', 'S7-1200', 'S7-1500', 'S7-200 SMART', 'LOGO!'], schema: { default: 's7_1200' } }), ...s7 },
    rack: f('integer', '机架', 'Rack', { ...inRack, type: ['integer', 'null'], minimum: 0, maximum: 7, default: 0 }),
    slot: f('integer', '槽号', 'Slot', { ...inRack, type: ['integer', 'null'], minimum: 0, maximum: 31, 'x-absent': { field: 'plc', values: { s7_300: 2, s7_400: 3, s7_1200: 1, s7_1500: 1 } }, ...help('CPU 所在的槽；S7-400 以硬件组态为准', 'Where the CPU is; of an S7-400 as its hardware configuration says') }),
    connection_type: { ...choice(['basic', 'op', 'pg'], '连接类型', 'Connection type', { zh: ['S7 基本', 'OP(面板)', 'PG(编程)'], en: ['S7 basic', 'OP (panel)', 'PG'], schema: { default: 'basic' } }), ...inRack },
    local_tsap: f('string', '本地 TSAP', 'Local TSAP', { ...s7, type: ['string', 'null'], ...help('如 10.00；一般不填，按 PLC 取', 'Such as 10.00; mostly empty: as usual with the PLC') }),
    remote_tsap: f('string', '远端 TSAP', 'Remote TSAP', { ...s7, type: ['string', 'null'], ...help('如 03.01；一般不填，按 PLC、机架和槽号取', 'Such as 03.01; mostly empty: from PLC, rack and slot') }),
    family: { ...choice(['fx', 'fx3', 'iq_f', 'q_l', 'iq_r'], 'PLC 系列', 'PLC family', { zh: ['FX1S、FX1N、FX2N', 'FX3S、FX3G、FX3U', 'FX5(iQ-F)', 'Q、L', 'iQ-R'], en: ['FX1S, FX1N, FX2N', 'FX3S, FX3G, FX3U', 'FX5 (iQ-F)', 'Q, L', 'iQ-R'], schema: { 'x-absent': { field: 'protocol', values: { mc: 'q_l', fx_serial: 'fx3', fx_tcp: 'fx3' } } } }), ...only('mc', 'fx_serial', 'fx_tcp') },
    frame: { ...choice(['3E', '4E', '1E'], '帧', 'Frame', { schema: { 'x-absent': { field: 'family', values: { fx3: '1E', iq_f: '3E', q_l: '3E', iq_r: '3E' } } } }), ...mc },
    coding: { ...choice(['binary', 'ascii', 'ascii_octal'], '通信数据代码', 'Communication data code', { zh: ['二进制', 'ASCII', 'ASCII(X、Y 八进制，FX5)'], en: ['Binary', 'ASCII', 'ASCII (X, Y octal; FX5)'], schema: { default: 'binary' } }), ...mc },
    meter_standard: { ...choice(['2007', '1997'], 'DL/T 645 版本', 'Edition of DL/T 645', { zh: ['DL/T 645-2007', 'DL/T 645-1997'], en: ['DL/T 645-2007', 'DL/T 645-1997'], schema: { default: '2007' } }), ...only(...meterAll) },
    layout: f('string', '报文模板', 'Template of its frames', { ...only(...framesAll), type: ['string', 'null'], maxLength: 65536, 'x-widget': 'multiline', ...help('YAML 或 JSON：怎样从字节里找出一帧、怎样问、有哪些字段', 'YAML or JSON: how a frame is found among the bytes, what asks for it, its fields') }),
  }, ['protocol'])),
  kind('device_type', 'device_types', '设备型号', 'Device type', '一类设备的属性、单位和地址', 'What a make of machine has, shared by all of it', 'viewer', 'engineer', object({ ...titles, manufacturer: f('string', '厂家', 'Manufacturer'), model: f('string', '型号', 'Model'), properties: f('array', '属性', 'Properties', { items: property, default: [] }) })),
  kind('device', 'devices', '设备', 'Device', '一台设备；名称就是路径 工厂/车间/产线/设备', 'One machine; its name is its path site/area/line/device', 'viewer', 'engineer', object({ ...titles, type: f('string', '设备型号', 'Device type', { 'x-ref': 'device_types', minLength: 1 }), connection: f('string', '连接', 'Connection', { 'x-ref': 'connections', ...help('空表示由设备自行上报(MQTT)', 'None: it sends by MQTT itself') }), unit_id: f('integer', '从站号', 'Unit', { minimum: 0, maximum: 255 }), station: f('string', '表号', 'Meter number', { maxLength: 20, ...help('DL/T 645 电表的 12 位通信地址；总线上只有一块表时可不填', 'The twelve digits of a DL/T 645 meter; none: the only meter of the line') }), enabled: f('boolean', '启用', 'Enabled', { default: true }) }, ['type'])),
  kind('mapping', 'mappings', '主题映射', 'Mapping', '某个 MQTT 主题的消息如何成为读数', 'How the messages of an MQTT topic become readings', 'viewer', 'engineer', object({ ...titles, topic: f('string', '主题', 'Topic', { minLength: 1 }), format: choice(['json', 'number', 'text'], '内容格式', 'Payload', { schema: { default: 'json' } }), take: { type: 'array', title: 'What to take', 'x-title-zh': '取什么', 'x-title-en': 'What to take', items: object({ value: f('string', '值的位置', 'Value', { minLength: 1, default: '$.*' }), tag: f('string', '点位', 'Tag', { minLength: 1 }), unit: f('string', '单位', 'Unit') }, ['value', 'tag']) }, time: f('string', '时间的位置', 'Time'), devices: f('boolean', '允许设备发布', 'Devices may publish', { default: false }), priority: f('integer', '优先级', 'Priority', { default: 0 }), enabled: f('boolean', '启用', 'Enabled', { default: true }) }, ['topic', 'take'])),
  kind('dashboard', 'dashboards', '看板', 'Dashboard', '曲线、数值、表格与告警，按自己的需要排在一页上', 'Charts, tiles, tables and alarms, put together on one page', 'viewer', 'engineer', object({ ...titles })),
  kind('saved_view', 'saved_views', '视图', 'Saved view', '一个页面的筛选、排序、点位与时间范围，取名保存', 'Filters, order, tags and range of a page, kept under a name', 'viewer', 'viewer', object({ title: f('string', '名称', 'Title') })),
  kind('retention', 'retentions', '保留策略', 'Retention', '某些点位的读数保留多久、保留多少', 'How long and how much of the readings of some tags is kept', 'viewer', 'admin', object({ tags: f('array', '点位', 'Tags', { items: { type: 'string' }, default: ['**'] }), keep: f('string', '保留时长', 'Keep for', { 'x-widget': 'duration' }), keep_bytes: f('string', '保留字节数', 'Keep at most'), keep_at_least: f('string', '至少保留', 'Never newer than', { 'x-widget': 'duration' }), note: f('string', '说明', 'Note', { 'x-widget': 'multiline' }) })),
  kind('hold', 'holds', '保全', 'Hold', '一段任何保留策略都不得删除的读数', 'A stretch of readings that no retention removes', 'viewer', 'engineer', object({ tags: f('array', '点位', 'Tags', { items: { type: 'string' } }), from: f('string', '自', 'From'), to: f('string', '至', 'To'), reason: f('string', '原因', 'Reason', { minLength: 1 }) }, ['tags', 'reason'])),
  kind('calendar', 'calendars', '日历', 'Calendar', '班次、班组、生产日、节假日与调休、分时电价时段', 'Shifts, teams, production days, holidays and tariff periods', 'viewer', 'engineer', object({ ...titles, day_start: f('string', '生产日开始', 'Production day begins', { default: '08:00' }), time_zone: f('string', '时区', 'Time zone', { default: 'Asia/Shanghai' }) })),
  kind('trusted_signer', 'trusted_signers', '可信签名方', 'Trusted signer', '谁签名的方案包可以安装', 'Whose packages may be installed', 'viewer', 'admin', object({ title, algorithm: f('string', '算法', 'Algorithm'), key: f('string', '公钥', 'Public key'), note: f('string', '说明', 'Note', { 'x-widget': 'multiline' }) }, ['title', 'algorithm', 'key'])),
  kind('package', 'packages', '方案包', 'Package', '已安装的方案包：版本、签名方、参数和它带来的资源', 'An installed package: version, signer, parameters and the resources it brought', 'viewer', 'engineer', object({ version: f('string', '版本', 'Version') }, ['version'])),
  kind('approval_policy', 'approval_policies', '审批策略', 'Approval policy', '哪些配置改动须经第二人批准后才生效', 'Which changes take effect only when a second person approves', 'viewer', 'admin', object({ kinds: f('array', '资源种类', 'Kinds', { items: { type: 'string' } }), names: f('array', '名称', 'Names', { items: { type: 'string' }, default: ['**'] }), approver: choice(['engineer', 'admin'], '批准人', 'Approver', { zh: ['工程师', '管理员'], en: ['Engineer', 'Administrator'], schema: { default: 'admin' } }), note: f('string', '说明', 'Note', { 'x-widget': 'multiline' }) }, ['kinds'])),
  kind('message_hook', 'message_hooks', '消息通知', 'Message hook', '事项的每一步以邮件或 Webhook 告诉谁', 'Whom each step of a case is told by e-mail or webhook', 'admin', 'admin', object({
    title: f('string', '标题', 'Title', { maxLength: 200 }), disabled: f('boolean', '停用', 'Off', { default: false, ...help('停用期间发生的不再补发', 'What happens meanwhile is not told later') }),
    channel: choice(['webhook', 'email'], '方式', 'Channel', { zh: ['Webhook（含群机器人）', '邮件'], en: ['Webhook (and group robots)', 'E-mail'], schema: { default: 'webhook' } }),
    url: f('string', '网址', 'URL', { ...by('webhook'), ...help('消息以 POST 发往此处；其中的 {key} 由密钥代替', 'Messages are sent there by POST; {key} in it stands for the key') }),
    format: { ...choice(['json', 'wecom', 'dingtalk', 'feishu'], '格式', 'Format', { zh: ['JSON', '企业微信群机器人', '钉钉机器人', '飞书机器人'], en: ['JSON', 'WeCom group robot', 'DingTalk robot', 'Feishu robot'], schema: { default: 'json' } }), ...by('webhook') },
    key: f('string', '网址中的密钥', 'Key in the URL', { ...by('webhook'), 'x-secret': true, 'x-widget': 'password' }), secret: f('string', '签名密钥', 'Signing secret', { ...by('webhook'), 'x-secret': true, 'x-widget': 'password' }),
    host: f('string', '邮件服务器', 'Mail server', by('email')), port: f('integer', '端口', 'Port', { ...by('email'), minimum: 1, maximum: 65535, default: 465 }),
    security: { ...choice(['tls', 'starttls', 'none'], '加密', 'Security', { zh: ['TLS（465）', 'STARTTLS（587）', '不加密'], en: ['TLS (465)', 'STARTTLS (587)', 'None'], schema: { default: 'tls' } }), ...by('email') },
    user: f('string', '登录用户', 'User', by('email')), password: f('string', '密码', 'Password', { ...by('email'), 'x-secret': true, 'x-widget': 'password' }), from: f('string', '发件人', 'Sender', by('email')),
    to: f('array', '收件人', 'Receivers', { ...by('email'), items: { type: 'string' }, default: [] }),
    cases: f('array', '事项种类', 'Kinds of cases', { items: choice(['change_approval', 'downtime_reason'], '', '', { zh: ['变更审批', '停机原因'], en: ['Change approval', 'Downtime reason'] }), default: [], ...help('留空为全部', 'None: all') }),
    actions: f('array', '动作', 'Actions', { items: choice(['open', 'approve', 'refuse', 'answer', 'remind', 'escalate'], '', '', { zh: ['提交 / 请求说明', '批准', '拒绝', '说明原因', '提醒', '上报'], en: ['Ask for it / Ask why', 'Approve', 'Refuse', 'Give the reason', 'Remind', 'Escalate'] }), default: [], ...help('留空为全部；程序自动做的也算', 'None: all, with what the program does by itself') }),
    place: f('string', '位置', 'Place', { default: '', ...help('路径或通配，含其下各级；留空为全部', 'A path or glob with what lies beneath; none: everywhere') }),
    language: choice(['zh', 'en'], '语言', 'Language', { zh: ['中文', '英文'], en: ['Chinese', 'English'], schema: { default: 'zh' } }),
    link: f('string', '页面地址', 'Address of the pages', { default: '', ...help('收信人打开本平台的地址，写进消息的链接', 'Where receivers open this platform, for the link in the message') }),
    ca: f('string', '信任的证书', 'Trusted authority', { 'x-widget': 'multiline', ...help('PEM；留空则信任系统的证书', 'PEM; none: the authorities of the system') }),
  }, ['channel'])),
  kind('rule', 'rules', '规则', 'Rule', '对点位的条件，成立则告警', 'A condition over tags that raises an alarm', 'viewer', 'engineer', object({ ...titles, enabled: f('boolean', '启用', 'Enabled', { default: true }), device: f('string', '设备', 'Device', { 'x-ref': 'devices' }), device_type: f('string', '设备型号', 'Device type', { 'x-ref': 'device_types' }), condition: f('string', '条件', 'Condition', { 'x-widget': 'expression', minLength: 1 }), severity: choice(['critical', 'major', 'minor', 'warning'], '级别', 'Severity', { zh: ['紧急', '重要', '次要', '提示'], en: ['Critical', 'Major', 'Minor', 'Warning'], schema: { default: 'warning' } }), message_zh: f('string', '中文内容', 'Message (Chinese)'), message_en: f('string', '英文内容', 'Message (English)') }, ['condition'])),
  { ...kind('virtual_tag', 'virtual_tags', '虚拟点位', 'Virtual tag', '由其他点位计算得出的点位', 'A tag whose values are computed from other tags', 'viewer', 'engineer', object({ ...titles, device: f('string', '设备', 'Device', { 'x-ref': 'devices' }), device_type: f('string', '设备型号', 'Device type', { 'x-ref': 'device_types', ...help('该型号的每台设备各有一个', 'One for each device of this type') }), property: f('string', '属性名', 'Property', { default: '' }), expr: f('string', '表达式', 'Expression', { 'x-widget': 'expression', minLength: 1, ...help('例如 voltage * current 或 avg(temperature, 5m)', 'Such as voltage * current or avg(temperature, 5m)') }), unit: f('string', '单位', 'Unit', { default: '', ...help('空 = 由表达式得出；同类的单位会换算', 'Empty: that of the expression; a unit of the same quantity is converted to') }), type: choice(['auto', 'number', 'integer', 'boolean', 'text'], '类型', 'Type', { zh: ['由表达式得出', '数值', '整数', '是/否', '文本'], en: ['As the expression gives', 'Number', 'Integer', 'Boolean', 'Text'], schema: { default: 'auto' } }), lateness: f('string', '等待迟到数据', 'Wait for late data', { default: '2s' }), min_interval: f('string', '最小间隔', 'Minimum interval', { default: '0s' }), enabled: f('boolean', '启用', 'Enabled', { default: true }) }, ['expr'])), path_names: true },
];

// An edge node made with npm's sparkplug-client, led by lines on standard input ("data 3", "skip", "compressed", "death d1",
// "rebirth", "stop"); it tells what it is told as lines: "birth", "ncmd NAME VALUE", "state TOPIC TEXT".
const readline = require('node:readline')
const mqtt = require('mqtt')
const sparkplug = require('sparkplug-client')

const [url, username, password, groupId, edgeNode] = process.argv.slice(2)
const say = (text) => console.log(text)
const client = sparkplug.newClient({ serverUrl: url, username, password, groupId, edgeNode, clientId: `${groupId}-${edgeNode}`, version: 'spBv1.0', publishDeath: true })
let count = 0

function born() {
  const now = Date.now()
  client.publishNodeBirth({ timestamp: now, metrics: [
    { name: 'Node Control/Rebirth', type: 'Boolean', value: false },
    { name: 'Properties/Firmware', type: 'String', value: '1.2 ü' },
    { name: 'load', type: 'Float', value: 21.2 },
    { name: 'table', type: 'DataSet', value: { numOfColumns: 1, types: ['Int32'], columns: ['a'], rows: [[1]] } },
  ] })
  client.publishDeviceBirth('lathe', { timestamp: now, metrics: [
    { name: 'Spindle/Speed', alias: 12, type: 'Int32', value: -1200, properties: { engUnit: { type: 'String', value: 'rpm' } } },
    { name: 'Running', type: 'Boolean', value: true },
    { name: 'Total', type: 'UInt64', value: 5000000000 },
  ] })
  say('born')
}
// By a client of its own: sparkplug-client takes whatever comes on a topic of Sparkplug for a payload.
const listener = mqtt.connect(url, { username, password, clientId: `${groupId}-${edgeNode}-state` })
listener.on('connect', () => listener.subscribe('spBv1.0/STATE/#', { qos: 1 }))
listener.on('message', (topic, text) => say(`state ${topic} ${text}`))
client.on('birth', born)
client.on('ncmd', (payload) => {
  for (const metric of payload.metrics) say(`ncmd ${metric.name} ${metric.value}`)
  if (payload.metrics.some((one) => one.name === 'Node Control/Rebirth' && one.value)) born()
})
client.on('error', (error) => say(`error ${error.message}`))

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [what, value] = line.split(' ')
  const data = (number, options) => client.publishDeviceData('lathe', { timestamp: Date.now(), metrics: [{ name: 'Spindle/Speed', type: 'Int32', value: Number(number) }] }, options)
  if (what === 'data') data(value)
  if (what === 'compressed') data(value, { compress: true })
  if (what === 'unknown') client.publishNodeData({ timestamp: Date.now(), metrics: [{ name: 'unknown', type: 'Int32', value: 1 }] })
  if (what === 'death') client.publishDeviceDeath(value, { timestamp: Date.now() })
  if (what === 'stop') { client.stop(); setTimeout(() => process.exit(0), 500) }
  say(`done ${++count}`)
})

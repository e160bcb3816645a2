// What programs do with npm omron-fins, as JSON on the last line. FINS names the way: {protocol, read: {address: count}, write: {address: values},
// multiple: [addresses]}; PORT is the PLC's.
const fins = require('omron-fins')

const how = JSON.parse(process.env.FINS)
const out = { read: {}, written: {}, back: {} }
const plc = fins.FinsClient(Number(process.env.PORT), '127.0.0.1', { protocol: how.protocol, MODE: 'CJ', SA1: 11, DA1: 1, timeout: 5000 }, false)

function done(error) {
  if (error) out.error = String(error)
  plc.disconnect()
  process.stdout.write(JSON.stringify(out) + '\n', () => process.exit(error ? 1 : 0))
}
const end_of = (message) => `${message.response.endCode} ${message.response.endCodeDescription}`
const read = (address, count) => new Promise((resolve) => plc.read(address, count, (error, message) =>
  resolve(error || message.timeout || message.response.endCode !== '0000' ? `refused ${error || end_of(message)}` : [...message.response.values])))
const write = (address, values) => new Promise((resolve) => plc.write(address, values, (error, message) => resolve(!error && !message.timeout && message.response.endCode === '0000')))

plc.on('error', (error) => done(error))
plc.on('open', async () => {
  await new Promise(setImmediate) // it says so just before it lets anything be sent
  for (const [address, count] of Object.entries(how.read)) out.read[address] = await read(address, count)
  for (const [address, values] of Object.entries(how.write)) out.written[address] = await write(address, values)
  for (const [address, values] of Object.entries(how.write)) out.back[address] = await read(address, values.length)
  done()
})
plc.connect()

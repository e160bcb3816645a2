// What programs do with two MELSEC clients of others, as JSON on the last line. MELSEC names the way: "mcprotocol" for the 1E frame in both
// codings, "melsec-connect" for 3E and 4E over TCP and UDP; PORT is the PLC's.
const how = JSON.parse(process.env.MELSEC)
const port = Number(process.env.PORT)
const out = { read: {}, written: {}, back: {} }

function done(error) {
  if (error) out.error = String(error)
  process.stdout.write(JSON.stringify(out) + '\n', () => process.exit(error ? 1 : 0))
}

// npm mcprotocol: items by name, all read at once.
function one_frame() {
  const McProtocol = require('mcprotocol')
  const plc = new McProtocol()
  const write = (address, value) => new Promise((resolve) => plc.writeItems(address, value, (bad) => { out.written[address] = !bad; resolve() }))
  const read = () => new Promise((resolve) => plc.readAllItems((bad, values) => resolve({ bad, values })))
  plc.initiateConnection({ port, host: '127.0.0.1', ascii: how.ascii }, async (error) => {
    if (error) return done(error)
    plc.setTranslationCB((tag) => tag)
    plc.addItems(how.read)
    const first = await read()
    out.bad = first.bad
    out.read = first.values
    for (const [address, value] of Object.entries(how.write)) await write(address, value)
    plc.addItems(Object.keys(how.write))
    const second = await read()
    for (const address of Object.keys(how.write)) out.back[address] = second.values[address]
    done()
  })
}

// npm melsec-connect: its own protocol class, one address (with a count) at a time.
async function newer_frames() {
  const McProtocol = require('melsec-connect/src/mcprotocol/mcprotocol.js')
  const plc = new McProtocol()
  plc.setDebugLevel('NONE')
  await new Promise((resolve, reject) => {
    plc.on('open', resolve)
    plc.on('error', reject)
    plc.initiateConnection({ port, host: '127.0.0.1', protocol: how.protocol, ascii: false, frame: how.frame, plcType: how.type, autoConnect: true, preventAutoReconnect: true, logLevel: 'NONE' })
  })
  const read = (address) => new Promise((resolve) => plc.readItems(address, (error, item) => resolve(error ? `error ${error}` : item.value)))
  const write = (address, value) => new Promise((resolve) => plc.writeItems(address, value, (error, item) => resolve(!error && item.isGood !== false)))
  for (const address of how.read) out.read[address] = await read(address)
  for (const [address, value] of Object.entries(how.write)) out.written[address] = await write(address, value)
  for (const address of Object.keys(how.write)) out.back[address] = await read(address)
  done()
}

// The libraries say what they do on standard output; only the last line is ours.
if (how.client === 'mcprotocol') one_frame()
else newer_frames().catch(done)

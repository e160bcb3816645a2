// What a program does with nodes7, as JSON on the last line: GONGSHU_S7_PORT is the port of the CPU.
import NodeS7 from 'nodes7'

const cpu = new NodeS7({ silent: true })
const told = {}
const call = (run) => new Promise((done) => run((...answer) => done(answer)))

const options = { port: Number(process.env.GONGSHU_S7_PORT), host: '127.0.0.1', rack: 0, slot: 1, timeout: 10000 }
const [failure] = await call((done) => cpu.initiateConnection(options, done))
told.connected = failure === undefined

const read = async (...names) => {
  cpu.removeItems()
  cpu.addItems(names)
  const [bad, values] = await call((done) => cpu.readAllItems(done))
  return { bad: Boolean(bad), values }
}
const write = async (names, values) => (await call((done) => cpu.writeItems(names, values, done)))[0]

// No timers and counters: it asks for T5 as T40, other than Snap7 and Wireshark have it.
told.read = await read('DB2,REAL0', 'DB2,INT4', 'DB2,DINT6', 'DB2,X10.3', 'DB2,X10.4', 'DB2,S12.10', 'DB2,LREAL24', 'MW10', 'M0.1', 'M0.2')
told.many = await read(...Array.from({ length: 120 }, (_, i) => `DB1,BYTE${i * 8}`))
told.missing = await read('DB2,REAL0', 'DB9,INT0', 'DB3,INT0', 'DB2,INT99')
told.written = Boolean(await write(['DB2,REAL40', 'DB2,INT44', 'DB2,X46.5', 'DB1,BYTE0.200', 'QB1', 'DB2,S50.10'],
  [7.71, -300, true, Array.from({ length: 200 }, (_, i) => 255 - i), 170, 'green']))
told.back = await read('DB2,REAL40', 'DB2,INT44', 'DB2,X46.5', 'DB2,X46.4', 'DB1,BYTE199', 'DB1,BYTE200', 'QB1', 'DB2,S50.10')
await call((done) => cpu.dropConnection(done))
console.log(JSON.stringify(told))
process.exit(0)

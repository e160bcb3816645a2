// A server of node-opcua for the tests: OPCUA names the port, the folder of its certificates and who may sign in. Each line of standard
// input is JSON: {"set": {"speed": 12.5}} gives variables other values (null: the sensor failed), {"get": "speed"} is answered by a line.
const { OPCUAServer } = require('node-opcua-server')
const { OPCUACertificateManager } = require('node-opcua-certificate-manager')
const { StatusCodes } = require('node-opcua-status-code')
const { DataType } = require('node-opcua-variant')
const { MessageSecurityMode, SecurityPolicy } = require('node-opcua-secure-channel')
const readline = require('readline')

const how = JSON.parse(process.env.OPCUA)
const held = { speed: 100, force: 5, target: 40, parts: 7, running: true, name: 'press' }
const types = { speed: DataType.Double, force: DataType.Float, target: DataType.Double, parts: DataType.UInt32, running: DataType.Boolean, name: DataType.String }

async function main() {
  const certificates = new OPCUACertificateManager({ rootFolder: how.folder, automaticallyAcceptUnknownCertificate: how.accepts !== false })
  const server = new OPCUAServer({
    port: how.port,
    hostname: '127.0.0.1',
    serverCertificateManager: certificates,
    buildInfo: { productName: 'peer' },
    securityModes: [MessageSecurityMode.None, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss],
    allowAnonymous: !how.user,
    userManager: { isValidUser: (user, password) => user === how.user && password === how.password },
  })
  await server.initialize()
  const space = server.engine.addressSpace.getOwnNamespace()
  const variables = {}
  for (const [name, value] of Object.entries(held)) {
    variables[name] = space.addVariable({
      organizedBy: server.engine.addressSpace.rootFolder.objects,
      browseName: name,
      nodeId: `s=Press/${name}`,
      dataType: types[name],
      minimumSamplingInterval: 50,
      accessLevel: 'CurrentRead | CurrentWrite',
      userAccessLevel: 'CurrentRead | CurrentWrite',
    })
    variables[name].setValueFromSource({ dataType: types[name], value })
  }
  await server.start()
  process.stdout.write(JSON.stringify({ namespace: space.namespaceUri, index: space.index }) + '\n')
  readline.createInterface({ input: process.stdin }).on('line', (line) => {
    const order = JSON.parse(line)
    for (const [name, value] of Object.entries(order.set || {})) {
      if (value === null) variables[name].setValueFromSource({ dataType: types[name], value: 0 }, StatusCodes.BadSensorFailure)
      else variables[name].setValueFromSource({ dataType: types[name], value })
    }
    if (order.get) process.stdout.write(JSON.stringify({ held: variables[order.get].readValue().value.value }) + '\n')
  }).on('close', () => process.exit(0))
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`)
  process.exit(1)
})

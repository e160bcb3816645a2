// What a program does with node-postgres, as JSON on the last line: GONGSHU_PG is the address, GONGSHU_CA the certificate of the authority.
import fs from 'node:fs'
import pg from 'pg'

const { Client, Pool, types } = pg
types.setTypeParser(20, (text) => Number(text)) // bigint: these are small
const at = new URL(process.env.GONGSHU_PG)
const token = { host: at.hostname, port: Number(at.port), database: 'gongshu', user: 'token', password: process.env.GONGSHU_TOKEN, application_name: 'guide' }
const person = { ...token, user: 'admin', password: process.env.PASSWORD, ssl: { ca: fs.readFileSync(process.env.GONGSHU_CA, 'utf8') } }
const told = {}

// Who is what by which way.
async function failure(options) {
  const client = new Client(options)
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return null
  } catch (error) {
    return error.code ?? error.message
  }
}
told.token = await failure(token)
told.person = await failure(person)
told.in_clear = await failure({ ...person, ssl: false })
told.wrong = await failure({ ...person, password: 'wrong' })

const client = new Client(token)
await client.connect()
const first = await client.query("SELECT tag, ts, value, quality FROM readings WHERE tag = $1 AND ts >= $2 ORDER BY ts LIMIT $3", ['line1/a.temperature', new Date('2026-03-01T00:00:00Z'), 2])
told.rows = first.rows.map((row) => ({ ...row, ts: row.ts.toISOString() }))
told.types = first.fields.map((field) => field.dataTypeID)
told.named = []
for (const least of [25, 28]) {
  const answer = await client.query({ name: 'above', text: 'SELECT count(*) AS n FROM readings WHERE value >= $1 AND ts >= TIMESTAMP \'2026-03-01\'', values: [least] })
  told.named.push(answer.rows[0].n)
}
told.array = (await client.query({ text: 'SELECT 1 AS a, NULL AS b, true AS c', rowMode: 'array' })).rows
told.lists = []
for (const [condition, list] of [['tag = ANY($1)', ['line1/a.temperature', 'line1/"b, {c}']], ['tag = ANY($1)', []], ['value <> ALL($1::float8[])', [20, 21]]]) {
  const least = condition.startsWith('tag') ? 28 : 0
  const answer = await client.query(`SELECT count(*) AS n FROM readings WHERE ${condition} AND value >= ${least} AND ts >= '2026-03-01'`, [list])
  told.lists.push(answer.rows[0].n)
}
told.several = (await client.query('SELECT 1 AS a; SELECT 2 AS b')).map((answer) => answer.rows[0])
try {
  await client.query('SELECT nothing FROM devices')
} catch (error) {
  told.error = { code: error.code, position: error.position, severity: error.severity }
}
await client.query('BEGIN')
told.in_transaction = (await client.query("SELECT count(*) AS n FROM readings WHERE ts >= '2026-03-01'")).rows[0].n
try {
  await client.query('DELETE FROM readings')
} catch (error) {
  told.written = error.code
}
await client.query('ROLLBACK')

// A statement that takes too long, ended by who asked for it.
const slow = new Client(token)
await slow.connect()
const running = slow.query('SELECT count(*) FROM range(1000000) a, range(1000000) b').then(() => 'done', (error) => error.code)
setTimeout(() => new Client(token).cancel(slow, slow.activeQuery), 500)
told.cancelled = await running
told.after = (await slow.query('SELECT 7 AS n')).rows[0].n
await slow.end()

// Many at once.
const pool = new Pool({ ...token, max: 20 })
const counts = await Promise.all(Array.from({ length: 100 }, (_, i) => pool.query('SELECT $1::bigint AS n', [i])))
told.many = counts.every((answer, i) => answer.rows[0].n === i)
await pool.end()
await client.end()
console.log(JSON.stringify(told))

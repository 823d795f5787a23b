/** Checks by UDP, against servers on loopback that answer well, badly or not at all. */

import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { after, test } from 'node:test'
import { checkSchema, configCheck, type FileCheck } from '../../../src/config/check-keys.ts'
import { probe } from '../../../src/control/checks/probe.ts'

type Check = Partial<FileCheck> & Pick<FileCheck, 'type'>

function run(port: number, change: Check): Promise<string | undefined> {
  const address = '127.0.0.1'
  const target = { netns: '', address, port, rs: { address, port }, vip: { address, port: 1 } }
  return probe(target, configCheck(checkSchema.parse({ timeout: 1, ...change })))
}

/** A server that does with each datagram what `hear` says. => its port */
async function server(hear: (bytes: Buffer, say: (answer: Uint8Array) => void) => void) {
  const socket: Socket = createSocket('udp4')
  after(() => socket.close())
  socket.on('message', (bytes, { address, port }) => {
    hear(bytes, answer => socket.send(answer, port, address))
  })
  await new Promise<void>(done => socket.bind(0, '127.0.0.1', done))
  return socket.address().port
}

/** The query as its own answer, with this rcode. */
function answered(query: Buffer, rcode: number, edit: (answer: Buffer) => void = () => {}): Buffer {
  const answer = Buffer.from(query)
  answer.writeUInt16BE(0x8180 | rcode, 2)
  edit(answer)
  return answer
}

const dns = (rcode: number) => server((query, say) => say(answered(query, rcode)))

/** A port that nobody has. */
async function closedPort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>(done => socket.bind(0, '127.0.0.1', done))
  const { port } = socket.address()
  await new Promise<void>(done => socket.close(done))
  return port
}

test('dns: an answer with one of the rcodes passes', async () => {
  assert.equal(await run(await dns(0), { type: 'dns' }), undefined)
  assert.equal(await run(await dns(3), { type: 'dns' }), undefined, 'there is no such name')
  const refused = await dns(5)
  assert.equal(await run(refused, { type: 'dns' }), 'the query was answered REFUSED')
  assert.equal(await run(refused, { type: 'dns', rcode: ['noerror', 'refused'] }), undefined)
  assert.equal(await run(await dns(2), { type: 'dns' }), 'the query was answered SERVFAIL')
  assert.equal(await run(await dns(9), { type: 'dns' }), 'the query was answered RCODE 9')
})

test('dns: the query is the one that was asked for', async () => {
  const queries: Buffer[] = []
  const port = await server((query, say) => {
    queries.push(query)
    say(answered(query, 0))
  })
  await run(port, { type: 'dns' })
  await run(port, { type: 'dns', name: 'www.Example.org', record: 'aaaa' })
  const [root, name] = queries.map(query => query.subarray(2).toString('latin1'))
  const header = '\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00'
  assert.equal(root, `${header}\x00\x00\x06\x00\x01`)
  assert.equal(name, `${header}\x03www\x07Example\x03org\x00\x00\x1c\x00\x01`)
})

test('dns: what is no answer to the query is waited past, and a lost one asked for again', async () => {
  let heard = 0
  const port = await server((query, say) => {
    say(Buffer.from('short'))
    say(query)
    say(answered(query, 0, answer => answer.writeUInt16BE(answer.readUInt16BE(0) ^ 1, 0)))
    say(answered(query, 0, answer => answer.write('x', answer.length - 6, 'latin1')))
    if (++heard === 2) say(answered(query, 0, answer => answer.writeUInt16BE(0, 4)).subarray(0, 12))
  })
  assert.equal(await run(port, { type: 'dns', name: 'abc' }), undefined)
  assert.equal(heard, 2)
  const silent = await server(() => {})
  assert.equal(await run(silent, { type: 'dns' }), 'the answer timed out after 1 s')
  assert.equal(await run(await closedPort(), { type: 'dns' }), 'connection refused')
})

test('udp: silence passes unless an answer is wanted, and an ICMP error never does', async () => {
  let heard: Buffer = Buffer.alloc(0)
  const silent = await server(bytes => {
    heard = bytes
  })
  assert.equal(await run(silent, { type: 'udp', payload: '00ff0A' }), undefined)
  assert.deepEqual([...heard], [0, 255, 10])
  const wanted = { type: 'udp', reply: true } as const
  assert.equal(await run(silent, wanted), 'the answer timed out after 1 s')
  for (const check of [{ type: 'udp' } as const, wanted])
    assert.equal(await run(await closedPort(), check), 'connection refused')
  const echo = await server((bytes, say) => say(bytes))
  assert.equal(await run(echo, wanted), undefined)
  assert.equal(await run(echo, { type: 'udp', payload: '616263', expect: 'bc' }), undefined)
  assert.equal(
    await run(echo, { type: 'udp', payload: '616263', expect: 'bd' }),
    'the answer does not hold what is expected',
  )
})

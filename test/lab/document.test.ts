/** The document that the running daemon serves: every operation is called, and every status that it names is met. */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { CHECKOUT } from '../../netns/topology.ts'
import { Lab } from '../../netns/two-arm.ts'
import { exchange, open, type Target } from '../../src/client/exchange.ts'
import { TapvsClient } from '../../src/client/index.ts'
import { CALLS, tellHealth, tellUpgrade } from '../kit/document.ts'
import { type Document, DocumentClient } from '../kit/document-client.ts'
import { freePort, labConfig, labName, scratchFolder } from '../kit/lab.ts'

const lab = new Lab(labName('document'))
const folder = scratchFolder()
const token = 'only-for-this-test'
const bySocket: Target = { socket: lab.paths.socket }
let byTcp: { url: string; token: string }
let client: DocumentClient

before(async () => {
  const port = await freePort()
  byTcp = { url: `http://127.0.0.1:${port}`, token }
  // As in test/kit/control.ts, so that the same calls come to the same.
  const config = labConfig(folder, 'document', yaml => {
    yaml.setIn(['arms', 0, 'addresses'], yaml.createNode(['202.108.10.1/32', '202.108.10.2/32']))
    yaml.delete('services')
    yaml.setIn(['control', 'http'], { port, token })
    yaml.setIn(['capture', 'ring'], true)
  })
  await lab.up({ config })
  const { status, text } = await exchange(
    bySocket,
    { method: 'GET', path: '/v1/openapi.json' },
    10_000,
  )
  assert.equal(status, 200, text)
  assert.equal(text, readFileSync(join(CHECKOUT, 'docs', 'openapi.json'), 'utf8'))
  client = new DocumentClient(JSON.parse(text) as Document)
})
after(() => lab.down())

test('every operation comes to what it must, on both listeners', async () => {
  for (const target of [bySocket, byTcp]) {
    await client.call(target, 'reloadConfig')
    for (const [id, args, status] of CALLS) {
      const [got, answer] = await client.call(target, id, args)
      assert.equal(got, status, `${id} ${JSON.stringify(args)}: ${JSON.stringify(answer)}`)
    }
    await tellHealth(client, target)
    await tellUpgrade(client, target)
  }
  const service = { protocol: 'tcp', address: '202.108.10.9', port: 1 }
  assert.equal((await client.call(bySocket, 'zero', { body: { service } }))[0], 404)
})

test('the streams: packets, events, a journal', async () => {
  for (const [id, args] of [
    ['moments', { past: true }],
    ['moments', { filter: 'tcp', snaplen: 64 }],
    ['capture', { past: true, follow: false }],
    ['capture', { seconds: 1 }],
    ['journal', { seconds: 0 }],
  ] as const) {
    const [status, answer] = await client.call(bySocket, id, args)
    assert.equal(status, 200)
    if (id !== 'moments') assert.ok(String(answer).length > 100, id)
  }
  const events = await open(bySocket, { method: 'GET', path: '/v1/events' })
  events.setEncoding('utf8')
  await once(events, 'data')
  const said = once(events, 'data')
  for (const level of ['debug', 'warn'])
    await client.call(bySocket, 'setLogLevel', { body: { level } })
  const [text] = await said
  assert.match(text, /^event: log|\nevent: log/)
  client.judge('events', { status: events.statusCode ?? 0, text })
  events.destroy()
})

test('the client’s journal is that of `tapvs replay`', async () => {
  const tapvs = new TapvsClient(bySocket)
  const chunks: Uint8Array[] = []
  for await (const chunk of tapvs.journal({ seconds: 0 })) chunks.push(chunk)
  tapvs.close()
  const file = join(folder, 'client.journal')
  writeFileSync(file, Buffer.concat(chunks))
  const { code, stderr } = await lab.tapvs(['replay', file], { timeoutMs: 20_000 })
  assert.equal(`${code} ${stderr}`, '0 ')
})

test('a config file with mistakes is not reloaded', async () => {
  const right = readFileSync(lab.paths.config, 'utf8')
  writeFileSync(lab.paths.config, 'arms: 1\n')
  assert.equal((await client.call(bySocket, 'reloadConfig'))[0], 422)
  writeFileSync(lab.paths.config, right)
})

/** A request of the operation that fits into no schema, or of which `body` is nothing. */
function misfit(id: string, body?: string): { path: string; body?: string } {
  const { path, method } = client.operations.get(id) ?? assert.fail(id)
  const takesBody = method !== 'GET'
  return {
    path: `${path.replaceAll(/\{\w+\}/g, 'x')}?nonsense=1`,
    ...(takesBody && { body: body ?? '{' }),
  }
}

test('what every operation refuses: misfits, bodies, strangers, and too many at once', async () => {
  const ids = [...client.operations.keys()]
  const named = (status: number) => ids.filter(id => client.foreseen.includes(`${id} ${status}`))
  for (const id of named(400))
    assert.equal((await client.send(bySocket, id, misfit(id)))[0], 400, id)
  // The agent has a status of its own for a body that is wrong.
  for (const id of ['agentHealth']) {
    const path = '/v2/vs/202.108.10.2-80-tcp/rs/health'
    assert.equal((await client.send(bySocket, id, { path, body: '{' }))[0], 461)
  }
  for (const id of named(413)) {
    const many = { ...misfit(id, '['.repeat(300_000)) }
    assert.equal((await client.send(bySocket, id, many))[0], 413, id)
  }
  for (const id of named(415)) {
    const headers = { 'content-type': 'text/plain' }
    assert.equal((await client.send(bySocket, id, { ...misfit(id), headers }))[0], 415, id)
  }
  for (const id of ids)
    assert.equal((await client.send({ url: byTcp.url }, id, misfit(id)))[0], 401, id)
  const agent = new Agent({ keepAlive: true })
  const places = Array.from({ length: 64 }, async () => {
    const asked = request({ socketPath: lab.paths.socket, path: '/v1/ping', agent }).end()
    const [response] = await once(asked, 'response')
    await response.resume().toArray()
  })
  await Promise.all(places)
  for (const id of ids) assert.equal((await client.send(bySocket, id, misfit(id)))[0], 503, id)
  agent.destroy()
})

test('there is no status that was not met', () => {
  const met = client.answered
  // 4096 LIPs and one are too many for a lab; test/control/http/document.test.ts has them.
  const elsewhere = ['addAddress 422']
  assert.deepEqual(
    client.foreseen.filter(named => !met.has(named)),
    elsewhere,
  )
})

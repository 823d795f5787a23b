/**
 * The OpenAPI document is true: a client made of nothing but it calls every operation, over both listeners, and every
 * answer is one that the document foresees for its status. test/lab/document.test.ts does that to the running daemon.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import { exchange, type Target } from '../../../src/client/exchange.ts'
import { buildApp } from '../../../src/control/http/app.ts'
import { documentText } from '../../../src/control/http/openapi.ts'
import { Events } from '../../../src/control/model/events.ts'
import { echo, serve, TOKEN } from '../../kit/api.ts'
import { modelControl } from '../../kit/control.ts'
import { CALLS, tellHealth, tellUpgrade } from '../../kit/document.ts'
import { type Document, DocumentClient } from '../../kit/document-client.ts'

const FILE = join(CHECKOUT, 'docs/openapi.json')
/** They need packet threads; the lab has them. */
const STREAMS = ['capture', 'events', 'journal', 'moments']

async function callAll(t: TestContext, document: Document, byTcp: boolean): Promise<string[]> {
  const { path, port } = await serve(t, modelControl().respond)
  const target = byTcp ? { url: `http://127.0.0.1:${port}`, token: TOKEN } : { socket: path }
  const client = new DocumentClient(document)
  for (const [id, args, status] of CALLS) {
    const [got, answer] = await client.call(target, id, args)
    assert.equal(got, status, `${id} ${JSON.stringify(args)}: ${JSON.stringify(answer)}`)
  }
  await tellHealth(client, target)
  await tellUpgrade(client, target)
  // Both listeners ask one model, and thousands of addresses take it seconds.
  if (!byTcp) assert.equal(await withTooManyLips(client, target), 422)
  return [...client.answered].map(answered => answered.split(' ')[0] as string)
}

/** => the status of one address more than there may be; some of the 4096 are there */
async function withTooManyLips(client: DocumentClient, target: Target): Promise<number> {
  const lip = (i: number) => ({ arm: 'int0', address: `10.9.${i >> 8}.${i & 255}`, lip: true })
  const add = { edit: 'add-address', prefix_length: 32 }
  const edits = Array.from({ length: 4090 }, (_, i) => ({ ...add, ...lip(i) }))
  assert.equal((await client.call(target, 'edit', { body: { edits } }))[0], 200)
  for (let i = 4090; i < 4096; i++) {
    const [status] = await client.call(target, 'addAddress', { body: lip(i) })
    if (status !== 201) return status
  }
  return 201
}

test('a client made of the document calls every operation on both listeners', async t => {
  const { path } = await serve(t)
  const reply = await exchange({ socket: path }, { method: 'GET', path: '/v1/openapi.json' }, 5000)
  assert.equal(reply.status, 200, reply.text)
  const document = JSON.parse(reply.text) as Document
  assert.equal(document.openapi, '3.1.0')
  for (const byTcp of [false, true]) {
    const called = new Set(await callAll(t, document, byTcp))
    const all = [...new DocumentClient(document).operations.keys()]
    assert.deepEqual([...called, ...STREAMS].sort(), all.sort())
  }
})

test('docs/openapi.json is current; `npm run openapi` writes it', async t => {
  const { app } = await buildApp(echo, new Events())
  t.after(() => app.close())
  assert.equal(readFileSync(FILE, 'utf8'), documentText(app))
})

test('an upgrade is begun by the control socket only', async t => {
  const { path, port } = await serve(t, modelControl().respond)
  const begin = (target: Target, asked: string) => {
    const body = JSON.stringify({ program: '/opt/tapvs/bin/tapvs' })
    return exchange(target, { method: 'POST', path: asked, body }, 5000)
  }
  const byTcp = { url: `http://127.0.0.1:${port}`, token: TOKEN }
  for (const asked of ['/v1/upgrade', '/v1/%75pgrade', '/v1/upgrade?x=1', '/v1/./upgrade']) {
    const { status } = await begin(byTcp, asked)
    assert.ok(status === 403 || status === 404, `${asked} ${status}`)
  }
  assert.equal((await begin(byTcp, '/v1/upgrade')).status, 403)
  assert.equal((await begin({ socket: path }, '/v1/upgrade')).status, 200)
})

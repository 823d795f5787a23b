/**
 * The OpenAPI document is true: a client made of nothing but it calls every operation, over both listeners, and every
 * answer is one that the document foresees for its status.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { CHECKOUT } from '../../../netns/topology.ts'
import { exchange, type Target } from '../../../src/client/exchange.ts'
import { buildApp } from '../../../src/control/api/app.ts'
import { Events } from '../../../src/control/api/events.ts'
import { documentText } from '../../../src/control/api/openapi.ts'
import { echo, serve, TOKEN } from '../../kit/api.ts'
import { CONFIG, modelControl } from '../../kit/control.ts'

const FILE = join(CHECKOUT, 'docs/openapi.json')

interface Parameter {
  in: 'path' | 'query' | 'header'
  name: string
  required: boolean
  schema: object
}

interface Operation {
  method: string
  path: string
  operationId: string
  parameters?: Parameter[]
  requestBody?: { content: { 'application/json': { schema: object } } }
  responses: Record<string, { content?: Record<string, { schema: object }> }>
}

interface Document {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: object
}

/** By operationId. */
function operations({ paths }: Document): Map<string, Operation> {
  const all = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, op]) => ({ ...op, method: method.toUpperCase(), path })),
  )
  assert.equal(new Set(all.map(op => op.operationId)).size, all.length)
  return new Map(all.map(op => [op.operationId, op]))
}

type Args = Record<string, unknown> & { body?: unknown }

/** Calls operations as the document says, and judges answers by it. */
class DocumentClient {
  readonly called = new Set<string>()
  readonly #document: Document
  readonly #operations: Map<string, Operation>
  readonly #ajv = new Ajv2020({ strict: false, formats: { ipv4: true, 'date-time': true } })

  constructor(document: Document) {
    this.#document = document
    this.#operations = operations(document)
  }

  async call(
    target: Target,
    id: string,
    { body, ...given }: Args = {},
  ): Promise<[number, unknown]> {
    const op = this.#operations.get(id)
    assert.ok(op, id)
    this.called.add(id)
    let { path } = op
    const query = new URLSearchParams()
    for (const parameter of op.parameters ?? []) {
      const value = given[parameter.name]
      delete given[parameter.name]
      if (value === undefined) {
        assert.ok(!parameter.required, `${id}: ${parameter.name}`)
        continue
      }
      this.#check(parameter.schema, value, `${id}: ${parameter.name}`)
      if (parameter.in === 'path')
        path = path.replace(`{${parameter.name}}`, encodeURIComponent(String(value)))
      else query.set(parameter.name, String(value))
    }
    assert.deepEqual(given, {}, `${id} knows no such parameter`)
    const schema = op.requestBody?.content['application/json'].schema
    if (body !== undefined) this.#check(schema ?? false, body, `${id}: body`)
    const reply = await exchange(
      target,
      {
        method: op.method,
        path: query.size ? `${path}?${query}` : path,
        body: body === undefined ? undefined : JSON.stringify(body),
      },
      5000,
    )
    const response = op.responses[reply.status]
    assert.ok(response, `${id} answers ${reply.status} ${reply.text}`)
    const [type = ''] = Object.keys(response.content ?? {})
    const isText = type.startsWith('text/')
    const answer = reply.text === '' ? undefined : isText ? reply.text : JSON.parse(reply.text)
    const expected = response.content?.[type]?.schema
    if (expected) this.#check(expected, answer, `${id} ${reply.status}`)
    else assert.equal(answer, undefined, id)
    return [reply.status, answer]
  }

  #check(schema: object | boolean, value: unknown, what: string): void {
    const { components } = this.#document
    const whole = typeof schema === 'object' ? { ...schema, components } : schema
    const ok = this.#ajv.validate(whole, value)
    assert.ok(ok, `${what}: ${this.#ajv.errorsText()} in ${JSON.stringify(value)}`)
  }
}

const SERVICE = { protocol: 'tcp', address: '202.108.10.1', port: 6379 }
const RS = { server_address: '192.168.168.2', server_port: 6379 }
const VS = { VipPort: '202.108.10.2-80-tcp' }
const items = (...Items: object[]) => ({ Items })

/** Every operation, and what it must come to. */
const CALLS: [id: string, args: Args, status: number][] = [
  ['ping', {}, 200],
  ['counters', {}, 200],
  ['numbers', {}, 200],
  ['edges', {}, 200],
  ['drops', {}, 200],
  ['drops', { reason: 'ip_ttl' }, 200],
  ['metrics', {}, 200],
  ['conns', { from: 1000, limit: 10 }, 200],
  ['whois', { address: '192.168.168.7', port: 1025 }, 200],
  ['whois', { address: '10.0.0.9', port: 1, rs: '192.168.168.2', from: 0, to: 9e12 }, 200],
  ['whois', { address: '192.168.168.7', port: 80 }, 400],
  ['neighbours', {}, 200],
  ['routes', {}, 200],
  ['addresses', {}, 200],
  ['timeouts', {}, 200],
  ['config', {}, 200],
  ['logLevel', {}, 200],
  ['setLogLevel', { body: { level: 'debug' } }, 200],
  ['recorder', {}, 200],
  ['setRecorder', { body: { ring: true } }, 200],
  ['reopenLog', {}, 200],
  ['ui', {}, 200],
  ['addService', { body: { ...SERVICE, scheduler: 'rr' }, dry_run: true }, 201],
  [
    'addService',
    {
      body: {
        ...SERVICE,
        lips: [{ address: '192.168.168.7', arm: 'int0' }],
        servers: [{ address: RS.server_address, weight: 100 }],
      },
    },
    201,
  ],
  ['addService', { body: SERVICE }, 409],
  ['services', {}, 200],
  ['service', SERVICE, 200],
  ['service', { ...SERVICE, port: 1 }, 404],
  ['editService', { ...SERVICE, body: { scheduler: 'rr', conn_timeout: 30 } }, 200],
  ['addServer', { ...SERVICE, body: { address: '192.168.168.4', port: 6380 } }, 201],
  ['addServer', { ...SERVICE, body: { address: '10.1.2.3' } }, 422],
  ['editServer', { ...SERVICE, ...RS, body: { weight: 0 } }, 200],
  ['editServer', { ...SERVICE, ...RS, server_port: 1, body: { weight: 0 } }, 404],
  ['deleteServer', { ...SERVICE, ...RS }, 200],
  ['addLip', { ...SERVICE, body: { address: '192.168.168.8', arm: 'int0' } }, 201],
  ['addLip', { ...SERVICE, body: { address: '192.168.168.9', arm: 'int7' } }, 404],
  ['deleteLip', { ...SERVICE, lip: '192.168.168.8', arm: 'int0' }, 200],
  ['addAddress', { body: { arm: 'ext0', address: '202.108.10.9' } }, 201],
  ['deleteAddress', { arm: 'ext0', address: '202.108.10.9' }, 200],
  ['addRoute', { body: { arm: 'ext0', to: 'default', via: '202.108.10.254' } }, 201],
  ['deleteRoute', { arm: 'ext0', to: 'default' }, 200],
  [
    'addNeighbour',
    { body: { arm: 'int0', address: '192.168.168.5', mac: '02:00:00:00:00:05' } },
    201,
  ],
  ['deleteNeighbour', { arm: 'int0', address: '192.168.168.5' }, 200],
  ['deleteNeighbour', { arm: 'int0', address: '192.168.168.5' }, 404],
  ['setTimeouts', { body: { established: 60 } }, 200],
  ['zero', { body: { service: SERVICE } }, 200],
  ['cut', { body: { server: { address: '192.168.168.2', port: 6379 }, service: SERVICE } }, 200],
  ['cut', { body: { server: { address: '192.168.168.99', port: 6379 } } }, 404],
  ['edit', { body: { edits: [{ edit: 'set-timeouts', established: 0, fin_wait: 9 }] } }, 200],
  ['checkConfig', { body: { config: CONFIG } }, 200],
  ['checkConfig', { body: { config: { arms: [{ mtu: 1 }] } } }, 422],
  ['applyConfig', { body: { config: CONFIG, dry_run: true } }, 200],
  ['deleteService', SERVICE, 200],
  ['deleteService', SERVICE, 404],
  ['reloadConfig', {}, 200],
  ['clearServices', {}, 200],

  ['agentServices', {}, 204],
  ['agentPutService', { ...VS, body: { SchedName: 'rr', ConnTimeout: 60, SynProxy: false } }, 201],
  ['agentServices', { stats: 'true' }, 200],
  ['agentService', VS, 200],
  ['agentPutLip', { ...VS, body: { addr: '192.168.168.7', device: 'int0' } }, 201],
  ['agentLips', VS, 200],
  ['agentPutServers', { ...VS, body: items({ ip: '192.168.168.2', port: 80, weight: 9 }) }, 201],
  ['agentPostServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80, weight: 9 }) }, 201],
  ['agentServers', VS, 200],
  ['agentHealth', { ...VS, version: '0', body: items() }, 270],
  ['agentDeleteServers', { ...VS, body: items({ ip: '192.168.168.4', port: 80 }) }, 200],
  ['agentDeleteLip', { ...VS, body: { addr: '192.168.168.7', device: 'int0' } }, 200],
  ['agentDeleteService', VS, 200],
  ['agentDeleteService', VS, 404],
  ['agentDevices', { stats: 'true' }, 200],
  ['agentDevice', { name: 'ext0' }, 200],
  ['agentAddresses', { name: 'ext0' }, 200],
  ['agentAddresses', { name: 'dpdk0' }, 404],
  ['agentPutAddress', { name: 'ext0', body: { addr: '202.108.10.8/32' } }, 201],
  ['agentDeleteAddress', { name: 'ext0', body: { addr: '202.108.10.8/32' } }, 200],
  ['agentPutRoute', { name: 'ext0', body: { dst: '10.7.0.0/16', gateway: '202.108.10.9' } }, 201],
  ['agentRoutes', { name: 'ext0' }, 200],
  ['agentDeleteRoute', { name: 'ext0', body: { dst: '10.7.0.0/16' } }, 200],
]

async function callAll(t: TestContext, document: Document, byTcp: boolean): Promise<Set<string>> {
  const { path, port } = await serve(t, modelControl().respond)
  const target = byTcp ? { url: `http://127.0.0.1:${port}`, token: TOKEN } : { socket: path }
  const client = new DocumentClient(document)
  for (const [id, args, status] of CALLS) {
    const [got, answer] = await client.call(target, id, args)
    assert.equal(got, status, `${id} ${JSON.stringify(args)}: ${JSON.stringify(answer)}`)
  }
  return client.called
}

test('a client made of the document calls every operation on both listeners', async t => {
  const { path } = await serve(t)
  const reply = await exchange({ socket: path }, { method: 'GET', path: '/v1/openapi.json' }, 5000)
  const document = JSON.parse(reply.text) as Document
  assert.equal(document.openapi, '3.1.0')
  for (const byTcp of [false, true]) {
    const called = await callAll(t, document, byTcp)
    // The stream has a test of its own.
    const all = [...operations(document).keys()].filter(id => id !== 'events')
    assert.deepEqual([...called].sort(), all.sort())
  }
})

test('docs/openapi.json is current; `npm run openapi` writes it', async t => {
  const { app } = await buildApp(echo, new Events())
  t.after(() => app.close())
  assert.equal(readFileSync(FILE, 'utf8'), documentText(app))
})

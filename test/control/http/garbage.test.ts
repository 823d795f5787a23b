/** Whatever comes as a body, every operation says what is wrong with it, and goes on. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { exchange } from '../../../src/client/exchange.ts'
import { OPERATIONS } from '../../../src/control/http/operations.ts'
import { PONG, ping, serve } from '../../kit/api.ts'
import { modelControl } from '../../kit/control.ts'

const bodies = OPERATIONS.filter(({ body, id }) => body && id !== 'setLogLevel')
const real = '/v1/services/tcp/202.108.10.1/6379'

const textOf = fc.oneof(
  fc.json(),
  fc.string(),
  // Nearly right, so that more than the first check sees it.
  fc
    .record(
      {
        address: fc.constantFrom('202.108.10.1', '1.2.3', '', null, 7),
        port: fc.constantFrom(0, 80, 65_536, '80', -1, 1.5),
        arm: fc.constantFrom('ext0', 'int0', '__proto__', 'x'.repeat(300)),
        weight: fc.oneof(fc.integer(), fc.double(), fc.constant(null)),
        to: fc.constantFrom('default', '10.0.0.0/33', '/'),
        mac: fc.constantFrom('02:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff'),
        config: fc.object(),
        edits: fc.array(fc.object({ key: fc.constantFrom('edit', 'service', 'address') })),
        real_servers: fc.anything(),
      },
      { requiredKeys: [] },
    )
    .map(value => JSON.stringify(value)),
)

test('bodies of all kinds', async t => {
  const { path } = await serve(t, modelControl().respond)
  await exchange(
    { socket: path },
    { method: 'POST', path: '/v1/services', body: '{"address":"202.108.10.1","port":6379}' },
    5000,
  )
  const urls = bodies.map(op => ({
    method: op.method,
    url: op.path
      .replace('/v1/services/:protocol/:address/:port', real)
      .replace(/:server_address\/:server_port/, '192.168.168.2/6379'),
  }))
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...urls), textOf, async ({ method, url }, body) => {
      const reply = await exchange({ socket: path }, { method, path: url, body }, 5000)
      const answer = JSON.parse(reply.text)
      if (reply.status < 300) return
      assert.ok([400, 404, 409, 422].includes(reply.status), `${reply.status} ${reply.text}`)
      assert.match(answer.error, /^[^\n]+$/)
    }),
    { numRuns: 500 },
  )
  assert.equal((await ping(path)).status, PONG.status)
})

test('paths and queries of all kinds', async t => {
  const { path } = await serve(t, modelControl().respond)
  const piece = fc.oneof(
    fc.constantFrom('v1', 'v2', 'services', 'tcp', '202.108.10.1', '80', 'vs', '..', '%', '%00'),
    fc.string().map(encodeURIComponent),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE'),
      fc.array(piece, { maxLength: 8 }),
      fc.string().map(encodeURIComponent),
      async (method, pieces, query) => {
        const url = `/${pieces.join('/')}?${query}`
        if (url.startsWith('/v1/events')) return
        const { status, text } = await exchange({ socket: path }, { method, path: url }, 5000)
        assert.ok(status < 500 || status === 501, `${method} ${url}: ${status} ${text}`)
        if (text !== '') JSON.parse(text)
      },
    ),
    { numRuns: 500 },
  )
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refused } from '../../../src/api/refused.ts'
import { ConfigError } from '../../../src/config/config.ts'
import { call, echo, HEAD, PONG, ping, raw, serve, TOKEN } from '../../kit/api.ts'
import { modelControl } from '../../kit/control.ts'

test('each verb has its path, and its arguments arrive as what they are', async t => {
  const { path } = await serve(t, echo)
  assert.deepEqual(await ping(path), PONG)
  assert.deepEqual(await call(path, 'GET', '/v1/conns?from=5&limit=1000'), {
    status: 200,
    body: { verb: 'conns', from: 5, limit: 1000 },
  })
  assert.deepEqual(await call(path, 'PUT', '/v1/log', '{"level":"debug"}'), {
    status: 200,
    body: { verb: 'set-log', level: 'debug' },
  })
})

test('wrong requests get their status and one line', async t => {
  const { path } = await serve(t)
  const cases: [
    method: string,
    path: string,
    body: string | undefined,
    status: number,
    error: string,
  ][] = [
    ['GET', '/v1/nothing', undefined, 404, 'there is no GET /v1/nothing; see /v1/openapi.json'],
    ['DELETE', '/v1/ping', undefined, 404, 'there is no DELETE /v1/ping; see /v1/openapi.json'],
    [
      'GET',
      '/v1/conns?from=-1',
      undefined,
      400,
      'query.from: expected a whole number 0-9007199254740991, found "-1"',
    ],
    [
      'GET',
      '/v1/conns?limit=1001',
      undefined,
      400,
      'query.limit: expected a whole number 1-1000, found "1001"',
    ],
    [
      'GET',
      '/v1/conns?limit=1e2',
      undefined,
      400,
      'query.limit: expected a whole number 1-1000, found "1e2"',
    ],
    ['GET', '/v1/ping?twice=true', undefined, 400, 'query: there is no "twice"'],
    [
      'PUT',
      '/v1/log',
      '{"level":"loud"}',
      400,
      'body.level: expected error, warn, info, debug, found "loud"',
    ],
    ['PUT', '/v1/log', '{}', 400, 'body.level: expected error, warn, info, debug, found nothing'],
    ['PUT', '/v1/log', '{"level":', 400, 'the body is no JSON'],
    ['PUT', '/v1/log', '{"__proto__":{"level":"debug"}}', 400, 'the body is no JSON'],
    ['PUT', '/v1/log', '', 400, 'body: expected an object, found nothing'],
    ['PUT', '/v1/log', '7', 400, 'body: expected an object, found 7'],
    ['PUT', '/v1/log', `"${'x'.repeat(5 << 20)}"`, 413, 'the body has more than 4194304 bytes'],
  ]
  for (const [method, url, body, status, error] of cases) {
    assert.deepEqual(await call(path, method, url, body), { status, body: { error } }, url)
  }
  assert.deepEqual(await ping(path), PONG)
})

test('by TCP nothing is told without the token', async t => {
  const { port } = await serve(t)
  const url = `http://127.0.0.1:${port}`
  const error = 'a bearer token is needed (control.http of the config): Authorization: Bearer TOKEN'
  for (const path of ['/v1/ping', '/v1/openapi.json', '/nothing', '/v1/log']) {
    for (const token of [undefined, 'wrong', `${TOKEN}x`, TOKEN.slice(1)]) {
      const target = token === undefined ? { url } : { url, token }
      const method = path === '/v1/log' ? 'PUT' : 'GET'
      assert.deepEqual(await call(target, method, path), { status: 401, body: { error } })
    }
  }
  assert.deepEqual(await call({ url, token: TOKEN }, 'GET', '/v1/ping'), PONG)
  const basic = `GET /v1/ping HTTP/1.1\r\n${HEAD}authorization: Basic ${TOKEN}\r\n\r\n`
  assert.match(await raw(t, port, basic), /^HTTP\/1\.1 401 [\s\S]*www-authenticate: Bearer/)
})

test('what the daemon answers or throws has its status', async t => {
  const subject = { what: 'service', name: 'TCP 10.0.0.1:80' }
  const said: [refused: Refused, status: number, body: object][] = [
    [new Refused('invalid', 'no packets today'), 400, { error: 'no packets today' }],
    [
      Refused.missing('service', subject.name),
      404,
      { error: 'no service TCP 10.0.0.1:80', ...subject },
    ],
    [
      Refused.exists('service', subject.name),
      409,
      { error: 'service TCP 10.0.0.1:80 exists already', ...subject },
    ],
    [
      new Refused('unanswered', 'the packet thread did not answer within 5 s'),
      503,
      { error: 'the packet thread did not answer within 5 s' },
    ],
  ]
  for (const [refused, status, body] of said) {
    for (const respond of [
      async () => refused.toJSON(),
      async () => {
        throw refused
      },
    ]) {
      const { path } = await serve(t, respond)
      assert.deepEqual(await ping(path), { status, body: { ...body, kind: refused.kind } })
    }
  }
  const plain = await serve(t, async () => {
    throw new Error('no packets today')
  })
  assert.deepEqual(await ping(plain.path), { status: 400, body: { error: 'no packets today' } })
  const problems = ['config arms[0].mtu: expected a number', 'config x: is unknown']
  const { path } = await serve(t, async () => {
    throw new ConfigError(problems)
  })
  const body = { error: problems.join(' '), kind: 'mistakes', problems }
  assert.deepEqual(await ping(path), { status: 422, body })
})

test('an edit of what is there already is 409, of what is not there 404', async t => {
  const { path } = await serve(t, modelControl().respond)
  const service = { protocol: 'tcp', address: '202.108.10.1', port: 6379 }
  const server = { address: '192.168.168.2' }
  const [ext, int] = ['ext0', 'int0']
  const edits: object[] = [
    { edit: 'add-service', service },
    { edit: 'add-server', service, server },
    { edit: 'add-lip', service, address: '192.168.168.9', arm: int },
    { edit: 'add-address', arm: ext, address: '202.108.10.7', prefix_length: 32, lip: false },
    { edit: 'add-route', arm: ext, to: '10.0.0.0/8' },
    { edit: 'add-neighbour', arm: int, address: '192.168.168.5', mac: '02:00:00:00:00:05' },
  ]
  const send = (edit: object) => call(path, 'POST', '/v1/edits', JSON.stringify({ edits: [edit] }))
  const twice = async (edit: object, status: number) => {
    assert.equal((await send(edit)).status, 200, JSON.stringify(edit))
    const { status: got, body } = await send(edit)
    assert.equal(got, status, JSON.stringify(body))
  }
  for (const edit of edits) await twice(edit, 409)
  // The service last, because the others are in it.
  for (const edit of edits.reverse()) {
    const text = JSON.stringify(edit).replace('"add-', '"delete-')
    const { mac: _, lip: __, ...rest } = JSON.parse(text)
    await twice(rest, 404)
  }
  assert.equal((await send({ edit: 'add-route', arm: 'eth9', to: '10.0.0.0/8' })).status, 404)
})

/** /v2/ipset: named sets come, change, are asked and go while the daemon runs; and the VLANs of a device. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { exchange } from '../../../src/client/exchange.ts'
import { respond } from '../../../src/control/respond.ts'
import { serve } from '../../kit/api.ts'
import { CONFIG, paperDaemon } from '../../kit/control.ts'

const SET = '/ipset/bots'
const MEMBER = `${SET}/member`
const DENY = '/vs/202.108.10.1-6379-tcp/deny'
const entries = (...all: string[]) => ({ Entries: all.map(Entry => ({ Entry })) })

async function agent(t: TestContext, file: object = CONFIG) {
  const daemon = paperDaemon(file)
  const { path: socket } = await serve(t, request => respond(request, daemon))
  return async (method: string, path: string, body?: object): Promise<[number, unknown]> => {
    const text = body && JSON.stringify(body)
    const options = { method, path: `/v2${path}`, body: text }
    const { status, text: answer } = await exchange({ socket }, options, 5000)
    return [status, JSON.parse(answer)]
  }
}

test('a set is made, added to once, replaced, taken from, asked, and goes', async t => {
  const call = await agent(t)
  const held = async () => {
    const [, info] = await call('GET', SET)
    return (info as { Entries: { Entry: string }[] }).Entries.map(({ Entry }) => Entry)
  }
  const status = async (...of: Parameters<typeof call>) => (await call(...of))[0]
  assert.equal(await status('PUT', SET, { Type: 'hash:net', ...entries('10.0.0.0/8') }), 201)
  assert.equal(await status('PUT', SET, { Type: 'hash:ip' }), 200)
  assert.equal(await status('PUT', MEMBER, entries('192.0.2.1', '2001:DB8::/32')), 201)
  assert.equal(await status('PUT', MEMBER, entries('192.0.2.1/32')), 200)
  assert.deepEqual(await held(), ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
  const asked = async (Entry: string) =>
    (await call('POST', `${SET}/cell`, { Type: 'hash:net', Member: { Entry } }))[1]
  assert.deepEqual(await Promise.all(['10.9.9.9', '192.0.2.2', '2001:db8::9'].map(asked)), [
    ...[true, false, true],
  ])
  assert.equal(await status('DELETE', MEMBER, entries('10.0.0.0/8')), 200)
  assert.equal(await asked('10.9.9.9'), false)
  assert.equal(await status('POST', MEMBER, entries('10.1.0.0/16', '10.1.0.0/16')), 200)
  assert.deepEqual(await held(), ['10.1.0.0/16'])
  const info = { Name: 'bots', Type: 'hash:net', ...entries('10.1.0.0/16') }
  assert.deepEqual(await call('GET', '/ipset'), [200, { Count: 1, Infos: [info] }])
  assert.equal(await status('DELETE', SET), 200)
  assert.deepEqual(await call('GET', '/ipset'), [200, { Count: 0, Infos: [] }])
})

test('a set that a list names stays, and what is wrong is said', async t => {
  const call = await agent(t)
  await call('PUT', SET, {})
  await call('PUT', '/vs/202.108.10.1-6379-tcp', { SchedName: 'rr' })
  assert.equal((await call('PUT', DENY, { Items: [{ ipset: 'bots' }] }))[0], 201)
  const cases: [string, string, object | undefined, number, RegExp][] = [
    ['DELETE', SET, undefined, 400, /^ipset bots is in use: take it off deny of TCP 202.* first$/],
    ['PUT', SET, { Type: 'bitmap:ip' }, 400, /Type: expected hash:ip or hash:net/],
    ['PUT', `${SET}!`, {}, 400, /a name of 1-31 letters/],
    ['GET', '/ipset/none', undefined, 404, /^no ipset none$/],
    ['PUT', '/ipset/none/member', entries('10.0.0.1'), 404, /^no ipset none$/],
    ['PUT', MEMBER, entries('10.0.0.1/8'), 400, /^Entry: expected a network, like 10\.0\.0\.0\/8/],
    [
      'PUT',
      MEMBER,
      { Entries: [{ Entry: '10.0.0.1', Options: { NoMatch: true } }] },
      400,
      /no mem/,
    ],
    ['DELETE', MEMBER, entries('10.0.0.1'), 400, /^no member 10\.0\.0\.1 in ipset bots$/],
    [
      'POST',
      `${SET}/cell`,
      { Member: { Entry: '10.0.0.0/8' } },
      400,
      /^Entry: expected an address/,
    ],
  ]
  for (const [method, path, body, status, text] of cases) {
    const [got, answer] = await call(method, path, body)
    assert.equal(got, status, `${method} ${path}: ${answer}`)
    assert.match(answer as string, text)
  }
  assert.equal((await call('DELETE', DENY, { Items: [{ ipset: 'bots' }] }))[0], 200)
  assert.equal((await call('DELETE', SET))[0], 200)
})

test('VLANs of a device are listed, and changed in the config', async t => {
  const call = await agent(t, {
    arms: [...CONFIG.arms, { name: 'ext0.9', vlan: { arm: 'ext0', id: 9 } }],
  })
  const Items = [{ device: 'ext0', id: 9, name: 'ext0.9' }]
  assert.deepEqual(await call('GET', '/device/ext0/vlan'), [200, { Items }])
  assert.deepEqual(await call('GET', '/device/int0/vlan'), [200, { Items: [] }])
  assert.equal((await call('GET', '/device/x/vlan'))[0], 404)
  assert.equal((await call('PUT', '/device/ext0/vlan', {}))[0], 501)
  for (const path of ['/netlink', '/netlink/addr'])
    assert.match(`${await call('GET', `/device/ext0${path}`)}`, /^501,devices of the kernel/)
})

/** What a controller or a health checker made for dpvs-agent meets under /v2. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { exchange } from '../../../src/client/exchange.ts'
import { serve } from '../../kit/api.ts'
import { type Control, modelControl } from '../../kit/control.ts'

const VS = '/vs/202.108.10.1-6379-tcp'
const RS = { ip: '192.168.168.2', port: 6379, weight: 100 }
const OTHER = { ip: '192.168.168.4', port: 6380, weight: 50 }

interface Agent extends Control {
  call(method: string, path: string, body?: object | string): Promise<[number, unknown]>
}

interface Spec {
  ip: string
  port: number
  weight: number
  mode: string
  inhibited: boolean
  overloaded: boolean
}

interface Vs {
  Version: string
  SchedName: string
  ConnTimeout: number
  Timeout: number
  Netmask: number
  RSs: { Items: { Spec: Spec }[] }
}

async function agent(t: TestContext): Promise<Agent> {
  const control = modelControl()
  const { path: socket } = await serve(t, control.respond)
  return {
    ...control,
    async call(method, path, body) {
      const text = typeof body === 'object' ? JSON.stringify(body) : body
      const options = { method, path: `/v2${path}`, body: text }
      const { status, text: answer } = await exchange({ socket }, options, 5000)
      return [status, answer === '' ? undefined : JSON.parse(answer)]
    },
  }
}

async function withService(t: TestContext): Promise<Agent> {
  const it = await agent(t)
  assert.equal((await it.call('PUT', VS, { SchedName: 'wrr' }))[0], 201)
  assert.equal((await it.call('PUT', `${VS}/rs`, { Items: [RS, OTHER] }))[0], 201)
  return it
}

async function vsOf({ call }: Agent, query = ''): Promise<Vs> {
  const [status, body] = await call('GET', `${VS}${query}`)
  assert.equal(status, 200)
  return (body as { Items: Vs[] }).Items[0] as Vs
}

const specs = ({ RSs }: Vs) => RSs.Items.map(({ Spec }) => Spec)
const weights = (vs: Vs) => specs(vs).map(({ weight, inhibited }) => [weight, inhibited])
const edits = ({ asked }: Agent) => asked.filter(({ verb }) => verb === 'edit').length

test('a service by its agent names', async t => {
  const it = await withService(t)
  assert.equal((await it.call('PUT', VS, { SchedName: 'rr', ConnTimeout: 60, Timeout: 9 }))[0], 200)
  const vs = await vsOf(it, '?stats=true')
  assert.deepEqual(
    [vs.SchedName, vs.ConnTimeout, vs.Timeout, vs.Netmask],
    ['rr', 60, 9, 0xffff_ffff],
  )
  assert.deepEqual(specs(vs)[0], {
    ...RS,
    mode: 'FNAT',
    inhibited: false,
    overloaded: false,
  })
  assert.match(vs.Version, /^\d+$/)
  const [, list] = await it.call('GET', '/vs')
  assert.equal((list as { Items: unknown[] }).Items.length, 1)
  const [, servers] = await it.call('GET', `${VS}/rs`)
  assert.equal((servers as { Items: unknown[] }).Items.length, 2)
})

test('LIPs come and go', async t => {
  const it = await withService(t)
  const lip = { addr: '192.168.168.7', device: 'int0' }
  assert.equal((await it.call('PUT', `${VS}/laddr`, lip))[0], 201)
  assert.equal((await it.call('PUT', `${VS}/laddr`, lip))[0], 200)
  assert.deepEqual(await it.call('GET', `${VS}/laddr`), [
    200,
    { Items: [{ af: 2, ...lip, conns: 0, portConflict: 0 }] },
  ])
  assert.equal((await it.call('DELETE', `${VS}/laddr`, lip))[0], 200)
  assert.deepEqual(await it.call('DELETE', `${VS}/laddr`, lip), [
    461,
    'no LIP 192.168.168.7 of int0 in TCP 202.108.10.1:6379',
  ])
})

test('POST makes the real servers exactly those, in one step', async t => {
  const it = await withService(t)
  const before = edits(it)
  const third = { ip: '192.168.168.5', port: 6379, weight: 7 }
  assert.equal(
    (await it.call('POST', `${VS}/rs`, { Items: [{ ...RS, weight: 9 }, third] }))[0],
    201,
  )
  assert.equal(edits(it), before + 1)
  assert.deepEqual(
    specs(await vsOf(it)).map(({ ip, weight }) => [ip, weight]),
    [
      ['192.168.168.2', 9],
      ['192.168.168.5', 7],
    ],
  )
  assert.equal(
    (await it.call('POST', `${VS}/rs`, { Items: [{ ...RS, weight: 9 }, third] }))[0],
    200,
  )
  assert.equal(edits(it), before + 1, 'nothing is asked for what is so already')
  assert.equal((await it.call('DELETE', `${VS}/rs`, { Items: [third] }))[0], 200)
  assert.equal((await it.call('DELETE', `${VS}/rs`, { Items: [third] }))[0], 461)
  assert.equal((await it.call('POST', `${VS}/rs`, { Items: null }))[0], 200)
  assert.deepEqual(specs(await vsOf(it)), [])
})

test('a health checker takes a real server out and in, and the version stays', async t => {
  const it = await withService(t)
  const { Version } = await vsOf(it, '?healthcheck=true')
  const health = (Items: object[], version = Version) =>
    it.call('PUT', `${VS}/rs/health?version=${version}`, { Items })
  assert.equal((await health([{ ...RS, weight: 0, inhibited: true }]))[0], 200)
  const down = await vsOf(it)
  assert.deepEqual(weights(down), [
    [0, true],
    [50, false],
  ])
  assert.equal(down.Version, Version)
  assert.deepEqual(weights(await vsOf(it, '?healthcheck=true')), [
    [100, true],
    [50, false],
  ])
  // A controller that says once more what it wants changes nothing of what the checker found.
  assert.equal((await it.call('POST', `${VS}/rs`, { Items: [RS, OTHER] }))[0], 200)
  assert.deepEqual(weights(await vsOf(it)), [
    [0, true],
    [50, false],
  ])
  assert.equal(
    (
      await health([
        { ...RS, inhibited: false },
        { ip: '10.9.9.9', port: 1 },
      ])
    )[0],
    200,
  )
  assert.deepEqual(weights(await vsOf(it)), [
    [100, false],
    [50, false],
  ])
  assert.equal((await vsOf(it)).Version, Version)
})

test('a checker that knows an old version is told the new one, and does nothing', async t => {
  const it = await withService(t)
  const { Version } = await vsOf(it)
  const path = `${VS}/rs/health?version=${Version}`
  const body = { Items: [{ ...RS, weight: 0, inhibited: true }] }
  for (const change of [
    () => it.call('PUT', `${VS}/rs`, { Items: [{ ...OTHER, weight: 51 }] }),
    () => it.call('DELETE', `${VS}/rs`, { Items: [OTHER] }),
  ]) {
    await change()
    const [status, vs] = await it.call('PUT', path, body)
    assert.equal(status, 270)
    assert.deepEqual(vs, await vsOf(it, '?healthcheck=true'))
    assert.notEqual((vs as Vs).Version, Version)
    assert.equal(specs(vs as Vs)[0]?.weight, 100)
  }
  assert.equal((await it.call('PUT', `${VS}/rs/health`, body))[0], 460)
})

test('an operator who changes the weight of one that is down takes it in again', async t => {
  const it = await withService(t)
  const { Version } = await vsOf(it)
  const body = { Items: [{ ...RS, weight: 0, inhibited: true }] }
  await it.call('PUT', `${VS}/rs/health?version=${Version}`, body)
  await it.call('PUT', `${VS}/rs`, { Items: [{ ...RS, weight: 30 }] })
  const vs = await vsOf(it)
  assert.deepEqual(weights(vs)[0], [30, false])
  assert.notEqual(vs.Version, Version)
})

test('devices are the arms', async t => {
  const { call } = await agent(t)
  const [, list] = await call('GET', '/device')
  const { Items } = list as { Items: { detail: { name: string; status: string } }[] }
  assert.deepEqual(
    Items.map(({ detail: { name, status } }) => [name, status]),
    [
      ['ext0', 'UP'],
      ['int0', 'DOWN'],
    ],
  )
  const lip = { addr: '192.168.168.8' }
  assert.equal((await call('PUT', '/device/int0/addr?sapool=true', lip))[0], 201)
  assert.equal((await call('PUT', '/device/int0/addr?sapool=true', lip))[0], 200)
  assert.equal((await call('PUT', '/device/int0/addr', lip))[0], 500)
  assert.equal((await call('DELETE', '/device/int0/addr?sapool=true', lip))[0], 200)
  assert.equal((await call('DELETE', '/device/int0/addr', lip))[0], 500)
  const route = { dst: '0.0.0.0/0', gateway: '202.108.10.9' }
  assert.equal((await call('PUT', '/device/ext0/route', route))[0], 201)
  assert.equal((await call('PUT', '/device/ext0/route', route))[0], 200)
  assert.equal(
    (await call('PUT', '/device/ext0/route', { ...route, gateway: '202.108.10.8' }))[0],
    200,
  )
  const [, routes] = await call('GET', '/device/ext0/route')
  assert.deepEqual((routes as { Items: object[] }).Items.at(-1), {
    dst: '0.0.0.0/0',
    gateway: '202.108.10.8',
    device: 'ext0',
    scope: 'global',
    mtu: 1500,
    metric: 0,
  })
  assert.equal((await call('DELETE', '/device/ext0/route', { dst: 'default' }))[0], 200)
})

test('what is wrong has the status that controllers know, and a text that says what to do', async t => {
  const { call } = await withService(t)
  const cases: [
    method: string,
    path: string,
    body: object | string | undefined,
    status: number,
    text: RegExp,
  ][] = [
    ['GET', '/vs/202.108.10.1-1-tcp', undefined, 404, /^no service TCP 202\.108\.10\.1:1$/],
    ['GET', '/vs/nonsense', undefined, 404, /expected VIP-port-tcp/],
    ['PUT', '/vs/202.108.10.1-80-sctp', {}, 460, /no protocol but tcp, udp and icmp/],
    ['PUT', '/vs/202.108.10.999-80-tcp', {}, 460, /expected VIP-port-tcp/],
    ['PUT', '/vs/202.108.10.1-70000-tcp', {}, 460, /expected VIP-port-tcp/],
    ['PUT', VS, { SchedName: 'lblc' }, 460, /expected rr, wrr, .* or fo, found "lblc"/],
    ['PUT', VS, { Timeout: -1 }, 460, /body\.Timeout: expected a whole number/],
    ['PUT', VS, { SynProxy: 'yes' }, 460, /body\.SynProxy: expected true or false/],
    ['PUT', VS, { ProxyProtocol: 'v3' }, 460, /body\.ProxyProtocol: expected disable, v1, v2/],
    ['PUT', VS, { LimitProportion: 50 }, 460, /no limit by proportion/],
    ['PUT', VS, '{', 460, /^the body is no JSON$/],
    ['DELETE', VS, '{', 400, /^the body is no JSON$/],
    ['PUT', '/vs/202.108.10.1-1-tcp/rs', { Items: [RS] }, 460, /^no service/],
    [
      'PUT',
      `${VS}/rs`,
      { Items: [{ ip: 'x' }] },
      461,
      /body\.Items\[0\]\.ip: expected an IPv4 or IPv6 address/,
    ],
    ['PUT', `${VS}/rs`, { Items: [{ ...RS, mode: 'SNAT' }] }, 461, /snat is for match services/],
    ['PUT', `${VS}/rs`, { Items: [{ ip: '8.8.8.8', port: 1 }] }, 461, /8\.8\.8\.8/],
    ['PUT', `${VS}/laddr`, { addr: '192.168.168.9', device: 'dpdk1' }, 461, /^no arm dpdk1; /],
    ['PUT', '/device/dpdk0/addr', { addr: '10.0.0.1' }, 500, /^no arm dpdk0; /],
    ['GET', '/device/dpdk0/route', undefined, 404, /^no arm dpdk0$/],
    [
      'PUT',
      `${VS}/deny`,
      { Items: [{ addr: '1.2.3' }] },
      461,
      /^addr: expected an address or network/,
    ],
    ['PUT', `${VS}/deny`, { Items: [{ addr: '', ipset: 'bad' }] }, 461, /expected one of ipsets/],
    ['GET', '/vs/202.108.10.1-1-tcp/allow', undefined, 404, /^no service TCP 202\.108\.10\.1:1$/],
    ['DELETE', `${VS}/allow`, { Items: [{ addr: '10.0.0.0/8' }] }, 461, /^no allow 10\.0\.0\.0\/8/],
    ['PUT', '/device/ext0/vlan', {}, 501, /^VLANs are in the config/],
    ['GET', '/device/ext0/netlink/addr', undefined, 501, /^devices of the kernel are its own/],
  ]
  for (const [method, path, body, status, text] of cases) {
    const [got, answer] = await call(method, path, body)
    assert.equal(got, status, `${method} ${path}: ${answer}`)
    assert.match(answer as string, text)
  }
})

test('deny and allow lists: added to once, replaced, taken from', async t => {
  const { call } = await withService(t)
  for (const list of ['deny', 'allow']) {
    const at = `${VS}/${list}`
    const items = (...all: string[]) => ({ Items: all.map(addr => ({ addr })) })
    const listed = async () => (await call('GET', at))[1]
    assert.deepEqual(await listed(), { Items: [] })
    assert.equal((await call('PUT', at, items('10.0.0.1', '10.1.0.0/16')))[0], 201)
    assert.equal((await call('PUT', at, items('10.0.0.1/32')))[0], 200)
    const of = (...all: string[]) => ({ Items: all.map(addr => ({ addr, ipset: '' })) })
    assert.deepEqual(await listed(), of('10.0.0.1', '10.1.0.0/16'))
    assert.equal((await call('POST', at, items('10.2.0.0/16', '10.0.0.1')))[0], 200)
    assert.deepEqual(await listed(), of('10.0.0.1', '10.2.0.0/16'))
    assert.equal((await call('DELETE', at, items('10.0.0.1')))[0], 200)
    assert.deepEqual(await listed(), of('10.2.0.0/16'))
    assert.equal((await call('POST', at, { Items: null }))[0], 200)
    assert.deepEqual(await listed(), { Items: [] })
  }
})

test('Go clients send what they do not set, and curl names no type', async t => {
  const it = await agent(t)
  const body = {
    SchedName: '',
    ConnTimeout: 0,
    Timeout: 0,
    SynProxy: false,
    ExpireQuiescent: false,
    Quic: false,
    ProxyProtocol: 'disable',
    Bps: 0,
    LimitProportion: 0,
    Fwmark: 0,
    Match: null,
  }
  assert.equal((await it.call('PUT', VS, body))[0], 201)
  const quic = '/vs/202.108.10.9-443-udp'
  assert.equal((await it.call('PUT', quic, { ...body, Quic: true }))[0], 201)
  const { Items } = (await it.call('GET', quic))[1] as { Items: { Quic: string }[] }
  assert.equal(Items[0]?.Quic, 'true')
  assert.match(`${(await it.call('PUT', VS, { Quic: true }))[1]}`, /quic: expected protocol udp/)
  const { path } = await serve(t, it.respond)
  const reply = await exchange(
    { socket: path },
    {
      method: 'PUT',
      path: `/v2${VS}/rs?snapshot=true`,
      body: JSON.stringify({ Items: [RS] }),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
    5000,
  )
  assert.equal(reply.status, 201)
})

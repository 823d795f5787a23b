/**
 * ICMP errors end to end, between kernels: a link of 1400 bytes behind either arm, in the arm itself or behind a router, is found
 * and kept to in both directions, with TOA; an RS that is not there ends a connect(); a TTL that is used up is told.
 * TAPVS_LONG: 100 MiB each way instead of 4.
 */
// paired: it judges how soon connect fails

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { BULK_SERVICES, randomFile, transfer } from '../kit/bulk.ts'
import { FAR_NET, Far } from '../kit/far.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

const MIB = isLong ? 100 : 4
const folder = scratchFolder()
const file = join(folder, 'bulk')
const NOBODY = 9010
/** Of UDP: the RS has nobody there, and there is no RS. */
const CLOSED = 9053
const EMPTY = 9054
/** The first port of UDP that tracepath may ask, each probe another one, and how many it needs. */
const ASKED = 9060
const PROBES = 16

/** With the arm of a side 1400 bytes wide. */
const narrow = (arm: 0 | 1) =>
  labConfig(folder, `narrow-${arm}`, config => {
    config.set('services', BULK_SERVICES)
    config.setIn(['arms', arm, 'mtu'], 1400)
  })
const routed = labConfig(folder, 'routed', config => {
  const far = { real_servers: [{ address: `${FAR_NET.rs}.2` }] }
  const nobody = {
    ...BULK_SERVICES[0],
    port: NOBODY,
    real_servers: [{ address: '192.168.168.99' }],
  }
  const redis = { ...BULK_SERVICES[0], port: 6379 }
  config.set('services', [...BULK_SERVICES.map(service => ({ ...service, ...far })), nobody, redis])
  const udp = { ...redis, protocol: 'udp' }
  const closed = { ...udp, port: CLOSED }
  const empty = { ...udp, port: EMPTY, when_down: 'reject', real_servers: [] }
  const asked = Array.from({ length: PROBES }, (_, i) => ({ ...udp, ...far, port: ASKED + i }))
  const { services } = config.toJS() as { services: object[] }
  config.set('services', [...services, closed, empty, ...asked])
  config.addIn(['arms', 1, 'routes'], { to: `${FAR_NET.rs}.0/24`, via: RIP })
  config.setIn(['tcp', 'xmit_ttl'], true)
})
const lab = labForTests('icmp', { config: narrow(1) })
const far = { client: new Far(lab, 'client'), rs: new Far(lab, 'rs') }
const ends = {
  client: far.client.run.bind(far.client),
  rs: far.rs.run.bind(far.rs),
}

/** A neighbour's segments have room for 1500 bytes, whatever its device takes. */
async function wideSegments(side: 'client' | 'rs', net: string): Promise<void> {
  const { device } = lab.arm(side)
  const { code, stderr } = await lab[side]([
    'ip',
    'route',
    'change',
    `${net}.0/24`,
    'dev',
    device,
    'advmss',
    '1460',
  ])
  assert.equal(code, 0, stderr)
}

/** What the kernel there knows of the way to an address. */
async function pathMtu(run: typeof lab.client, address: string): Promise<number> {
  const { stdout } = await run(['ip', 'route', 'get', address])
  return Number(/ mtu (\d+)/.exec(stdout)?.[1] ?? 0)
}

async function counted(name: string): Promise<number> {
  const { drops, events } = await countersOf(lab)
  return ({ ...drops, ...events } as Record<string, number>)[name] ?? Number.NaN
}

test('a file of random bytes', () => randomFile(lab, file, MIB))

test("the RSs' arm is 1400 bytes wide: the client learns 1392, which leaves room for TOA", async () => {
  await wideSegments('rs', '192.168.168')
  await transfer(lab, file)
  assert.equal(await pathMtu(lab.client.bind(lab), VIP), 1392)
  assert.ok((await counted('icmp_frag_needed')) > 0)
  assert.equal(await counted('toa_mtu'), 0)
  assert.equal(await counted('ip_too_big'), 0)
})

test("the clients' arm is 1400 bytes wide: the RS learns that", async () => {
  await lab.up({ config: narrow(0) })
  await wideSegments('client', '202.108.10')
  await transfer(lab, file)
  assert.equal(await pathMtu(lab.rs.bind(lab), '192.168.168.7'), 1400)
  assert.ok((await counted('icmp_frag_needed')) > 0)
})

test('a link of 1400 bytes behind a router: on the way to the RS, and to the client', async () => {
  await lab.up({ config: routed })
  await far.rs.up(1400)
  await far.client.up(1500)
  await transfer(lab, file, ends)
  assert.equal(await pathMtu(ends.client, VIP), 1392)
  assert.ok((await counted('icmp_mtu_lowered')) > 0)
  await far.rs.setMtu(1500)
  await far.client.setMtu(1400)
  await transfer(lab, file, ends)
  assert.equal(await pathMtu(ends.rs, '192.168.168.7'), 1400)
  assert.ok((await counted('icmp_translated')) > (await counted('icmp_mtu_lowered')))
  for (const drop of ['icmp_sequence', 'icmp_no_conn', 'icmp_quote'])
    assert.equal(await counted(drop), 0, drop)
})

test('connect() to an RS that is not there ends with EHOSTUNREACH', async () => {
  const began = performance.now()
  const { code, stderr } = await lab.client(['socat', '-u', `TCP:${VIP}:${NOBODY}`, '-'])
  assert.notEqual(code, 0)
  assert.match(stderr, /No route to host/)
  assert.ok(performance.now() - began < 5000)
  assert.ok((await counted('icmp_host_unreachable')) > 0)
})

test('a TTL that is used up is told, and one that is not reaches the RS', async () => {
  const connect = (ttl: number) =>
    lab.client(['socat', '-', `TCP:${VIP}:6379,ttl=${ttl}`], { input: 'QUIT\r\n' })
  const first = await connect(1)
  assert.match(first.stderr, /No route to host/)
  const second = await connect(2)
  assert.equal(second.stdout, '+OK\r\n', second.stderr)
  assert.ok((await counted('icmp_time_exceeded')) > 0)
  await mustClient(lab, ['ping', '-q', '-c', '1', '-t', '1', VIP])
})

test('a refused port of UDP ends with ECONNREFUSED, and a TTL that is used up with EHOSTUNREACH', async () => {
  const ask = async (port: number, options: string) => {
    const socket = `UDP:${VIP}:${port}${options}`
    return (await lab.client(['socat', '-T', '3', '-', socket], { input: 'x' })).stderr
  }
  assert.match(await ask(CLOSED, ''), /Connection refused/)
  assert.match(await ask(EMPTY, ''), /Connection refused/)
  // As tracepath asks.
  assert.match(await ask(CLOSED, ',ttl=1,ip-recverr'), /No route to host/)
  assert.match(await ask(CLOSED, ',ttl=2,ip-recverr'), /Connection refused/)
  assert.equal(await counted('icmp_port_unreachable'), 1)
})

test('traceroute and tracepath show the appliance, the router behind it, the RS, and the path MTU', async () => {
  await far.rs.setMtu(1400)
  const hops = (text: string) =>
    [...text.matchAll(/^ *(\d+): ? *(\S+)/gm)].map(([, n, who]) => `${n} ${who}`)
  const path = await mustClient(lab, ['tracepath', '-n', '-m', '8', '-p', String(ASKED), VIP])
  assert.match(path, /pmtu 1400/, path)
  assert.match(path, /Resume: pmtu 1400 hops 3/, path)
  assert.ok(hops(path).includes(`3 ${VIP}`), path)
  const trace = async (...how: string[]) => {
    const asked = ['traceroute', '-n', '-q', '1', '-N', '1', '-m', '8', ...how, VIP]
    const lines = (await mustClient(lab, asked)).trim().split('\n').slice(1)
    return lines.map(line => line.trim().split(/\s+/).slice(0, 2).join(' '))
  }
  const three = [`1 ${VIP}`, `2 ${VIP}`, `3 ${VIP}`]
  assert.deepEqual(await trace('-U', '-p', String(ASKED)), three)
  assert.deepEqual(await trace('-T', '-p', '9001'), three)
})

/**
 * Arbitrary lives of an appliance: segments of clients and RSs, ARP, time that passes, changes of what is set up, what other
 * workers tell, the end of accepting. Each step is made concrete (`inputOf`) by looking at one stand, and can then be
 * given to others that must do the same.
 */

import fc from 'fast-check'
import type { Change } from '../../src/config/changes.ts'
import { KEY, RECORD, TUPLE } from '../../src/engine/conn-layout.ts'
import type { Hear } from '../../src/io/exchange.ts'
import { ipv4Int, ipv4Text } from '../../src/wire/address.ts'
import { datagram } from './datagram.ts'
import { piece } from './fragments.ts'
import { arpFrame, concat, ethernet, ipv4, tcpFrame, vnetHeader } from './frame.ts'
import { hear, stopOpening } from './journaled.ts'
import { CLIENT_MAC, SEED_CONFIG, type Stand } from './stand.ts'
import {
  MACS,
  notice,
  numbersOf,
  RSS,
  type ValueOf,
  WAYS_CONFIG,
  type WayStep,
  wayInput,
  wayStep,
} from './traffic-ways.ts'

const VIP = '202.108.10.1'
const CLIENTS = ['202.108.10.2', '202.108.10.3', '202.108.10.77']
const LIPS = ['192.168.168.7', '192.168.168.8']
/** An echo request, whose payload is zeros as an image and a journal would have them. */
const PING = Uint8Array.from({ length: 700 }, (_, i) => [8, 0, 0xf7, 0xff][i] ?? 0)

/** Two services, one of them persistent, three RSs, few neighbours' frames and connections. */
export const TRAFFIC_CONFIG = `${SEED_CONFIG.replace(
  /services:[\s\S]*/,
  `services:
  - address: ${VIP}
    port: 6379
    scheduler: wrr
    real_servers: [{ address: ${RSS[0]}, weight: 3 }, { address: ${RSS[1]}, weight: 1 }]
  - address: ${VIP}
    port: 6380
    scheduler: rr
    persistence: 20
    when_down: reject
    real_servers: [{ address: ${RSS[0]}, port: 6379, upper_threshold: 2 }, { address: ${RSS[2]}, port: 6379 }]
  - address: ${VIP}
    port: 6379
    protocol: udp
    scheduler: rr
    real_servers: [{ address: ${RSS[0]} }, { address: ${RSS[1]}, port: 53 }]
  - address: ${VIP}
    port: 6380
    protocol: udp
    one_packet: true
    real_servers: [{ address: ${RSS[0]} }]
`,
).replace('[192.168.168.7]', `[${LIPS.join(', ')}]`)}
connections: { table_size: 16 }
neighbours: { timeout: 10, unres_queue_length: 16 }
udp: { uoa: ipo, timeouts: { oneway: 8, normal: 5 } }
`

const u32 = fc.oneof(
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0, 9000, 0xffff_ffff),
)
const segment = {
  flags: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('S', 'S.', '.') },
    fc.constantFrom('P.', 'F.', 'R', 'R.', ''),
  ),
  seq: u32,
  ack: u32,
  payload: fc.constantFrom(0, 0, 5, 700),
  /** The numbers are those that the other end awaits, so that it is believed; a SYN of a client may have any. */
  fits: fc.constantFrom(true, true, true, false),
}

const rsOf = (vport: number, at: number, weight: number, backup = false): Change => ({
  put: 'rs',
  rs: {
    protocol: 'tcp',
    vip: VIP,
    vport,
    place: (vport - 6379) * 2 + at,
    address: RSS[vport === 6379 ? at : at * 2] as string,
    port: 6379,
    weight,
    upperThreshold: 0,
    lowerThreshold: 0,
    backup,
    forwarding: 'fullnat',
  },
})
const gone = (vport: number, address: string) =>
  ({ put: 'no-rs', protocol: 'tcp', vip: VIP, vport, address, port: 6379 }) as const
const CHANGES: Change[] = [
  rsOf(6379, 0, 0),
  rsOf(6379, 0, 5),
  rsOf(6379, 1, 2),
  rsOf(6380, 1, 1),
  rsOf(6379, 1, 1, true),
  { put: 'cut', place: 0 },
  { put: 'cut', place: 3 },
  { put: 'no-cut', place: 0 },
  { ...gone(6379, RSS[0] as string), cut: true },
  gone(6379, RSS[1] as string),
  gone(6380, RSS[2] as string),
  { put: 'timeouts', timeouts: [2, 9, 3, 3, 7, 7, 3, 7, 7, 12, 3] },
  { put: 'no-lip', address: LIPS[1] as string, place: 1 },
  { put: 'lip', address: LIPS[1] as string, place: 1 },
  { put: 'neighbour', arm: 1, address: RSS[2] as string, mac: MACS[1] as string },
  { put: 'no-neighbour', arm: 1, address: RSS[2] as string, mac: MACS[1] as string },
  { put: 'address', arm: 0, address: '202.108.10.9', prefixLength: 32 },
  { put: 'no-address', arm: 0, address: '202.108.10.9', prefixLength: 32 },
  { put: 'route', arm: 1, route: { to: '192.168.168.12', prefixLength: 32, via: '192.168.168.1' } },
  { put: 'no-route', arm: 1, route: { to: '192.168.168.12', prefixLength: 32, via: null } },
]

/** Of a connection that is there, or of one that may be. */
const ends = {
  conn: fc.option(fc.nat(15)),
  client: fc.constantFrom(...CLIENTS),
  sport: fc.integer({ min: 40_000, max: 40_003 }),
  vport: fc.constantFrom(6379, 6379, 6380, 1),
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      step: fc.constant('client' as const),
      ...ends,
      ...segment,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ step: fc.constant('rs' as const), conn: fc.nat(15), ...segment }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      step: fc.constant('datagram' as const),
      ...ends,
      fromRs: fc.boolean(),
      checksum: fc.constantFrom('right', 'right', 'none', 'wrong'),
      payload: fc.constantFrom(0, 5, 700),
      mac: fc.constantFrom(...MACS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('arp' as const),
      op: fc.constantFrom(1, 2, 2),
      // And a stranger who claims what is ours.
      rs: fc.constantFrom(...RSS, VIP),
      mac: fc.constantFrom(...MACS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('fragment' as const),
      client: fc.constantFrom(...CLIENTS),
      id: fc.nat(2),
      /** Which of three, and one that overlaps. */
      piece: fc.nat(3),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      step: fc.constant('hear' as const),
      rs: fc.constantFrom(...RSS),
      solicited: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 1, 70, 70, 400, 400, 2500, 8000, 31_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      step: fc.constant('change' as const),
      change: fc.constantFrom(...CHANGES),
    }),
  },
)

export type Step = ValueOf<typeof step> | WayStep | { step: 'drain' }

export const steps = (maxLength: number): fc.Arbitrary<Step[]> => livesOf(step, maxLength)

/** What may live, with its part of a test's runs. */
export const LIVES = [
  { name: 'FullNAT', config: TRAFFIC_CONFIG, steps, part: 0.6 },
  {
    name: 'all ways',
    config: WAYS_CONFIG,
    steps: (most: number) => livesOf(wayStep, most),
    part: 0.4,
  },
] as const

export type Life = (typeof LIVES)[number]

const livesOf = (one: fc.Arbitrary<Step>, maxLength: number): fc.Arbitrary<Step[]> =>
  fc
    .tuple(fc.array(one, { minLength: 5, maxLength }), fc.boolean())
    .map(([list, stops]): Step[] => {
      if (stops) list.splice(Math.trunc(list.length * 0.9), 0, { step: 'drain' } as never)
      return list
    })

/** What a step comes to, the same for every stand. */
export type Input =
  | { arm: string; bytes: Uint8Array }
  | { hear: Parameters<Hear> }
  | { ms: number }
  | { changes: Change[] }
  | { drain: true }

export function inputOf(step: Step, stand: Stand): Input | undefined {
  if (step.step === 'wait') return { ms: step.ms }
  if (step.step === 'change') return { changes: [step.change] }
  if (step.step === 'drain') return { drain: true }
  if (step.step === 'way') return wayInput(step, stand)
  if (step.step === 'hear')
    return {
      hear: [1, Int32Array.of(ipv4Int(step.rs), 0, 0, 0), 0x5254, 0x103, step.solicited],
    }
  if (step.step === 'arp') {
    const our = { mac: stand.macOf('dpdk1'), ip: '192.168.168.3' }
    const frame = arpFrame(step.op, { mac: step.mac, ip: step.rs }, our, our.mac)
    return { arm: 'dpdk1', bytes: concat(vnetHeader(), frame) }
  }
  if (step.step === 'fragment') {
    const ping = ipv4({ src: step.client, dst: VIP, protocol: 1, id: step.id, fragment: 0 }, PING)
    const fragment = step.piece === 3 ? piece(ping, 8, 256) : piece(ping, step.piece * 256, 256)
    const frame = ethernet(stand.macOf('dpdk0'), CLIENT_MAC, 0x0800, fragment)
    return { arm: 'dpdk0', bytes: concat(vnetHeader(), frame) }
  }
  const { table } = stand.engine.conns
  if (step.step === 'datagram') return datagramOf(step, stand)
  const { flags, payload } = step
  const segment = { flags, payload: new Uint8Array(payload).fill(120) }
  const there = table.nextUsed((step.conn ?? 0) % table.capacity, table.capacity)
  const from = step.step === 'client' ? 0 : 1
  const cell = (at: number) => table.cells[RECORD.tuple((there << 1) | from) | at] as number
  if (step.step === 'rs' && there < 0) return undefined
  const [src, dst, ports] =
    step.step === 'client' && (step.conn === null || there < 0)
      ? [ipv4Int(step.client), ipv4Int(VIP), (step.sport << 16) | step.vport]
      : [cell(TUPLE.SADDR), cell(TUPLE.DADDR), cell(TUPLE.PORTS)]
  const arm = from === 0 ? 'dpdk0' : 'dpdk1'
  const frame = tcpFrame({
    ...segment,
    ...numbersOf(step, stand, table.find(KEY.TCP, src, dst, ports)),
    src: ipv4Text(src),
    sport: ports >>> 16,
    dst: ipv4Text(dst),
    dport: ports & 0xffff,
    srcMac: from === 0 ? CLIENT_MAC : (MACS[step.seq & 1] as string),
    dstMac: stand.macOf(arm),
  })
  return { arm, bytes: concat(vnetHeader(), frame) }
}

function datagramOf(step: Extract<Step, { step: 'datagram' }>, stand: Stand): Input {
  const { table } = stand.engine.conns
  const there = table.nextUsed((step.conn ?? 0) % table.capacity, table.capacity)
  const isNew = step.conn === null || there < 0
  const from = isNew || !step.fromRs ? 0 : 1
  const cell = (at: number) => table.cells[RECORD.tuple((there << 1) | from) | at] as number
  const [src, dst, ports] = isNew
    ? [ipv4Int(step.client), ipv4Int(VIP), (step.sport << 16) | step.vport]
    : [cell(TUPLE.SADDR), cell(TUPLE.DADDR), cell(TUPLE.PORTS)]
  const arm = from === 0 ? 'dpdk0' : 'dpdk1'
  const packet = datagram({
    src: ipv4Text(src),
    sport: ports >>> 16,
    dst: ipv4Text(dst),
    dport: ports & 0xffff,
    payload: new Uint8Array(step.payload).fill(120),
    ...(step.checksum !== 'right' && { checksum: step.checksum === 'none' ? 0 : 0xbad }),
  })
  const srcMac = from === 0 ? CLIENT_MAC : step.mac
  return { arm, bytes: concat(vnetHeader(), ethernet(stand.macOf(arm), srcMac, 0x0800, packet)) }
}

/** Gives the input to a stand. => Everything that can be seen of what it did: verdict, headers in hexadecimal, log lines */
export function give(input: Input, stand: Stand): string[] {
  const seen = (out: { arm: string; bytes: Uint8Array }[]) => {
    notice(stand, out)
    return out.map(({ arm, bytes }) => {
      // A frame that was parked when an image was taken comes back with its headers only.
      const headers = Buffer.from(bytes.subarray(0, 80)).toString('hex')
      return `${arm} ${bytes.length} ${headers}`
    })
  }
  const out: string[] = []
  if ('arm' in input) {
    stand.judge(input.arm, input.bytes)
    out.push(stand.verdictName())
  } else if ('ms' in input) {
    out.push(...seen(stand.pass(input.ms, input.ms > 1000 ? 100 : 10)))
  } else if ('hear' in input) hear(stand, ...input.hear)
  else if ('changes' in input) stand.carryOut(input.changes)
  else stopOpening(stand)
  out.push(...seen(stand.collect()))
  return [...out, ...stand.log()]
}

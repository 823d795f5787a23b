/**
 * Arbitrary lives of an appliance that does all but FullNAT over IPv4 (traffic.ts): NAT, DR, tunnels, SNAT, TCP and UDP over IPv6, NAT64,
 * SYNs that are answered by cookies, some of which come back.
 */

import fc from 'fast-check'
import type { Change } from '../../src/config/changes.ts'
import { CELL, KEY, METHOD, ONE_WAY, RECORD, RS_SEEN, TUPLE } from '../../src/engine/conn-layout.ts'
import { armOf } from '../../src/engine/family.ts'
import { DestCell } from '../../src/engine/service.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { ipv4Text } from '../../src/wire/address.ts'
import { ipText } from '../../src/wire/ip-address.ts'
import type { Ipv6 } from '../../src/wire/ipv6-address.ts'
import { datagram, type Ends } from './datagram.ts'
import { decode } from './decode.ts'
import { arpFrame, concat, ethernet, tcpPacket, vnetHeader } from './frame.ts'
import { answer } from './nd.ts'
import { CLIENT_MAC, RS_MAC, type Stand } from './stand.ts'

const [VIP, VIP6] = ['202.108.10.1', '2001:db8:10::1']
const [OUTSIDE, OUTSIDE6] = ['202.108.10', '2001:db8:10:']
export const RSS = ['192.168.168.2', '192.168.168.12', '192.168.168.13']
export const RSS6 = ['2001:db8:168::2', '2001:db8:168::12', '2001:db8:168::13']
export const MACS = [RS_MAC, '52:54:00:00:01:99']
const ARMS = ['dpdk0', 'dpdk1'] as const
/** What hosts inside open leaves by SNAT. */
const [INSIDE, INSIDE6] = ['192.168.168.70', '2001:db8:168::70']

const rs = (address: string, more = '') => `{ address: '${address}'${more} }`
const service = (vip: string, port: number, rss: readonly string[], more = '') =>
  `  - { address: '${vip}', port: ${port}, scheduler: rr, real_servers: [${rss.join(', ')}]${more} }\n`

const ways = (rss: readonly string[], ...all: string[]) =>
  all.map((way, i) => rs(rss[i] as string, `, forwarding: ${way}`))
const SERVICES = [
  service(VIP, 6379, ways(RSS, 'nat', 'dr', 'tunnel')),
  service(VIP, 6380, [rs(RSS[0], ', upper_threshold: 3'), rs(RSS[1])], ', syn_proxy: on'),
  service(VIP, 6381, ways(RSS, 'nat', 'tunnel'), ', protocol: udp'),
  service(VIP6, 6379, [rs(RSS6[0]), rs(RSS6[1])], ', syn_proxy: on'),
  service(VIP6, 6380, [rs(RSS[0]), rs(RSS[2])], ', persistence: 20'),
  service(VIP6, 6381, [rs(RSS6[0]), rs(RSS6[1])], ', protocol: udp'),
  service(VIP6, 6382, [rs(RSS[0])], ', protocol: udp, one_packet: true'),
  service(VIP6, 6383, [rs(RSS[0])], ', protocol: udp'),
  service(VIP6, 6378, ways(RSS6, 'nat', 'dr', 'tunnel')),
  service(VIP6, 6385, ways(RSS6, 'nat', 'tunnel'), ', protocol: udp, quic: true'),
]

/** Few connections, lports and neighbours' frames. */
export const WAYS_CONFIG = `
arms:
  - name: dpdk0
    addresses: [${VIP}/32, '${VIP6}/128']
    local_addresses: [${OUTSIDE}.99, '${OUTSIDE6}:99']
    routes: [{ to: ${OUTSIDE}.0/24 }, { to: '${OUTSIDE6}:/64' }]
  - name: dpdk1
    addresses: [192.168.168.3/32, '2001:db8:168::3/128']
    local_addresses: [192.168.168.7, 192.168.168.8, '2001:db8:168::7']
    routes: [{ to: 192.168.168.0/24 }, { to: '2001:db8:168::/64' }]
services:
${SERVICES.join('')}snat:
  - { source: 192.168.168.64/26, addresses: [{ address: ${OUTSIDE}.99 }] }
  - { source: '2001:db8:168::40/122', addresses: [{ address: '${OUTSIDE6}:99' }] }
  - { source: '2001:db8:168::40/122', protocol: udp, addresses: [{ address: '${OUTSIDE6}:99' }] }
connections: { table_size: 16 }
neighbours: { timeout: 10, unres_queue_length: 16 }
udp: { uoa: opp, timeouts: { oneway: 8, normal: 5 } }
`

/** Whom hosts inside speak to. */
export const OUTSIDERS = [`${OUTSIDE}.50`, `${OUTSIDE6}:50`]

/** Where something is opened, and by whom; the port says whether by UDP. */
const TARGETS = [
  ...[6379, 6380, 6380, 6381].map(port => ({ vip: VIP, port, client: `${OUTSIDE}.2` })),
  ...[6378, 6378, 6379, 6379, 6380, 6381, 6382, 6383, 6385].map(port => ({
    vip: VIP6,
    port,
    client: `${OUTSIDE6}:2`,
  })),
  { vip: `${OUTSIDE}.50`, port: 80, client: INSIDE },
  { vip: `${OUTSIDE}.50`, port: 6381, client: INSIDE },
  ...[80, 6381].map(port => ({ vip: `${OUTSIDE6}:50`, port, client: INSIDE6 })),
]
const isUdp = (port: number) => port >= 6381

const ofTcp = (vip: string, vport: number, at: number, more: object): Change => {
  const address = (vip === VIP6 && vport < 6380 ? RSS6 : RSS)[at] as string
  const limits = { upperThreshold: 0, lowerThreshold: 0, backup: false, weight: 1 }
  const place = PLACES.findIndex(([v, p, a]) => v === vip && p === vport && a === address)
  const fixed = { protocol: 'tcp' as const, vip, vport, place, address, port: vport }
  return { put: 'rs', rs: { ...fixed, ...limits, forwarding: 'fullnat', ...more } }
}
/** VIP, port and address of the RS at each place, in the order of the config. */
const PLACES: readonly (readonly [string, number, string])[] = [
  ...RSS.map(address => [VIP, 6379, address] as const),
  ...[0, 1].map(at => [VIP, 6380, RSS[at] as string] as const),
  ...[0, 1].map(at => [VIP, 6381, RSS[at] as string] as const),
  ...RSS6.slice(0, 2).map(address => [VIP6, 6379, address] as const),
  ...[0, 2].map(at => [VIP6, 6380, RSS[at] as string] as const),
  ...[6381, 6381, 6382, 6383].map(port => [VIP6, port, ''] as const),
  ...RSS6.map(address => [VIP6, 6378, address] as const),
]
const gone = (vip: string, vport: number, address: string): Change => {
  return { put: 'no-rs', protocol: 'tcp', vip, vport, address, port: vport }
}
const CHANGES: Change[] = [
  ...(['nat', 'dr', 'tunnel', 'fullnat'] as const).map(forwarding =>
    ofTcp(VIP, 6379, 0, { forwarding }),
  ),
  ...(['nat', 'dr', 'tunnel', 'fullnat'] as const).map(forwarding =>
    ofTcp(VIP6, 6378, 0, { forwarding }),
  ),
  gone(VIP6, 6378, RSS6[0] as string),
  ofTcp(VIP, 6379, 1, { forwarding: 'nat' }),
  ofTcp(VIP, 6379, 2, { forwarding: 'tunnel', weight: 0 }),
  ofTcp(VIP, 6380, 0, { weight: 3 }),
  ofTcp(VIP6, 6379, 0, { weight: 0 }),
  ofTcp(VIP6, 6379, 0, {}),
  ofTcp(VIP6, 6380, 2, { weight: 2 }),
  gone(VIP, 6379, RSS[0] as string),
  gone(VIP, 6380, RSS[1] as string),
  { ...gone(VIP6, 6379, RSS6[1] as string), cut: true } as Change,
  ...[0, 3, 7, 9].map((place): Change => ({ put: 'cut', place })),
  ...[0, 7].map((place): Change => ({ put: 'no-cut', place })),
  { put: 'neighbour', arm: 1, address: RSS6[1] as string, mac: MACS[1] as string },
  { put: 'no-neighbour', arm: 1, address: RSS6[1] as string, mac: MACS[1] as string },
  { put: 'address', arm: 0, address: `${OUTSIDE6}:9`, prefixLength: 128 },
  { put: 'no-address', arm: 0, address: `${OUTSIDE6}:9`, prefixLength: 128 },
]

const number = fc.oneof(fc.integer({ min: 0, max: 0xffff_ffff }), fc.constantFrom(0, 9000))
const payload = fc.constantFrom(0, 0, 5, 700)
const sport = fc.integer({ min: 40_000, max: 40_002 })

const opening = fc.record({
  step: fc.constant('open' as const),
  target: fc.constantFrom(...TARGETS),
  sport,
  seq: number,
  payload,
})
/** A segment or datagram of a connection that is there, of either end. */
const further = fc.record({
  step: fc.constant('of' as const),
  conn: fc.nat(15),
  from: fc.constantFrom(0, 1),
  flags: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('S.', '.', 'P.') },
    fc.constantFrom('S', 'F.', 'R', 'R.', ''),
  ),
  seq: number,
  ack: number,
  payload,
  fits: fc.constantFrom(true, true, true, false),
})
/** The cookie that was given last comes back, or another number. */
const bringing = fc.record({
  step: fc.constant('cookie' as const),
  flags: fc.constantFrom('.', '.', 'P.', 'F.', 'R'),
  payload,
  off: fc.constantFrom(0, 0, 0, 0, 1),
})
const neighbour = fc.record({
  step: fc.constant('neighbour' as const),
  address: fc.constantFrom(...RSS, ...RSS6, INSIDE, INSIDE6, VIP, VIP6),
  mac: fc.constantFrom(...MACS),
})

const way = fc
  .oneof(
    { weight: 8, arbitrary: opening },
    { weight: 14, arbitrary: further },
    { weight: 4, arbitrary: bringing },
    { weight: 2, arbitrary: neighbour },
  )
  .map(of => ({ step: 'way' as const, way: of }))
const wait = fc.record({
  step: fc.constant('wait' as const),
  ms: fc.constantFrom(1, 1, 70, 400, 2500, 8000, 31_000),
})
const change = fc.record({
  step: fc.constant('change' as const),
  change: fc.constantFrom(...CHANGES),
})
export const wayStep = fc.oneof(
  { weight: 28, arbitrary: way },
  { weight: 4, arbitrary: wait },
  { weight: 2, arbitrary: change },
)
export type ValueOf<T> = T extends fc.Arbitrary<infer V> ? V : never
export type WayStep = ValueOf<typeof way>

interface Frame {
  arm: string
  bytes: Uint8Array
}
/** The last SYN+ACK that each stand has sent to a client. */
const answers = new WeakMap<Stand, Ends & { seq: number; ack: number }>()

/** What a stand has sent. */
export function notice(stand: Stand, out: readonly Frame[]): void {
  for (const { arm, bytes } of out) {
    // Others may be spoilt, and are judged elsewhere: of IPv4 and IPv6 this byte is the protocol.
    if (arm !== 'dpdk0' || bytes[bytes[22] === 0x08 ? 33 : 30] !== 6) continue
    const packet = decode(bytes)
    if (packet.kind !== 'tcp' || packet.flags !== 'S.') continue
    const { src, dst, sport, dport, seq, ack } = packet
    answers.set(stand, { src, dst, sport, dport, seq, ack })
  }
}

export function wayInput({ way: step }: WayStep, stand: Stand): Frame | undefined {
  if (step.step === 'open') {
    const { target, sport, seq, payload } = step
    const ends = { src: target.client, dst: target.vip, sport, dport: target.port }
    const arm = [INSIDE, INSIDE6].includes(target.client) ? 'dpdk1' : 'dpdk0'
    if (isUdp(target.port)) return framed(stand, arm, ends, undefined, payload)
    return framed(stand, arm, ends, { flags: 'S', seq, ack: 0 }, 0)
  }
  if (step.step === 'cookie') {
    const given = answers.get(stand)
    if (given === undefined) return undefined
    const ends = { src: given.dst, dst: given.src, sport: given.dport, dport: given.sport }
    const numbers = { seq: given.ack, ack: (given.seq + 1 + step.off) >>> 0 }
    return framed(stand, 'dpdk0', ends, { flags: step.flags, ...numbers }, step.payload)
  }
  if (step.step === 'neighbour') {
    const { address, mac } = step
    const own = stand.macOf('dpdk1')
    const arm = stand.config.arms[1]
    if (arm === undefined) return undefined
    const frame = address.includes(':')
      ? answer({ mac: own, addresses: arm.addresses }, address, mac)
      : arpFrame(2, { mac, ip: address }, { mac: own, ip: '192.168.168.3' }, own)
    return { arm: 'dpdk1', bytes: concat(vnetHeader(), frame) }
  }
  return furtherOf(step, stand)
}

function furtherOf(step: ValueOf<typeof further>, stand: Stand): Frame | undefined {
  const { table } = stand.engine.conns
  const conn = table.nextUsed(step.conn % table.capacity, table.capacity)
  if (conn < 0) return undefined
  const binding = table.cells[RECORD.at(conn) | CELL.BINDING] as number
  // What answers past us does not come here.
  const from = (binding & ONE_WAY) === 0 ? step.from : 0
  const t = (conn << 1) | from
  const link = stand.engine.dests.cells[(table.dest(conn) << 4) | DestCell.LINK] as number
  const arm = ARMS[from === 0 ? table.clientArm(conn) : armOf(link)] as string
  const isTcp = table.protocol(conn) === KEY.TCP
  const segment = isTcp ? { flags: step.flags, ...numbersOf(step, stand, t) } : undefined
  return framed(stand, arm, endsOf(stand, t), segment, step.payload)
}

/** As packets of the tuple carry them. */
function endsOf({ engine }: Stand, t: number): Ends {
  const { table } = engine.conns
  const cell = (at: number) => table.cells[RECORD.tuple(t) | at] as number
  const binding = table.cells[RECORD.of(t) | CELL.BINDING] as number
  const isSix = RECORD.key(binding, t & 1) >= KEY.IPV6
  const text = (word: number) => (isSix ? ipText(engine.addressBook.cells(word)) : ipv4Text(word))
  const column = RECORD.column(t >> 1)
  const of = (all: Int32Array) => ipText([...all.subarray(column, column + 4)] as unknown as Ipv6)
  const ports = cell(TUPLE.PORTS)
  const method = RECORD.method(binding)
  // The addresses that a word is not enough for: of clients, and of whom hosts inside speak to.
  const isFar = isSix && method === METHOD.SNAT
  const source = (t & 1) === 0 ? table.wide : isFar ? table.syn : undefined
  const goes = (t & 1) === 1 ? method === METHOD.NAT && table.wide : isFar && table.syn
  return {
    src: isSix && source ? of(source) : text(cell(TUPLE.SADDR)),
    dst: isSix && goes ? of(goes) : text(cell(TUPLE.DADDR)),
    sport: ports >>> 16,
    dport: ports & 0xffff,
  }
}

/** Sequence numbers of a segment of tuple t, or -1: those that the other end awaits, or any. */
export function numbersOf(
  { fits, flags, seq, ack }: { fits: boolean; flags: string; seq: number; ack: number },
  { engine }: Stand,
  t: number,
): { seq: number; ack: number } {
  if (!fits || t < 0 || ((t & 1) === 0 && flags === 'S')) return { seq, ack }
  const { table } = engine.conns
  const cell = (at: number) => table.cells[RECORD.of(t) | at] as number
  const isOpening = table.state(t >> 1) === State.SYN_RECV
  const hasAnswered = (cell(CELL.WORD) & RS_SEEN) !== 0
  const ofRs = hasAnswered ? cell(isOpening ? CELL.RS_ISN1 : CELL.RST_SEQ) : seq
  const ofClient = cell(CELL.RST_ACK)
  if ((t & 1) === 1) return { seq: ofRs >>> 0, ack: ofClient >>> 0 }
  const seen = engine.syn.space.clientSees(t >> 1, ofRs)
  return { seq: (ofClient - cell(CELL.DELTA)) >>> 0, ack: seen >>> 0 }
}

/** A segment, or without one a datagram. */
function framed(
  stand: Stand,
  arm: string,
  ends: Ends,
  segment: { flags: string; seq: number; ack: number } | undefined,
  bytes: number,
): Frame {
  const payload = new Uint8Array(bytes).fill(120)
  const packet = segment
    ? tcpPacket({ ...ends, ...segment, payload })
    : datagram({ ...ends, payload })
  const srcMac = arm === 'dpdk0' ? CLIENT_MAC : (MACS[(segment?.seq ?? 0) & 1] as string)
  const type = ends.src.includes(':') ? 0x86dd : 0x0800
  const frame = ethernet(stand.macOf(arm), srcMac, type, packet)
  return { arm, bytes: concat(vnetHeader(), frame) }
}

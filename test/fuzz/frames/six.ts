/** IPv6 in the fuzzer: frames to begin with, segments of connections that live, checksums. Addresses are those of SEED6_CONFIG. */

import { CELL, KEY, RECORD } from '../../../src/engine/conn-layout.ts'
import { datagram, offloadUdp } from '../../kit/datagram.ts'
import { IPV6_DROPS } from '../../kit/drops-ipv6.ts'
import { echo6, pieces6 } from '../../kit/fragments6.ts'
import {
  concat,
  ethernet,
  icmpv6,
  ip,
  ipv6,
  offload,
  tcpFrame,
  vnetHeader,
} from '../../kit/frame.ts'
import { advertisement } from '../../kit/nd.ts'
import { CLIENT_MAC, RS_MAC, type Stand } from '../../kit/stand.ts'
import type { Chance } from '../chance.ts'
import type { Making } from './others.ts'
import { type Given, OPTIONS } from './seeds.ts'
import { CLIENTS, SERVERS } from './world.ts'

const HEAD = 24
const IP_HEADER = 40
const CLIENT = '2001:db8:10::2'
const VIP = '2001:db8:10::1'
const LIP = '2001:db8:168::7'
const OWN = '2001:db8:168::3'
const RS = '2001:db8:168::2'
const FROM_CLIENT = { src: CLIENT, sport: 4096, dst: VIP, dport: 6379 }
const FROM_RS = { src: RS, sport: 6379, dst: LIP, dport: 1025 }
const BYTES = { vip: ip(VIP), lip: ip(LIP), rs: ip(RS) }

/** `stand` says the MACs. */
export function seeds6(stand: Stand): Given[] {
  const macs = [stand.macOf('dpdk0'), stand.macOf('dpdk1')] as const
  const plain = (side: number, packet: Uint8Array): Given => ({
    side,
    bytes: concat(
      vnetHeader(),
      ethernet(macs[side] as string, side === CLIENTS ? CLIENT_MAC : RS_MAC, 0x86dd, packet),
    ),
  })
  const message = (side: number, type: number, body: Uint8Array, code = 0): Given => {
    const ends = side === CLIENTS ? { src: CLIENT, dst: VIP } : { src: RS, dst: LIP }
    return plain(side, ipv6({ ...ends, next: 58 }, icmpv6(ends, type, code, body)))
  }
  const quote = ipv6(
    { src: VIP, dst: CLIENT, next: 6 },
    Uint8Array.of(0x18, 0xeb, 0x10, 0, ...new Uint8Array(16)),
  )
  const sent = ipv6(
    { src: LIP, dst: RS, next: 6 },
    Uint8Array.of(4, 1, 0x18, 0xeb, ...new Uint8Array(16)),
  )
  const narrow = Uint8Array.of(0, 0, 5, 0)
  return [
    ...segments6(macs),
    message(CLIENTS, 128, new Uint8Array(30)),
    message(CLIENTS, 2, concat(narrow, quote)),
    message(CLIENTS, 1, concat(new Uint8Array(4), quote), 4),
    message(SERVERS, 2, concat(narrow, sent)),
    message(SERVERS, 1, concat(new Uint8Array(4), sent), 1),
    message(SERVERS, 3, concat(new Uint8Array(4), sent)),
    ...datagrams6(macs),
    ...pieces6(datagram({ ...FROM_CLIENT, payload: new Uint8Array(2500) }), 1300).map(packet =>
      plain(CLIENTS, packet),
    ),
    ...pieces6(echo6(900), 400).map(packet => plain(CLIENTS, packet)),
    plain(CLIENTS, advertisement({ src: CLIENT, dst: VIP }, VIP, CLIENT_MAC, 0, 135)),
    plain(CLIENTS, advertisement({ src: '::', dst: VIP }, VIP, null, 0, 135)),
    plain(SERVERS, advertisement({ src: RS, dst: OWN }, RS, RS_MAC, 0x60)),
    plain(SERVERS, advertisement({ src: RS, dst: OWN }, LIP, RS_MAC, 0x60)),
    ...IPV6_DROPS.map(({ bytes }) => ({ side: CLIENTS, bytes })),
  ]
}

function datagrams6([wan, lan]: readonly [string, string]): Given[] {
  const up = (payload: number) => datagram({ ...FROM_CLIENT, payload: new Uint8Array(payload) })
  const down = datagram({ ...FROM_RS, sport: 53, payload: new Uint8Array(90) })
  const of = (side: number, frame: Uint8Array): Given => ({ side, bytes: frame })
  const wanFrame = (packet: Uint8Array) => ethernet(wan, CLIENT_MAC, 0x86dd, packet)
  return [
    of(CLIENTS, concat(vnetHeader(), wanFrame(up(12)))),
    of(CLIENTS, offloadUdp(wanFrame(up(12)))),
    of(CLIENTS, offloadUdp(wanFrame(up(2500)), 1000)),
    of(CLIENTS, concat(vnetHeader(), wanFrame(up(1440)))),
    of(SERVERS, concat(vnetHeader(), ethernet(lan, RS_MAC, 0x86dd, down))),
  ]
}

function segments6([wan, lan]: readonly [string, string]): Given[] {
  const list: Given[] = []
  for (const [i, options] of OPTIONS.entries()) {
    for (const flags of ['S', '.', 'P.', 'S.', 'F.', 'R', '']) {
      const payload = new Uint8Array(flags === 'P.' ? 30 : 0).fill(7)
      const common = { flags, seq: 5, ack: 9, options, payload }
      const up = tcpFrame({ ...FROM_CLIENT, ...common, srcMac: CLIENT_MAC, dstMac: wan })
      const down = tcpFrame({ ...FROM_RS, ...common, srcMac: RS_MAC, dstMac: lan })
      const wrap = i % 3 === 2 ? offload : (bytes: Uint8Array) => concat(vnetHeader(), bytes)
      list.push({ side: CLIENTS, bytes: wrap(up) }, { side: SERVERS, bytes: wrap(down) })
    }
  }
  return list
}

/** Writes the headers of Ethernet and IPv6 of a packet of tuple t, or of a new client's; says the length. `bytes` are behind them. */
export function head6(
  made: Making,
  chance: Chance,
  stand: Stand,
  t: number,
  bytes: number,
  next = 6,
): void {
  const { pkt } = made
  made.head(0x86dd)
  pkt.setUint32(HEAD, 0x6000_0000 | (chance.once(8) ? chance.below(2 ** 28) : 0))
  pkt.setUint16(HEAD + 4, bytes)
  pkt.setUint16(HEAD + 6, (next << 8) | 0x40)
  if (chance.once(20)) made.bytes[HEAD + 7] = chance.below(3)
  if (t >= 0 && (t & 1) === 1) {
    made.bytes.set(BYTES.rs, HEAD + 8)
    made.bytes.set(BYTES.lip, HEAD + 24)
  } else {
    const { wide } = stand.engine.conns.table
    const at = RECORD.column(t >> 1)
    for (let i = 0; i < 4; i++) pkt.setInt32(HEAD + 8 + 4 * i, t < 0 ? 0 : (wide[at + i] as number))
    if (t < 0) {
      made.bytes.set(BYTES.vip, HEAD + 8)
      made.bytes[HEAD + 23] = 2 + chance.below(chance.once(8) ? 250 : 3)
    }
    made.bytes.set(BYTES.vip, HEAD + 24)
  }
  made.length = HEAD + IP_HEADER + bytes
}

/** An error of ICMPv6 about what would be answered by a packet of tuple t; the caller sums it up. */
export function error6(
  made: Making,
  chance: Chance,
  stand: Stand,
  t: number,
  [seq, ack]: [number, number],
): void {
  const { bytes, pkt } = made
  const inside = chance.pick([8, 20, 20, 40, 1100, 1400])
  head6(made, chance, stand, t, 8 + IP_HEADER + inside)
  bytes[HEAD + 6] = 58
  const at = HEAD + IP_HEADER
  bytes.fill(0, at, at + 8 + IP_HEADER + inside)
  pkt.setUint16(at, chance.pick([0x200, 0x200, 0x104, 0x100, 0x300, 0x400]))
  pkt.setUint32(at + 4, chance.below(2) ? 1400 : chance.edge())
  const quote = at + 8
  pkt.setUint32(quote, 0x6000_0000 | (chance.once(4) ? chance.below(2 ** 28) : 0))
  pkt.setUint16(quote + 4, Math.max(inside, chance.below(1480)))
  const isUdp = protocolOf(stand, t) === KEY.UDP
  pkt.setUint16(quote + 6, isUdp ? 0x1140 : 0x0640)
  bytes.copyWithin(quote + 8, HEAD + 24, HEAD + 40)
  bytes.copyWithin(quote + 24, HEAD + 8, HEAD + 24)
  const ports = portsOf(stand, t)
  pkt.setInt32(quote + 40, (ports << 16) | (ports >>> 16))
  pkt.setInt32(quote + 44, isUdp ? inside << 16 : ack)
  if (inside >= 20) pkt.setInt32(quote + 48, seq)
}

function protocolOf({ engine }: Stand, t: number): number {
  return engine.conns.table.protocol(t >> 1)
}

/** Packets of tuple t are of IPv6. */
export function isOf6({ engine }: Stand, t: number): boolean {
  const binding = engine.conns.table.cells[RECORD.of(t) | CELL.BINDING] as number
  return RECORD.key(binding, t & 1) >= KEY.IPV6
}

/** Ports of tuple t, as its packets carry them. */
export function portsOf({ engine }: Stand, t: number): number {
  const at = RECORD.of(t)
  return engine.conns.table.cells[
    at | ((t & 1) === 0 ? CELL.CLIENT_PORTS : CELL.RS_PORTS)
  ] as number
}

/** IPv6 in the fuzzer: frames to begin with, segments of connections that live, checksums. Addresses are those of SEED6_CONFIG. */

import { CELL, KEY, RECORD } from '../../../src/engine/conn-layout.ts'
import { IPV6_DROPS } from '../../kit/drops-ipv6.ts'
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
    plain(CLIENTS, advertisement({ src: CLIENT, dst: VIP }, VIP, CLIENT_MAC, 0, 135)),
    plain(CLIENTS, advertisement({ src: '::', dst: VIP }, VIP, null, 0, 135)),
    plain(SERVERS, advertisement({ src: RS, dst: OWN }, RS, RS_MAC, 0x60)),
    plain(SERVERS, advertisement({ src: RS, dst: OWN }, LIP, RS_MAC, 0x60)),
    ...IPV6_DROPS.map(({ bytes }) => ({ side: CLIENTS, bytes })),
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
export function head6(made: Making, chance: Chance, stand: Stand, t: number, bytes: number): void {
  const { pkt } = made
  made.head(0x86dd)
  pkt.setUint32(HEAD, 0x6000_0000 | (chance.once(8) ? chance.below(2 ** 28) : 0))
  pkt.setUint16(HEAD + 4, bytes)
  pkt.setUint16(HEAD + 6, 0x0640)
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

/** Its packets of both sides are of IPv6. */
export function isOf6({ engine }: Stand, conn: number): boolean {
  const binding = engine.conns.table.cells[RECORD.at(conn) | CELL.BINDING] as number
  return RECORD.key(binding, 0) >= KEY.IPV6
}

/** Ports of tuple t, as its packets carry them. */
export function portsOf({ engine }: Stand, t: number): number {
  const at = RECORD.of(t)
  return engine.conns.table.cells[
    at | ((t & 1) === 0 ? CELL.CLIENT_PORTS : CELL.RS_PORTS)
  ] as number
}

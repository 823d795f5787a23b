/** Frames that are neither segments nor datagrams: ARP, IPv6 with its neighbour discovery, ICMP errors; and options of TCP. */

import type { Chance } from '../chance.ts'
import type { Mutable } from './mutate.ts'
import { mendIp } from './sums.ts'

const HEAD = 24
const ARP_BYTES = 28
/** Who may be spoken of: VIP, the LIPs and addresses of the appliance, RSs, clients, nobody. */
const WHO = [
  ...[0xca6c_0a01, 0xc0a8_a803, 0xc0a8_a807, 0xc0a8_a808, 0xc0a8_a802, 0xc0a8_a80c, 0xc0a8_a80d],
  ...[0xca6c_0a02, 0xca6c_0a03, 0xca6c_0afe, 0, 0xffff_ffff, 0xe000_0001, 0x7f00_0001],
]
const TCP = 6
const UDP = 17
const ICMP6 = 58

export interface Making extends Mutable {
  /** Writes virtio-net and Ethernet header of the side at hand. */
  head(type: number): void
  /** The same and an IPv4 header of `bytes` bytes behind it; says the length. */
  ip(src: number, dst: number, protocol: number, bytes: number): void
}

/** Asked, answered and told unasked, of anybody by anybody, with padding and sometimes an address that is none. */
export function arp(made: Making, chance: Chance): void {
  const { bytes, pkt } = made
  made.head(0x0806)
  const at = HEAD
  pkt.setUint32(at, 0x0001_0800)
  pkt.setUint16(at + 4, 0x0604)
  pkt.setUint16(at + 6, chance.once(20) ? chance.below(11) : 1 + chance.below(2))
  // As the Ethernet header says, or another one, or that of a group.
  bytes.copyWithin(at + 8, 16, 22)
  if (chance.once(4)) bytes[at + 13] = chance.below(256)
  if (chance.once(20)) bytes[at + 8] = chance.below(256)
  const sender = chance.pick(WHO)
  pkt.setUint32(at + 14, sender)
  bytes.copyWithin(at + 18, 10, 16)
  pkt.setUint32(at + 24, chance.once(4) ? sender : chance.pick(WHO))
  if (chance.below(2) === 0) bytes.fill(0xff, 10, 16)
  const padding = chance.below(2) * 18
  bytes.fill(0, at + ARP_BYTES, at + ARP_BYTES + padding)
  made.length = HEAD + ARP_BYTES + padding
}

/** Behind `at`: a type and options of neighbour discovery (RFC 4861). => where it ends */
function discovery({ bytes, pkt }: Making, at: number, chance: Chance): number {
  const type = 133 + chance.below(5)
  const fixed = [8, 16, 24, 24, 40][type - 133] as number
  bytes.fill(0, at, at + fixed)
  bytes[at] = type
  pkt.setUint32(at + 4, chance.below(2 ** 32))
  let end = at + fixed
  for (let options = chance.below(4); options > 0; options--) {
    const eights = chance.once(10) ? 0 : 1 + chance.below(4)
    bytes.fill(chance.below(256), end, end + 8 * eights)
    bytes[end] = 1 + chance.below(5)
    bytes[end + 1] = chance.once(10) ? chance.below(256) : eights
    end += 8 * eights
  }
  return end
}

/** The engine speaks none: TCP, UDP, neighbour discovery, extension headers, fragments, whatever the lengths say. */
export function ipv6(made: Making, chance: Chance): void {
  const { bytes, pkt } = made
  made.head(0x86dd)
  // ff02::1, and a solicited-node address.
  if (chance.below(3) === 0) bytes.set([0x33, 0x33, 0, 0, 0, 1], 10)
  let at = HEAD
  bytes.fill(0, at, at + 40)
  pkt.setUint32(at, 0x6000_0000 | chance.below(2 ** 20))
  bytes[at + 7] = chance.once(4) ? 255 : 64
  pkt.setUint32(at + 8, 0x2001_0db8)
  pkt.setUint32(at + 20, chance.pick(WHO))
  pkt.setUint32(at + 24, chance.below(2) === 0 ? 0xff02_0000 : 0x2001_0db8)
  pkt.setUint32(at + 36, chance.pick(WHO))
  let next = at + 6
  at += 40
  for (let headers = chance.below(3); headers > 0; headers--) {
    bytes.fill(chance.below(8), at, at + 8)
    // Hop by hop, routing, fragment, destination.
    bytes[next] = chance.pick([0, 43, 44, 60])
    bytes[at + 1] = 0
    next = at
    at += 8
  }
  const protocol = chance.pick([TCP, UDP, ICMP6, ICMP6, 59])
  bytes[next] = protocol
  if (protocol === ICMP6) at = discovery(made, at, chance)
  else {
    const more = chance.below(60)
    for (let i = 0; i < more; i++) bytes[at + i] = chance.below(256)
    at += more
  }
  made.length = at
  pkt.setUint16(HEAD + 4, chance.once(8) ? chance.edge() : at - HEAD - 40)
}

/** An ICMP error about what would be answered by a packet of these ends; the caller sums it up. */
export function icmpError(
  made: Making,
  chance: Chance,
  { src, dst, ports, protocol }: { src: number; dst: number; ports: number; protocol: number },
  seq: number,
  ack: number,
): void {
  const { bytes, pkt } = made
  const inside = chance.pick([8, 8, 20, 40])
  // The quoted header may have options, which are of our packet: it had none.
  const header = chance.once(8) ? 20 + 4 * chance.below(11) : 20
  const ours = WHO[chance.below(7)] as number
  made.ip(chance.once(6) ? ours : src, dst, 1, 8 + header + inside)
  const at = HEAD + 20
  bytes.fill(chance.once(6) ? 1 : 0, at, at + 8 + header + inside)
  pkt.setUint16(at, chance.pick([0x303, 0x304, 0x301, 0xb00, 0x400, 0x500, 0xc00]))
  pkt.setUint16(at + 6, chance.below(2) ? 1400 : chance.edge())
  const quote = at + 8
  const length = header + Math.max(inside, chance.below(1480))
  pkt.setUint32(quote, 0x4000_0000 + ((header / 4) << 24) + length)
  pkt.setUint32(quote + 4, chance.once(8) ? chance.below(2 ** 32) : 0)
  pkt.setUint32(quote + 8, 0x4000_0000 + (protocol << 16))
  pkt.setInt32(quote + 12, dst)
  pkt.setInt32(quote + 16, src)
  mendIp(pkt, quote)
  const l4 = quote + header
  pkt.setInt32(l4, (ports << 16) | (ports >>> 16))
  if (protocol === UDP) pkt.setUint32(l4 + 4, (length - header) << 16)
  else pkt.setInt32(l4 + 4, ack)
  if (inside >= 20) pkt.setInt32(l4 + 8, seq)
}

/** A header of TCP at `at`, whose checksum is 0. */
export function tcpHeader(
  { bytes, pkt }: Mutable,
  at: number,
  ports: number,
  flags: number,
  [seq, ack]: [number, number],
  options: Uint8Array,
): void {
  pkt.setInt32(at, ports)
  pkt.setInt32(at + 4, seq)
  pkt.setInt32(at + 8, ack)
  pkt.setUint16(at + 12, ((5 + options.length / 4) << 12) | flags)
  pkt.setUint32(at + 14, 0x7210_0000)
  pkt.setUint16(at + 18, 0)
  bytes.set(options, at + 20)
}

const scratch = new Uint8Array(40)
/** Kinds with the lengths that they are to have; of 253 and 254, which are for experiments (RFC 4727), TOA is one. */
const KINDS = [
  ...[2, 4, 3, 3, 4, 2, 5, 10, 5, 18, 5, 34, 8, 10, 14, 3, 19, 18, 28, 4, 29, 16, 30, 12, 34, 6],
  ...[253, 8, 254, 8, 254, 20, 254, 6],
]

/** Options in any order, as they should be but for one in six; padded to words. => a view that the next call writes over */
export function anyOptions(chance: Chance): Uint8Array {
  let at = 0
  for (let count = chance.below(6); count > 0 && at < 38; count--) {
    const padding = chance.below(5)
    if (padding < 2) {
      // NOP, or seldom the end of them all with more behind it.
      scratch[at++] = padding === 0 || chance.below(3) > 0 ? 1 : 0
      continue
    }
    const which = 2 * chance.below(KINDS.length / 2)
    const length = KINDS[which + 1] as number
    if (at + length > 40) continue
    for (let i = 2; i < length; i++) scratch[at + i] = chance.below(256)
    scratch[at] = KINDS[which] as number
    scratch[at + 1] = chance.once(6) ? chance.below(42) : length
    // Of TOA, the seed's and the master's: an address and a port.
    if (length === 8 && chance.below(2) === 0) scratch[at + 2] = 0x12
    at += length
  }
  const end = (at + 3) & ~3
  scratch.fill(chance.below(2), at, end)
  return scratch.subarray(0, end)
}

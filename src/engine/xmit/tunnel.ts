/**
 * Tunnels of IP in IP (RFC 2003) and of IPv6 in IPv6 (RFC 2473): the client's packet goes whole and as it is behind a header of ours to
 * the RS, which has the VIP itself and answers the client past us. TOS and DF are the packet's own, so that who sent it hears of a path
 * that is too narrow; so are traffic class and flow label, by which routers on the way keep packets of one flow on one path (RFC 6438).
 * No option limits encapsulation: who wraps it once more counts the hops.
 */

import { ETH } from '../../wire/ethernet.ts'
import { IP_DF, IPV4, PROTO, writeHeaderChecksum, writeIpv4 } from '../../wire/ipv4.ts'
import { IPV6, MTU6_LEAST, NEXT, writeIpv6 } from '../../wire/ipv6.ts'
import type { AddressBook } from '../address-book.ts'
import type { Arm } from '../arm.ts'
import { CELL, KEY, RECORD } from '../conn-layout.ts'
import { Drop } from '../counters.ts'
import type { Egress } from '../egress.ts'
import { FRAME_HEAD, type Frames } from '../frames.ts'
import { putInFront } from '../icmp-output.ts'
import type { Parts } from '../parts.ts'
import { sourceFor6 } from '../route-out6.ts'

/** Bytes by which a packet grows. */
const BYTES = IPV4.HEADER
const BYTES6 = IPV6.HEADER
const HOPS = 64
/** What the length of a packet can say. */
const IP_MOST = 65_535

const { RIP, BINDING } = CELL
const { of: recordOf, dest: destOf, key: keyOf } = RECORD

/** Bytes by which a packet that is looked up by `key` grows. */
export function tunnelBytes(key: number): number {
  return key < KEY.IPV6 ? BYTES : BYTES6
}

/**
 * Bytes of such a packet that go into a tunnel which leaves where `mtu` do. Of IPv6 every link carries 1280: for so many the header of ours
 * may be that of fragments (RFC 2473 7.1).
 */
export function tunnelMtu(key: number, mtu: number): number {
  return key < KEY.IPV6 ? mtu - BYTES : Math.max(MTU6_LEAST, mtu - BYTES6)
}

/** The length of the header in front could not say how long such a packet of `total` bytes is then. */
export function isTooLong(key: number, total: number): boolean {
  return total + (key < KEY.IPV6 ? BYTES : 0) > IP_MOST
}

export class Tunnel {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #book: AddressBook
  readonly #egress: Egress

  constructor({ frames, table, book }: Parts, egress: Egress) {
    this.#frames = frames
    this.#cells = table.cells
    this.#book = book
    this.#egress = egress
  }

  /** The packet in `slot`, whose checksum is complete, goes behind a header of ours to the RS of tuple t. => As Egress.toRs */
  enter(slot: number, t: number, out: Arm, now: number): number {
    const at = recordOf(t)
    const rip = this.#cells[at | RIP]
    const binding = this.#cells[at | BINDING]
    const isSix = keyOf(binding, 0) >= KEY.IPV6
    const source = isSix ? this.#sourceFor6(out, rip) : out.sourceFor(rip)
    if (source === 0) return -Drop.IP_SOURCE
    const ip = isSix ? this.#wrap6(slot, source, rip, out.mtu) : this.#wrap(slot, source, rip)
    return this.#egress.toRs(slot, ip - ETH.HEADER, out, destOf(binding), now)
  }

  /** That the packet came in fragments is still known. => Where the header in front of it is */
  #wrap(slot: number, source: number, rip: number): number {
    const frames = this.#frames
    const { pkt } = frames
    const came = frames.fragment[slot]
    const inner = frames.start[slot] + FRAME_HEAD
    const total = BYTES + pkt.getUint16(inner + IPV4.TOTAL_LENGTH)
    const ip = putInFront(frames, slot, inner, BYTES, total)
    frames.fragment[slot] = came
    const df = pkt.getUint16(inner + IPV4.FRAGMENT) & IP_DF
    writeIpv4(pkt, ip, PROTO.IPIP, total, source, rip)
    pkt.setUint8(ip + IPV4.TOS, pkt.getUint8(inner + IPV4.TOS))
    // What is to be cut gets an ID then (RFC 6864), and what is not needs none.
    pkt.setUint16(ip + IPV4.FRAGMENT, df)
    writeHeaderChecksum(pkt, ip, IPV4.HEADER)
    return ip
  }

  /** What does not fit by now is to leave in fragments of the header in front, as if it had come in such. => As #wrap */
  #wrap6(slot: number, source: number, rip: number, mtu: number): number {
    const frames = this.#frames
    const { pkt } = frames
    const inner = frames.start[slot] + FRAME_HEAD
    const bytes = BYTES6 + pkt.getUint16(inner + IPV6.PAYLOAD_LENGTH)
    const ip = putInFront(frames, slot, inner, BYTES6, BYTES6 + bytes)
    frames.fragment[slot] = BYTES6 + bytes > mtu ? mtu : 0
    writeIpv6(pkt, ip, NEXT.IPV6, bytes, HOPS)
    pkt.setInt32(ip, pkt.getInt32(inner))
    this.#book.write(pkt, ip + IPV6.SRC, source)
    this.#book.write(pkt, ip + IPV6.DST, rip)
    return ip
  }

  #sourceFor6(out: Arm, rip: number): number {
    const book = this.#book
    const [a, b, c, d] = [
      book.cell(rip, 0),
      book.cell(rip, 1),
      book.cell(rip, 2),
      book.cell(rip, 3),
    ]
    return sourceFor6(out, book, a, b, c, d)
  }
}

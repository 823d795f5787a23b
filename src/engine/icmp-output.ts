/**
 * ICMP errors that the appliance itself originates, each made in place of the frame that it is about: headers are put in
 * front of it, and it is cut. They are about whole packets of TCP and UDP, and echoes, only: ICMP errors and fragments never come here,
 * about which there must be none (RFC 1812 4.3.2.7). Before changing this file read RFC 1812 4.3.2 and RFC 1191.
 */

import { adjust, diff16 } from '../wire/checksum.ts'
import { ETH } from '../wire/ethernet.ts'
import { ICMP, ICMP_TYPE, UNREACHABLE, writeIcmpChecksum } from '../wire/icmp.ts'
import { IPV4, isSingleHost, PROTO, writeHeaderChecksum, writeIpv4 } from '../wire/ipv4.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import { type Arm, isOurs } from './arm.ts'
import { type Counters, Event } from './counters.ts'
import { Family } from './family.ts'
import { type Frames, STRIDE } from './frames.ts'
import type { LongClock } from './long-clock.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { swapMacs } from './rst.ts'

const { IPV4: FAMILY } = Family
/** The whole error is no larger, so that it passes every link (RFC 1812 4.3.2.3). */
const ERROR_MOST = 576
/**
 * What is quoted of a frame that was parked: RFC 4884's 128 bytes, of which an image of the engine keeps all (HEADERS_MAX), so
 * that a restored one says the same.
 */
export const PARKED_QUOTE = 128
/** What is put in front of the frame. */
const GROWTH = IPV4.HEADER + ICMP.HEADER
/** Of TOS what is kept, bits of RFC 1349 without ECN's, and precedence 6, internetwork control (RFC 1812 4.3.2.5). */
const TOS_KEPT = 0x1c
const TOS_CONTROL = 0xc0

/**
 * Errors of a worker: 1000 a second and 50 at once, as Linux has it (icmp_msgs_per_sec, icmp_msgs_burst). One is enough for
 * a connection to learn the MTU, so that is for far more than begin in a second; and a flood of what cannot be forwarded
 * makes no more than 5 Mbit/s of errors to whoever it names as its sender (RFC 1812 4.3.2.8).
 */
const MS_EACH = 1
const AT_ONCE = 50

export class IcmpErrors {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #counters: Counters
  readonly #long: LongClock
  /** Long ms at which all that may be sent at once may be sent again. */
  rested: number

  constructor({ frames, arms, counters, long }: Parts) {
    this.#frames = frames
    this.#arms = arms
    this.#counters = counters
    this.#long = long
    // Of a clock that begins below 0, everything before it would be in the future.
    this.rested = long.ms
  }

  /**
   * Turns the frame in `slot`, which `arm` received and p describes, into an ICMP error about it, to the MAC that it came from.
   * `mtu` is that of FRAG_NEEDED, else 0. => The arm, or minus `reason` if there may be none: then nothing is done
   */
  answer(
    slot: number,
    p: Parsed,
    arm: Arm,
    type: number,
    code: number,
    mtu: number,
    reason: number,
  ): number {
    const { ip, saddr, daddr } = p
    const source = isOurs(this.#arms, FAMILY, daddr) ? daddr : arm.sourceFor(saddr)
    if (source === 0 || !this.#isAnswerable(saddr, daddr)) return -reason
    if (!this.#mayWrite(slot)) return -reason
    swapMacs(this.#frames.pkt, p.eth)
    const bytes = p.ipTotal
    if (p.largest < bytes) shorten(this.#frames.pkt, ip, p.largest)
    this.#write(slot, ip, bytes, source, saddr)
    this.#finish(slot, type, code, mtu)
    this.#counters.count(eventOf(type, code))
    return arm.index
  }

  /**
   * The same of a frame of ours on its way to somebody who cannot be reached: about its packet of `bytes` bytes at `ip`, from
   * whoever that was for to its sender. => false, and nothing done, if there may be none
   */
  returned(slot: number, ip: number, bytes: number): boolean {
    if (!this.#mayWrite(slot)) return false
    const quoted = Math.min(bytes, PARKED_QUOTE)
    this.about(slot, ip, quoted, ICMP_TYPE.UNREACHABLE, UNREACHABLE.HOST, 0)
    this.#counters.count(Event.ICMP_HOST_UNREACHABLE)
    return true
  }

  /** The same of any kind: to count them, and to see to it that there is room in front and that they are not too many, is for others. */
  about(slot: number, ip: number, bytes: number, type: number, code: number, mtu: number): void {
    const { pkt } = this.#frames
    const src = pkt.getInt32(ip + IPV4.SRC)
    const dst = pkt.getInt32(ip + IPV4.DST)
    this.#write(slot, ip, bytes, dst, src)
    this.#finish(slot, type, code, mtu)
  }

  /** RFC 1812 4.3.2.7; whatever came to a group's MAC is not even looked at. */
  #isAnswerable(saddr: number, daddr: number): boolean {
    if (daddr >>> 28 >= 14) return false
    return isSingleHost(saddr) && !isOurs(this.#arms, FAMILY, saddr)
  }

  /** There is room in front, and it is not one too many. */
  #mayWrite(slot: number): boolean {
    return this.#frames.start[slot] - slot * STRIDE >= GROWTH && this.maySend()
  }

  /** One more of either family is not one too many. */
  maySend(): boolean {
    const now = this.#long.ms
    if (this.rested - now > (AT_ONCE - 1) * MS_EACH) {
      this.#counters.count(Event.ICMP_LIMITED)
      return false
    }
    this.rested = Math.max(this.rested, now) + MS_EACH
    return true
  }

  /** Headers in front of the packet at `ip`, of which so many bytes as fit stay; the Ethernet header moves along. */
  #write(slot: number, ip: number, bytes: number, src: number, dst: number): void {
    const { pkt } = this.#frames
    const tos = pkt.getUint8(ip + IPV4.TOS)
    const total = Math.min(GROWTH + bytes, ERROR_MOST)
    const outer = putInFront(this.#frames, slot, ip, GROWTH, total)
    writeIpv4(pkt, outer, PROTO.ICMP, total, src, dst)
    pkt.setUint8(outer + IPV4.TOS, (tos & TOS_KEPT) | TOS_CONTROL)
    writeHeaderChecksum(pkt, outer, IPV4.HEADER)
  }

  #finish(slot: number, type: number, code: number, mtu: number): void {
    const { pkt, start } = this.#frames
    const ip = start[slot] + VNET.BYTES + ETH.HEADER
    const icmp = ip + IPV4.HEADER
    pkt.setUint8(icmp + ICMP.TYPE, type)
    pkt.setUint8(icmp + ICMP.CODE, code)
    pkt.setInt32(icmp + ICMP.ID, mtu)
    writeIcmpChecksum(pkt, icmp, pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - IPV4.HEADER)
  }
}

/**
 * `growth` bytes in front of the packet at `ip`, behind an Ethernet header that moves along; what the frame has behind that is `total` bytes
 * from then on. However the packet came, an error is small enough. => Where the new IP header goes
 */
export function putInFront(
  { pkt, start, length, fragment }: Frames,
  slot: number,
  ip: number,
  growth: number,
  total: number,
): number {
  const eth = ip - ETH.HEADER
  for (let at = eth; at < ip; at += 2) pkt.setUint16(at - growth, pkt.getUint16(at))
  start[slot] = eth - growth - VNET.BYTES
  length[slot] = VNET.BYTES + ETH.HEADER + total
  fragment[slot] = 0
  clearVnetHdr(pkt, start[slot])
  return ip - growth
}

/** A frame that stands for several segments is quoted as the one that was too large. */
function shorten(pkt: DataView, ip: number, total: number): void {
  const before = pkt.getUint16(ip + IPV4.TOTAL_LENGTH)
  pkt.setUint16(ip + IPV4.TOTAL_LENGTH, total)
  adjust(pkt, ip + IPV4.CHECKSUM, diff16(before, total))
}

function eventOf(type: number, code: number): number {
  if (type === ICMP_TYPE.TIME_EXCEEDED) return Event.ICMP_TIME_EXCEEDED
  if (code === UNREACHABLE.FRAG_NEEDED) return Event.ICMP_FRAG_NEEDED
  return code === UNREACHABLE.PORT ? Event.ICMP_PORT_UNREACHABLE : Event.ICMP_HOST_UNREACHABLE
}

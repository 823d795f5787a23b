/**
 * IPv4 fragmentation (RFC 791; that of IPv6 is in fragmentation6.ts): what is larger than the MTU of the arm that it leaves on, and may be cut, is cut; and so is what
 * came in fragments, into none larger than it came in, because the path behind us may be as narrow as that before us. Whether a
 * packet may be cut is asked before it is translated (xmit/ip.ts); it is cut when its headers are as they will leave, just
 * before it is put into an outbox.
 *
 * The frame's own slot becomes the last fragment; those before it are copies, sent ahead of it. All have the ID of the whole.
 */

import { fold, sumWords } from '../wire/checksum.ts'
import { headerLength, IP_DF, IP_MORE, IPV4, writeHeaderChecksum } from '../wire/ipv4.ts'
import { headerLength as tcpHeaderLength } from '../wire/tcp.ts'
import { UDP, udpSum } from '../wire/udp.ts'
import { clearVnetHdr, GSO, VNET, VNET_FLAG } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { type Counters, Drop, Event } from './counters.ts'
import { Fragmentation6 } from './fragmentation6.ts'
import { FRAME_HEAD, type Frames } from './frames.ts'
import type { Parts } from './parts.ts'
import type { Random } from './random.ts'

/** The first bit of an option's kind: it goes into every fragment (RFC 791 3.1). */
const COPIED = 0x80
const EOL = 0
const NOP = 1

export class Fragmentation {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #counters: Counters
  readonly #random: Random
  readonly six: Fragmentation6
  /** Header of the fragments behind the first, and its length in bytes. */
  readonly #header = new DataView(new ArrayBuffer(60))
  #headerBytes = 0

  constructor(parts: Pick<Parts, 'frames' | 'arms' | 'counters' | 'random'>) {
    const { frames, arms, counters, random } = parts
    this.six = new Fragmentation6(parts)
    this.#frames = frames
    this.#arms = arms
    this.#counters = counters
    this.#random = random
  }

  /** A frame that came in fragments, or is too large for its arm, has got this verdict. => The verdict, or minus a drop reason */
  leave(slot: number, verdict: number): number {
    if (verdict < 0) return verdict
    const failed = this.cut(slot, this.#arms[verdict])
    return failed === 0 ? verdict : failed
  }

  /** Whether cut() has something to do. */
  isDue(slot: number, { mtu }: Arm): boolean {
    const { fragment, length } = this.#frames
    return fragment[slot] !== 0 || length[slot] - FRAME_HEAD > mtu
  }

  /** Makes a packet fit on the arm, if need be in fragments; all fragments but the last are in its outbox then. => 0, or minus a drop reason */
  cut(slot: number, arm: Arm): number {
    const frames = this.#frames
    const { pkt } = frames
    const start = frames.start[slot]
    const ip = start + FRAME_HEAD
    if (pkt.getUint8(ip) >>> 4 === 6) return this.#fit6(slot, arm)
    if (pkt.getUint8(start + VNET.GSO_TYPE) !== GSO.NONE) {
      return this.#lowerGsoSize(start, arm.mtu)
    }
    const header = headerLength(pkt, ip)
    const payload = pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - header
    const came = frames.fragment[slot]
    frames.fragment[slot] = 0
    const most = came !== 0 && came < arm.mtu ? came : arm.mtu
    if (header + payload <= most) return 0
    const step = (most - header) & ~7
    if (step <= 0) return -Drop.IP_TOO_BIG
    const pieces = Math.ceil(payload / step)
    if (!frames.hasRoomFor(pieces)) return -Drop.NO_BUFFER
    this.completeChecksum(slot)
    this.#chooseId(ip)
    this.#makeHeader(ip, header)
    const last = pieces - 1
    this.#copy(slot, arm, header, step, 0)
    for (let i = 1; i < last; i++) this.#copy(slot, arm, header, step, i)
    this.#becomeLast(slot, header, last * step)
    this.#counters.count(Event.FRAGMENTED)
    return 0
  }

  /** Nobody on the way cuts a packet of IPv6 that came whole (RFC 8200 5); one to be segmented was found to fit when it came. => As cut() */
  #fit6(slot: number, arm: Arm): number {
    const { pkt, start, length, fragment } = this.#frames
    const { mtu } = arm
    const came = fragment[slot]
    fragment[slot] = 0
    if (came !== 0) return this.six.cut(slot, arm, came)
    const isSegmented = pkt.getUint8(start[slot] + VNET.GSO_TYPE) !== GSO.NONE
    return isSegmented || length[slot] - FRAME_HEAD <= mtu ? 0 : -Drop.IP_TOO_BIG
  }

  /**
   * TCP that is still to be segmented: segments of fewer bytes are as good as those of before. Where one ends means nothing to a
   * stream, whoever segments numbers them by their bytes, and who sent them without DF has asked for no more than that they arrive.
   * What has fitted stays as it is. Datagrams of UDP are what they are, too large for the arm if one of them is. => As cut()
   */
  #lowerGsoSize(start: number, mtu: number): number {
    const { pkt } = this.#frames
    const isTcp = (pkt.getUint8(start + VNET.GSO_TYPE) & ~GSO.ECN) === GSO.TCPV4
    const ip = start + FRAME_HEAD
    const ipHeader = headerLength(pkt, ip)
    const l4Header = isTcp ? tcpHeaderLength(pkt, ip + ipHeader) : UDP.HEADER
    const most = mtu - ipHeader - l4Header
    if (pkt.getUint16(start + VNET.GSO_SIZE, true) <= most) return 0
    if (!isTcp) return -Drop.IP_TOO_BIG
    pkt.setUint16(start + VNET.GSO_SIZE, most, true)
    return 0
  }

  /** No device can complete it over several fragments. */
  completeChecksum(slot: number): void {
    const { pkt, start: starts, length } = this.#frames
    const start = starts[slot]
    if ((pkt.getUint8(start + VNET.FLAGS) & VNET_FLAG.NEEDS_CSUM) !== 0) {
      const from = start + VNET.BYTES + pkt.getUint16(start + VNET.CSUM_START, true)
      const field = from + pkt.getUint16(start + VNET.CSUM_OFFSET, true)
      const sum = ~fold(sumWords(pkt, from, start + length[slot] - from)) & 0xffff
      // To TCP it is the same number.
      pkt.setUint16(field, udpSum(sum))
    }
    clearVnetHdr(pkt, start)
  }

  /** A sender that has no use for the ID sends 0 (RFC 6864), and fragments need one. */
  #chooseId(ip: number): void {
    const { pkt } = this.#frames
    if (pkt.getUint16(ip + IPV4.ID) === 0)
      pkt.setUint16(ip + IPV4.ID, 1 + this.#random.below(65_535))
  }

  /** The header of the fragments behind the first has the options that are to be copied, and no other. */
  #makeHeader(ip: number, header: number): void {
    const { pkt } = this.#frames
    const made = this.#header
    for (let at = 0; at < IPV4.HEADER; at++) made.setUint8(at, pkt.getUint8(ip + at))
    let to: number = IPV4.HEADER
    for (let at = ip + IPV4.HEADER; at < ip + header; ) {
      const kind = pkt.getUint8(at)
      if (kind === EOL) break
      const bytes = kind === NOP ? 1 : at + 1 < ip + header ? pkt.getUint8(at + 1) : 0
      // Behind an option that is none nothing can be read.
      if (bytes === 0 || at + bytes > ip + header || (kind !== NOP && bytes < 2)) break
      if ((kind & COPIED) !== 0)
        for (let i = 0; i < bytes; i++) made.setUint8(to++, pkt.getUint8(at + i))
      at += bytes
    }
    while ((to & 3) !== 0) made.setUint8(to++, EOL)
    this.#headerBytes = to
    made.setUint8(IPV4.VERSION_IHL, 0x40 | (to >> 2))
  }

  /** Sends fragment number `i`, of `step` bytes and not the last one, in a slot of its own. */
  #copy(slot: number, arm: Arm, header: number, step: number, i: number): void {
    const frames = this.#frames
    const piece = frames.take()
    const from = frames.start[slot]
    const to = frames.start[piece]
    const own = i === 0 ? header : this.#headerBytes
    frames.bytes.copyWithin(to, from, from + FRAME_HEAD + header)
    if (i > 0) this.#putHeader(to + FRAME_HEAD)
    const payload = from + FRAME_HEAD + header + i * step
    frames.bytes.copyWithin(to + FRAME_HEAD + own, payload, payload + step)
    this.#settle(to + FRAME_HEAD, own, step, i * step, true)
    frames.length[piece] = FRAME_HEAD + own + step
    frames.mark[piece] = frames.mark[slot]
    arm.send(piece)
  }

  /** The frame keeps what is behind `offset` of its payload, with its headers moved there. */
  #becomeLast(slot: number, header: number, offset: number): void {
    const frames = this.#frames
    const from = frames.start[slot]
    const own = this.#headerBytes
    const to = from + header + offset - own
    const bytes = frames.length[slot] - FRAME_HEAD - header - offset
    frames.bytes.copyWithin(to, from, from + FRAME_HEAD)
    this.#putHeader(to + FRAME_HEAD)
    this.#settle(to + FRAME_HEAD, own, bytes, offset, false)
    frames.start[slot] = to
    frames.length[slot] = FRAME_HEAD + own + bytes
  }

  #putHeader(ip: number): void {
    const { pkt } = this.#frames
    for (let at = 0; at < this.#headerBytes; at += 4)
      pkt.setInt32(ip + at, this.#header.getInt32(at))
  }

  /** DF stays on what came in fragments with it, as in Linux: a narrower path still says so to the sender. */
  #settle(ip: number, header: number, bytes: number, offset: number, more: boolean): void {
    const { pkt } = this.#frames
    const df = pkt.getUint16(ip + IPV4.FRAGMENT) & IP_DF
    pkt.setUint16(ip + IPV4.TOTAL_LENGTH, header + bytes)
    pkt.setUint16(ip + IPV4.FRAGMENT, df | (more ? IP_MORE : 0) | (offset >> 3))
    writeHeaderChecksum(pkt, ip, header)
  }
}

/**
 * What is still to be segmented (GSO) is cut up here, because no device does so for us inside a tunnel: each piece gets the headers of
 * the whole, with what a kernel would write in them, and a whole checksum (Linux: Documentation/networking/segmentation-offloads).
 */

import { IPV4, writeHeaderChecksum } from '../../wire/ipv4.ts'
import { IPV6 } from '../../wire/ipv6.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { clearVnetHdr } from '../../wire/vnet-hdr.ts'
import { KEY, PROTOCOL_BITS } from '../conn-layout.ts'
import { FRAME_HEAD, type Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { writeTcpChecksum, writeTcpChecksum6 } from '../rst.ts'
import { writeUdpChecksum } from './uoa.ts'
import { writeUdpChecksum6 } from './uoa6.ts'

/** Congestion window reduced: only the first segment says so (RFC 3168 6.1.2). */
const CWR = 0x80

export class Segmentation {
  readonly #frames: Frames

  constructor({ frames }: Pick<Parts, 'frames'>) {
    this.#frames = frames
  }

  /** => Frames that the one that p describes becomes, or 0 if there is no room for them */
  pieces({ payload, gsoSize }: Parsed): number {
    if (gsoSize === 0 || payload <= gsoSize) return 1
    const pieces = Math.ceil(payload / gsoSize)
    return this.#frames.hasRoomFor(pieces) ? pieces : 0
  }

  /** Piece number `i`, which is not the last one, in a slot of its own. => That slot */
  copy(slot: number, p: Parsed, i: number): number {
    const frames = this.#frames
    const piece = frames.take()
    const from = frames.start[slot]
    const to = frames.start[piece]
    const headers = p.ipHeader + p.l4Header
    const payload = p.l4 + p.l4Header + i * p.gsoSize
    frames.bytes.copyWithin(to, from, p.ip + headers)
    const ip = to + FRAME_HEAD
    frames.bytes.copyWithin(ip + headers, payload, payload + p.gsoSize)
    frames.length[piece] = FRAME_HEAD + headers + p.gsoSize
    frames.mark[piece] = frames.mark[slot]
    this.#settle(ip, p, i, p.gsoSize, false)
    return piece
  }

  /** The frame in `slot` becomes its own last piece, number `i`. */
  becomeLast(slot: number, p: Parsed, i: number): void {
    const frames = this.#frames
    const headers = p.ipHeader + p.l4Header
    const by = i * p.gsoSize
    const from = frames.start[slot]
    // Its headers move up to what is left of the payload.
    if (by > 0) frames.bytes.copyWithin(from + by, from, p.ip + headers)
    frames.start[slot] = from + by
    frames.length[slot] = FRAME_HEAD + headers + p.payload - by
    this.#settle(from + by + FRAME_HEAD, p, i, p.payload - by, true)
  }

  /** The headers at `ip`, which are those of the whole, become those of piece `i` with so much payload. */
  #settle(
    ip: number,
    { ipHeader, l4Header, gsoSize, key }: Parsed,
    i: number,
    bytes: number,
    isLast: boolean,
  ): void {
    const { pkt } = this.#frames
    const l4 = ip + ipHeader
    const isUdp = (key & PROTOCOL_BITS) === KEY.UDP
    if (isUdp) pkt.setUint16(l4 + UDP.LENGTH, l4Header + bytes)
    else {
      pkt.setInt32(l4 + TCP.SEQ, pkt.getInt32(l4 + TCP.SEQ) + i * gsoSize)
      const flags = pkt.getUint8(l4 + TCP.FLAGS) & (i === 0 ? 0xff : ~CWR)
      pkt.setUint8(l4 + TCP.FLAGS, isLast ? flags : flags & ~(FLAG.FIN | FLAG.PSH))
    }
    if (key < KEY.IPV6) {
      pkt.setUint16(ip + IPV4.TOTAL_LENGTH, ipHeader + l4Header + bytes)
      pkt.setUint16(ip + IPV4.ID, pkt.getUint16(ip + IPV4.ID) + i)
      writeHeaderChecksum(pkt, ip, ipHeader)
      writeChecksum(pkt, ip, l4, isUdp, l4Header + bytes)
    } else {
      pkt.setUint16(ip + IPV6.PAYLOAD_LENGTH, ipHeader - IPV6.HEADER + l4Header + bytes)
      if (isUdp) writeUdpChecksum6(pkt, ip, l4, l4Header + bytes)
      else writeTcpChecksum6(pkt, ip, l4, l4Header + bytes)
    }
    clearVnetHdr(pkt, ip - FRAME_HEAD)
  }
}

/** The checksum of the `bytes` bytes of TCP or UDP at `l4`, anew. */
function writeChecksum(pkt: DataView, ip: number, l4: number, isUdp: boolean, bytes: number): void {
  if (!isUdp) writeTcpChecksum(pkt, ip, l4, bytes)
  else {
    pkt.setUint16(l4 + UDP.CHECKSUM, 0)
    const [src, dst] = [ip + IPV4.SRC, ip + IPV4.DST]
    writeUdpChecksum(pkt, l4, pkt.getInt32(src), pkt.getInt32(dst), bytes)
  }
}

/**
 * Segments as a Linux kernel sends them, made once as templates and stamped into slots: the copy, the addresses, the
 * ports and the checksums. A stamped frame is right in every checksum; the work is outside of everything timed.
 */

import type { Frames } from '../../src/engine/frames.ts'
import {
  adjust,
  adjustPartial,
  diff32,
  fold,
  pseudoSum,
  sumWords,
} from '../../src/wire/checksum.ts'
import { ETH, ETHERTYPE, writeEthernet } from '../../src/wire/ethernet.ts'
import { IPV4, PROTO, writeIpv4 } from '../../src/wire/ipv4.ts'
import { TCP } from '../../src/wire/tcp.ts'
import { VNET, VNET_FLAG } from '../../src/wire/vnet-hdr.ts'

const IP = VNET.BYTES + ETH.HEADER

/** Option bytes of a segment with timestamps, of a SYN, and of the SYN+ACK that answers a SYN without timestamps. */
export const OPTIONS = {
  timestamps: [1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9],
  syn: [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7],
  synAck: [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 7],
} as const

/** [first 16 bits, last 32 bits] */
export type Mac = readonly [number, number]

export interface SegmentFields {
  to: Mac
  from: Mac
  flags: number
  seq: number
  ack: number
  options: readonly number[]
  payload: number
  /** The kernel left the checksum to the device: the field holds the pseudo header's sum only. */
  partial: boolean
}

/** A template that is stamped into slots; numbers mean nothing to one of UDP. */
export interface Stamp {
  /**
   * Copies the template into `slot`, a slot just taken. `ports` is source << 16 | destination; `seq` and `ack` are added to
   * those of the template.
   */
  stamp(slot: number, src: number, dst: number, ports: number, seq?: number, ack?: number): void
}

/** Adds `by` to a number of 32 bits. => Difference of the checksum */
function moved(pkt: DataView, at: number, by: number): number {
  const before = pkt.getInt32(at)
  pkt.setInt32(at, before + by)
  return diff32(before, (before + by) | 0)
}

/** Writes header, options and payload of TCP at `at`, all but ports and checksum. */
function writeTcp(bytes: Uint8Array, at: number, fields: SegmentFields): void {
  const view = new DataView(bytes.buffer)
  const header = TCP.HEADER + fields.options.length
  view.setInt32(at + TCP.SEQ, fields.seq)
  view.setInt32(at + TCP.ACK, fields.ack)
  view.setUint16(at + TCP.OFFSET, (header << 10) | fields.flags)
  view.setUint16(at + TCP.WINDOW, 502)
  bytes.set(fields.options, at + TCP.HEADER)
  bytes.fill(0x61, at + header)
}

/** Stores the checksum of the segment at `at`, or what a kernel leaves of it; `pseudo` is the pseudo header's sum. */
function sumUp(view: DataView, at: number, pseudo: number, partial: boolean): void {
  const bytes = view.byteLength - at
  if (!partial) {
    view.setUint16(at + TCP.CHECKSUM, ~fold(pseudo + sumWords(view, at, bytes)))
    return
  }
  view.setUint8(VNET.FLAGS, VNET_FLAG.NEEDS_CSUM)
  view.setUint16(VNET.CSUM_START, at - VNET.BYTES, true)
  view.setUint16(VNET.CSUM_OFFSET, TCP.CHECKSUM, true)
  view.setUint16(at + TCP.CHECKSUM, fold(pseudo))
}

/** Where the header of a family has what tells addresses apart, and how it is written. */
export interface FamilyHeader {
  type: number
  bytes: number
  src: number
  dst: number
  /** Of the header, if it has one. */
  checksum?: number
  /** Writes that of a segment of TCP at `ip`, with addresses that are 0 there. => The pseudo header's sum */
  write(view: DataView, ip: number, l4Bytes: number): number
}

export const FOUR: FamilyHeader = {
  type: ETHERTYPE.IPV4,
  bytes: IPV4.HEADER,
  src: IPV4.SRC,
  dst: IPV4.DST,
  checksum: IPV4.CHECKSUM,
  write(view, ip, l4Bytes) {
    writeIpv4(view, ip, PROTO.TCP, IPV4.HEADER + l4Bytes, 0, 0)
    return pseudoSum(0, 0, PROTO.TCP, l4Bytes)
  },
}

export class Segment implements Stamp {
  readonly #bytes: Uint8Array
  readonly #partial: boolean
  readonly #arena: Uint8Array
  readonly #frames: Frames
  readonly #header: FamilyHeader

  /** Addresses and ports are 0 until the template is stamped. */
  constructor(frames: Frames, fields: SegmentFields, header = FOUR) {
    const l4 = IP + header.bytes
    const l4Bytes = TCP.HEADER + fields.options.length + fields.payload
    this.#bytes = new Uint8Array(l4 + l4Bytes)
    this.#partial = fields.partial
    this.#frames = frames
    this.#arena = new Uint8Array(frames.pkt.buffer)
    this.#header = header
    const view = new DataView(this.#bytes.buffer)
    const [toHi, toLo] = fields.to
    const [fromHi, fromLo] = fields.from
    writeEthernet(view, VNET.BYTES, toHi, toLo, fromHi, fromLo, header.type)
    const pseudo = header.write(view, IP, l4Bytes)
    writeTcp(this.#bytes, l4, fields)
    sumUp(view, l4, pseudo, fields.partial)
  }

  stamp(slot: number, src: number, dst: number, ports: number, seq = 0, ack = 0): void {
    const { pkt, start, length } = this.#frames
    const header = this.#header
    const at = start[slot]
    const ip = at + IP
    const l4 = ip + header.bytes
    this.#arena.set(this.#bytes, at)
    length[slot] = this.#bytes.length
    pkt.setInt32(ip + header.src, src)
    pkt.setInt32(ip + header.dst, dst)
    pkt.setInt32(l4 + TCP.SPORT, ports)
    const addresses = diff32(0, src) + diff32(0, dst)
    if (header.checksum !== undefined) adjust(pkt, ip + header.checksum, addresses)
    const numbers = moved(pkt, l4 + TCP.SEQ, seq) + moved(pkt, l4 + TCP.ACK, ack)
    if (this.#partial) adjustPartial(pkt, l4 + TCP.CHECKSUM, addresses)
    else adjust(pkt, l4 + TCP.CHECKSUM, addresses + diff32(0, ports) + numbers)
  }
}

/**
 * A header of the PROXY protocol put into a packet, in front of its payload or in place of the client's own; the payload stays where it
 * is, and what is before it grows towards the headroom. What it is put into is not translated yet, and its checksum was right.
 */

import { adjust, adjustPartial, diff16, fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, PROTO, writeIpv4 } from '../../wire/ipv4.ts'
import { IPV6 as IPV6_HEADER, pseudoSum6, writeIpv6 } from '../../wire/ipv6.ts'
import type { ProxyWriter } from '../../wire/proxy.ts'
import { ProxyTranslator } from '../../wire/proxy-text.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { clearVnetHdr, VNET } from '../../wire/vnet-hdr.ts'
import { CELL, KEY, PROXY, RECORD } from '../conn-layout.ts'
import { type Frames, slotBase } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { Addresses6 } from './addresses6.ts'
import { DueHeader } from './due-header.ts'
import { moveHeaders } from './ip.ts'

const { RIP, LIP, RS_PORTS, BINDING } = CELL
const { at: recordAt, key: keyOf } = RECORD
const { IPV6 } = KEY
const { HEADER: IP6_HEADER, PAYLOAD_LENGTH } = IPV6_HEADER
const HOPS = 64
const { TOTAL_LENGTH, CHECKSUM: IP_CHECKSUM } = IPV4
const { CHECKSUM: TCP_CHECKSUM, URGENT } = TCP
const { V1_INSECURE, V2_INSECURE } = PROXY
/** Of the headroom a tag of 802.1Q may take so much on the way out. */
const TAG = 4
const { URG, ACK, PSH } = FLAG

export class ProxyHeader {
  readonly #frames: Frames
  readonly #pkt: DataView
  readonly #cells: Int32Array
  readonly #addresses: Addresses6
  readonly #due: DueHeader
  readonly #writer: ProxyWriter
  readonly #translator: ProxyTranslator

  constructor(parts: Parts) {
    const { frames, table } = parts
    this.#frames = frames
    this.#pkt = frames.pkt
    this.#cells = table.cells
    this.#addresses = new Addresses6(parts)
    this.#due = new DueHeader(parts)
    this.#writer = this.#due.writer
    this.#translator = new ProxyTranslator(this.#writer)
  }

  /** Bytes of the header that was made last. */
  get length(): number {
    return this.#writer.length
  }

  /** Makes the one that the RS of a conn gets in place of the first `taken` bytes of the payload; `mode` is one of PROXY. */
  make(p: Parsed, conn: number, mode: number, taken: number): void {
    const isInsecure = mode === V1_INSECURE || mode === V2_INSECURE
    if (taken > 0 && isInsecure && this.translate(p.l4 + p.l4Header, taken)) return
    this.#due.make(conn, mode, p.key)
  }

  /** Makes one of the other version of the client's own, which is whole. => false if that makes no sense */
  translate(at: number, bytes: number): boolean {
    return this.#translator.translate(this.#pkt, at, bytes)
  }

  /** The frame in `slot` can grow so much towards its headroom. */
  hasRoom(slot: number, by: number): boolean {
    return this.#frames.start[slot] - slotBase(slot) >= by + TAG
  }

  ethOf(slot: number): number {
    return this.#frames.start[slot] + VNET.BYTES
  }

  /** In place of the first `taken` bytes of the segment comes the header, or with `filled` false nothing. */
  replace(slot: number, p: Parsed, taken: number, filled: boolean): void {
    const pkt = this.#pkt
    const by = (filled ? this.length : 0) - taken
    this.#shift(slot, p, by)
    if (filled) this.#write(p.l4 + p.l4Header)
    if ((p.flags & URG) !== 0)
      pkt.setUint16(p.l4 + URGENT, Math.max(0, pkt.getUint16(p.l4 + URGENT) + by))
    this.#settleTcp(p, by)
  }

  /** The segment keeps its headers alone. */
  cut(slot: number, p: Parsed): void {
    const by = -p.payload
    this.#frames.length[slot] += by
    this.#grow(p, by)
    this.#settleTcp(p, by)
  }

  /** The same as replace() of a datagram, whose length says where it ends. */
  replaceInDatagram(slot: number, p: Parsed, taken: number): void {
    const pkt = this.#pkt
    const by = this.length - taken
    this.#shift(slot, p, by)
    this.#write(p.l4 + p.l4Header)
    const bytes = pkt.getUint16(p.l4 + UDP.LENGTH) + by
    pkt.setUint16(p.l4 + UDP.LENGTH, bytes)
    const field = pkt.getUint16(p.l4 + UDP.CHECKSUM)
    if (p.partial === 1) adjustPartial(pkt, p.l4 + UDP.CHECKSUM, diff16(bytes - by, bytes))
    else if (field !== 0) {
      pkt.setUint16(p.l4 + UDP.CHECKSUM, 0)
      const sum = this.#pseudo(p, PROTO.UDP, bytes) + sumWords(pkt, p.l4, bytes)
      const after = ~fold(sum) & 0xffff
      // What comes to 0 is written as 0xffff (RFC 768).
      pkt.setUint16(p.l4 + UDP.CHECKSUM, after === 0 ? 0xffff : after)
    }
  }

  /**
   * Writes a segment with nothing but the header into a slot just taken, to go to the RS of a conn ahead of the one in p; `seq` is the RS's
   * number of it, and the MACs are the caller's.
   */
  writeAlone(slot: number, p: Parsed, conn: number, seq: number): void {
    const pkt = this.#pkt
    const frames = this.#frames
    const cells = this.#cells
    const at = recordAt(conn)
    const start = frames.start[slot]
    const bytes = TCP.HEADER + this.length
    const ports = cells[at | RS_PORTS]
    clearVnetHdr(pkt, start)
    const ip = start + VNET.BYTES + ETH.HEADER
    const isSix = keyOf(cells[at | BINDING], 1) >= IPV6
    const tcp = ip + (isSix ? IP6_HEADER : IPV4.HEADER)
    const pseudo = isSix ? this.#writeIpv6(ip, conn, bytes) : this.#writeIpv4(ip, at, bytes)
    pkt.setInt32(tcp, (ports << 16) | (ports >>> 16))
    pkt.setInt32(tcp + TCP.SEQ, seq)
    pkt.setInt32(tcp + TCP.ACK, pkt.getInt32(p.l4 + TCP.ACK))
    pkt.setUint16(tcp + TCP.OFFSET, (5 << 12) | (p.flags & ACK) | PSH)
    pkt.setUint16(tcp + TCP.WINDOW, pkt.getUint16(p.l4 + TCP.WINDOW))
    pkt.setInt32(tcp + TCP_CHECKSUM, 0)
    this.#write(tcp + TCP.HEADER)
    pkt.setUint16(tcp + TCP_CHECKSUM, ~fold(pseudo + sumWords(pkt, tcp, bytes)))
    frames.length[slot] = tcp + bytes - start
  }

  /** Ethertype and IP header of a segment of `bytes` bytes to the RS of a conn. => The unfolded sum of its pseudo header */
  #writeIpv4(ip: number, at: number, bytes: number): number {
    const pkt = this.#pkt
    const [lip, rip] = [this.#cells[at | LIP], this.#cells[at | RIP]]
    pkt.setUint16(ip - ETH.HEADER + ETH.TYPE, ETHERTYPE.IPV4)
    writeIpv4(pkt, ip, PROTO.TCP, IPV4.HEADER + bytes, lip, rip)
    return pseudoSum(lip, rip, PROTO.TCP, bytes)
  }

  #writeIpv6(ip: number, conn: number, bytes: number): number {
    const pkt = this.#pkt
    pkt.setUint16(ip - ETH.HEADER + ETH.TYPE, ETHERTYPE.IPV6)
    writeIpv6(pkt, ip, PROTO.TCP, bytes, HOPS)
    this.#addresses.write(pkt, ip, conn << 1)
    return pseudoSum6(pkt, ip, PROTO.TCP, bytes)
  }

  /** Makes room of `by` bytes in front of the payload, or takes as many of it away. */
  #shift(slot: number, p: Parsed, by: number): void {
    if (by !== 0) moveHeaders(this.#frames, slot, p, p.l4 + p.l4Header, by)
    this.#grow(p, by)
  }

  #grow(p: Parsed, by: number): void {
    const pkt = this.#pkt
    if (p.key >= IPV6) pkt.setUint16(p.ip + PAYLOAD_LENGTH, p.ipTotal + by - IP6_HEADER)
    else {
      pkt.setUint16(p.ip + TOTAL_LENGTH, p.ipTotal + by)
      adjust(pkt, p.ip + IP_CHECKSUM, diff16(p.ipTotal, p.ipTotal + by))
    }
    p.payload += by
    p.ipTotal += by
    p.largest =
      p.gsoSize === 0 ? p.ipTotal : p.ipHeader + p.l4Header + Math.min(p.gsoSize, p.payload)
  }

  #write(at: number): void {
    const { bytes } = this.#frames
    const header = this.#writer.bytes
    for (let i = 0; i < this.length; i++) bytes[at + i] = header[i]
  }

  /** The segment has become longer by so much. */
  #settleTcp(p: Parsed, by: number): void {
    const pkt = this.#pkt
    const at = p.l4 + TCP_CHECKSUM
    if (p.partial === 1) {
      adjustPartial(pkt, at, diff16(p.ipTotal - by, p.ipTotal))
      return
    }
    pkt.setUint16(at, 0)
    const bytes = p.l4Header + p.payload
    const sum = this.#pseudo(p, PROTO.TCP, bytes) + sumWords(pkt, p.l4, bytes)
    pkt.setUint16(at, ~fold(sum))
  }

  #pseudo(p: Parsed, protocol: number, bytes: number): number {
    return p.key >= IPV6
      ? pseudoSum6(this.#pkt, p.ip, protocol, bytes)
      : pseudoSum(p.saddr, p.daddr, protocol, bytes)
  }
}

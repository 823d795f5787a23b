/**
 * A header of the PROXY protocol put into a packet, in front of its payload or in place of the client's own; the payload stays where it
 * is, and what is before it grows towards the headroom. What it is put into is not translated yet, and its checksum was right.
 */

import { adjust, adjustPartial, diff16, fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, PROTO, writeIpv4 } from '../../wire/ipv4.ts'
import { headerBytes, PROXY_V1, PROXY_V2, ProxyWriter, V2_KIND } from '../../wire/proxy.ts'
import { ProxyTranslator } from '../../wire/proxy-text.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { clearVnetHdr, VNET } from '../../wire/vnet-hdr.ts'
import { CELL, HEADER, KEY, PROXY, RECORD } from '../conn-layout.ts'
import { type Frames, slotBase } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { moveHeaders } from './ip.ts'

const { CIP, VIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = CELL
const { at: recordAt } = RECORD
const { TOTAL_LENGTH, CHECKSUM: IP_CHECKSUM } = IPV4
const { CHECKSUM: TCP_CHECKSUM, URGENT } = TCP
const { V1, V1_INSECURE, V2_INSECURE } = PROXY
/** Of the headroom a tag of 802.1Q may take so much on the way out. */
const TAG = 4
const { URG, ACK, PSH } = FLAG

export class ProxyHeader {
  readonly #frames: Frames
  readonly #pkt: DataView
  readonly #cells: Int32Array
  readonly #writer = new ProxyWriter()
  readonly #translator = new ProxyTranslator(this.#writer)

  constructor({ frames, table }: Parts) {
    this.#frames = frames
    this.#pkt = frames.pkt
    this.#cells = table.cells
  }

  /** Bytes of the header that was made last. */
  get length(): number {
    return this.#writer.length
  }

  /** Makes the one that the RS of a conn gets in place of the first `taken` bytes of the payload; `mode` is one of PROXY. */
  make(p: Parsed, conn: number, mode: number, taken: number): void {
    const isInsecure = mode === V1_INSECURE || mode === V2_INSECURE
    if (taken > 0 && isInsecure && this.translate(p.l4 + p.l4Header, taken)) return
    const cells = this.#cells
    const at = recordAt(conn)
    const [cip, vip, ports] = [cells[at | CIP], cells[at | VIP], cells[at | CLIENT_PORTS]]
    if (versionOf(mode) === PROXY_V1) this.#writer.v1(cip, vip, ports)
    else this.#writer.v2(p.key === KEY.UDP ? V2_KIND.UDP4 : V2_KIND.TCP4, cip, vip, ports)
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
      const sum = pseudoSum(p.saddr, p.daddr, PROTO.UDP, bytes) + sumWords(pkt, p.l4, bytes)
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
    const total = IPV4.HEADER + TCP.HEADER + this.length
    const [lip, rip, ports] = [cells[at | LIP], cells[at | RIP], cells[at | RS_PORTS]]
    clearVnetHdr(pkt, start)
    const ip = start + VNET.BYTES + ETH.HEADER
    const tcp = ip + IPV4.HEADER
    pkt.setUint16(ip - ETH.HEADER + ETH.TYPE, ETHERTYPE.IPV4)
    writeIpv4(pkt, ip, PROTO.TCP, total, lip, rip)
    pkt.setInt32(tcp, (ports << 16) | (ports >>> 16))
    pkt.setInt32(tcp + TCP.SEQ, seq)
    pkt.setInt32(tcp + TCP.ACK, pkt.getInt32(p.l4 + TCP.ACK))
    pkt.setUint16(tcp + TCP.OFFSET, (5 << 12) | (p.flags & ACK) | PSH)
    pkt.setUint16(tcp + TCP.WINDOW, pkt.getUint16(p.l4 + TCP.WINDOW))
    pkt.setInt32(tcp + TCP_CHECKSUM, 0)
    this.#write(tcp + TCP.HEADER)
    const bytes = TCP.HEADER + this.length
    const sum = pseudoSum(lip, rip, PROTO.TCP, bytes) + sumWords(pkt, tcp, bytes)
    pkt.setUint16(tcp + TCP_CHECKSUM, ~fold(sum))
    frames.length[slot] = VNET.BYTES + ETH.HEADER + total
  }

  /** Makes room of `by` bytes in front of the payload, or takes as many of it away. */
  #shift(slot: number, p: Parsed, by: number): void {
    if (by !== 0) moveHeaders(this.#frames, slot, p, p.l4 + p.l4Header, by)
    this.#grow(p, by)
  }

  #grow(p: Parsed, by: number): void {
    const pkt = this.#pkt
    pkt.setUint16(p.ip + TOTAL_LENGTH, p.ipTotal + by)
    adjust(pkt, p.ip + IP_CHECKSUM, diff16(p.ipTotal, p.ipTotal + by))
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
    const sum = pseudoSum(p.saddr, p.daddr, PROTO.TCP, bytes) + sumWords(pkt, p.l4, bytes)
    pkt.setUint16(at, ~fold(sum))
  }
}

/** The proxy cell of a new conn whose IN tuple is filled, of a service with one of PROXY. */
export function headerOf(mode: number, cells: Int32Array, at: number): number {
  if (mode === PROXY.OFF) return 0
  const ports = cells[at | CLIENT_PORTS]
  return HEADER.first(mode, headerBytes(versionOf(mode), cells[at | CIP], cells[at | VIP], ports))
}

/** PROXY_V1 or PROXY_V2, of one of PROXY. */
export function versionOf(mode: number): number {
  return mode === V1 || mode === V1_INSECURE ? PROXY_V1 : PROXY_V2
}

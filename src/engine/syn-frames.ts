/**
 * Segments of a handshake that the appliance itself writes: the answer to a client's SYN in its place, and what the client would have
 * sent an RS, in the client's own addresses and numbers, for the path of all its segments to translate.
 */

import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { IPV4, PROTO, writeIpv4 } from '../wire/ipv4.ts'
import { ADDRESS6_BYTES, IPV6, writeIpv6 } from '../wire/ipv6.ts'
import { FLAG, findOption, OPT, TCP } from '../wire/tcp.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import type { ConnTable } from './conn.ts'
import { AGREED, CELL, KEY, NO_SCALE, RECORD } from './conn-layout.ts'
import { MSS_TABLE } from './cookies.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'
import { swapMacs, turnHeader, turnHeader6, writeTcpChecksum, writeTcpChecksum6 } from './rst.ts'

const { CIP, VIP, CLIENT_PORTS, WORD, MAC_LO } = CELL
const { SYN, ACK } = FLAG
const { at: recordAt, column: columnAt } = RECORD
const DATA_SHIFT = 12
/** Of a client of which no segment is at hand: what the reference says. */
const WINDOW = 5000

/** What a SYN says, or an answer to it: NO_SCALE for no scale, and 1 or 0. */
export interface Said {
  mss: number
  scale: number
  sack: number
}

/** The scale that the segment in p says, none of more than 14 (RFC 7323 2.3), or NO_SCALE. */
export function scaleIn(pkt: DataView, { l4, l4Header }: Parsed): number {
  const at = findOption(pkt, l4 + TCP.HEADER, l4 + l4Header, OPT.WSCALE, 3)
  return at < 0 ? NO_SCALE : Math.min(pkt.getUint8(at + 2), NO_SCALE - 1)
}

/** Reads what the SYN in p says; an MSS that it does not say is 0, and a scale is as it stands there. */
export function readSaid(pkt: DataView, p: Parsed, said: Said): void {
  const from = p.l4 + TCP.HEADER
  const end = p.l4 + p.l4Header
  const mss = findOption(pkt, from, end, OPT.MSS, 4)
  said.mss = mss < 0 ? 0 : pkt.getUint16(mss + 2)
  said.scale = scaleIn(pkt, p)
  said.sack = findOption(pkt, from, end, OPT.SACK_OK, 2) < 0 ? 0 : 1
}

/** MSS, SACK and scale, as many of them as there are, behind the header at `tcp`. => Bytes of the header with them */
function writeSaid(pkt: DataView, tcp: number, { mss, scale, sack }: Said): number {
  let at = tcp + TCP.HEADER
  pkt.setInt32(at, (OPT.MSS << 24) | (4 << 16) | mss)
  at += 4
  if (sack === 1) {
    pkt.setInt32(at, (OPT.NOP << 24) | (OPT.NOP << 16) | (OPT.SACK_OK << 8) | 2)
    at += 4
  }
  if (scale !== NO_SCALE) {
    pkt.setInt32(at, (OPT.NOP << 24) | (OPT.WSCALE << 16) | (3 << 8) | scale)
    at += 4
  }
  return at - tcp
}

/**
 * Turns the SYN in `slot` into the answer to it, from whom it was sent to: MACs, addresses and ports swapped, seq `isn`, its own window,
 * no payload, TTL 63, TOS 0 (semantics 2.8).
 */
export function turnIntoSynAck(
  frames: Frames,
  slot: number,
  p: Parsed,
  isn: number,
  said: Said,
): void {
  const { pkt } = frames
  const { l4 } = p
  const seq = pkt.getInt32(l4 + TCP.SEQ)
  swapMacs(pkt, p.eth)
  const header = writeSaid(pkt, l4, said)
  p.l4Header = header
  if (p.key >= KEY.IPV6) turnHeader6(pkt, p)
  else turnHeader(pkt, p)
  pkt.setInt32(l4 + TCP.SPORT, (p.ports << 16) | (p.ports >>> 16))
  pkt.setInt32(l4 + TCP.SEQ, isn)
  pkt.setInt32(l4 + TCP.ACK, (seq + 1) | 0)
  pkt.setUint16(l4 + TCP.OFFSET, ((header >>> 2) << DATA_SHIFT) | SYN | ACK)
  pkt.setUint16(l4 + TCP.URGENT, 0)
  if (p.key >= KEY.IPV6) writeTcpChecksum6(pkt, p.ip, l4, header)
  else writeTcpChecksum(pkt, p.ip, l4, header)
  clearVnetHdr(pkt, frames.start[slot])
  frames.length[slot] = VNET.BYTES + ETH.HEADER + p.ipHeader + header
}

/** Writes segments of the client of a conn. */
export class ClientFrames {
  readonly #frames: Frames
  readonly #table: ConnTable
  readonly #book: AddressBook
  readonly #said: Said = { mss: 0, scale: 0, sack: 0 }

  constructor(frames: Frames, table: ConnTable, book: AddressBook) {
    this.#frames = frames
    this.#table = table
    this.#book = book
  }

  /** Its SYN again, as far as the cookie has kept it. */
  writeSyn(slot: number, conn: number, arm: Arm, isn: number, agreed: number): void {
    const said = this.#said
    said.mss = MSS_TABLE[AGREED.mss(agreed)]
    said.scale = AGREED.client(agreed)
    said.sack = AGREED.sack(agreed)
    this.write(slot, conn, arm, isn, 0, said)
  }

  /**
   * Into a slot just taken, as it would come in on `arm`: a SYN that says what `said` does, or without it an ACK of `ack`. TTL 64, DF.
   */
  write(slot: number, conn: number, arm: Arm, seq: number, ack: number, said: Said | null): void {
    const { pkt, start, length } = this.#frames
    const { cells } = this.#table
    const at = recordAt(conn)
    const isSix = RECORD.key(cells[at | CELL.BINDING], 0) >= KEY.IPV6
    const eth = start[slot] + VNET.BYTES
    const ip = eth + ETH.HEADER
    const l4 = ip + (isSix ? IPV6.HEADER : IPV4.HEADER)
    clearVnetHdr(pkt, start[slot])
    this.#writeEthernet(eth, at, arm, isSix)
    pkt.setInt32(l4 + TCP.SPORT, cells[at | CLIENT_PORTS])
    pkt.setInt32(l4 + TCP.SEQ, seq)
    pkt.setInt32(l4 + TCP.ACK, ack)
    const header = said === null ? TCP.HEADER : writeSaid(pkt, l4, said)
    pkt.setUint16(l4 + TCP.OFFSET, ((header >>> 2) << DATA_SHIFT) | (said === null ? ACK : SYN))
    pkt.setUint16(l4 + TCP.WINDOW, WINDOW)
    pkt.setUint16(l4 + TCP.URGENT, 0)
    if (isSix) {
      writeIpv6(pkt, ip, PROTO.TCP, header, 64)
      for (let i = 0; i < ADDRESS6_BYTES; i += 4)
        pkt.setInt32(ip + IPV6.SRC + i, this.#table.wide[columnAt(conn) + (i >> 2)])
      this.#book.write(pkt, ip + IPV6.DST, cells[at | VIP])
      writeTcpChecksum6(pkt, ip, l4, header)
    } else {
      writeIpv4(pkt, ip, PROTO.TCP, IPV4.HEADER + header, cells[at | CIP], cells[at | VIP])
      writeTcpChecksum(pkt, ip, l4, header)
    }
    length[slot] = l4 + header - start[slot]
  }

  #writeEthernet(eth: number, at: number, arm: Arm, isSix: boolean): void {
    const { pkt } = this.#frames
    const { cells } = this.#table
    pkt.setUint16(eth + ETH.DST, arm.macHi)
    pkt.setInt32(eth + ETH.DST + 2, arm.macLo)
    pkt.setUint16(eth + ETH.SRC, cells[at | WORD] >>> 16)
    pkt.setInt32(eth + ETH.SRC + 2, cells[at | MAC_LO])
    pkt.setUint16(eth + ETH.TYPE, isSix ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4)
  }
}

/**
 * UOA: the client's address and port beside a datagram, for RS modules that give them to the application (semantics 4.2). In a
 * header of its own between IP and UDP, or as an option of IP; where there is no room, in an empty datagram ahead.
 *
 * What is to be cut up, because it is several datagrams or came in fragments, keeps its headers: nobody knows how to cut up
 * protocol 248, and an option would be in all pieces.
 */

import { adjust, diff16, diff32, fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, PROTO, writeHeaderChecksum, writeIpv4 } from '../../wire/ipv4.ts'
import { UDP, udpSum } from '../../wire/udp.ts'
import { UOA } from '../../wire/uoa.ts'
import { clearVnetHdr, VNET } from '../../wire/vnet-hdr.ts'
import { CELL, RECORD } from '../conn-layout.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import { moveHeaders } from './ip.ts'

/**
 * off; in a header of its own, IP protocol 248; or as an IP option. An RS without the module drops what comes in protocol 248,
 * and takes what has the option.
 */
export const UoaMode = { OFF: 0, OPP: 1, IPO: 2 } as const

/** Datagrams of a connection that can be told to carry it. */
export const UOA_TRAIL_MAX = 255

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { OPP } = UoaMode
const { HEADER: IP_HEADER, VERSION_IHL, TOTAL_LENGTH, FRAGMENT, TTL, CHECKSUM: IP_CHECKSUM } = IPV4
const { HEADER: UDP_HEADER, CHECKSUM: UDP_CHECKSUM } = UDP
const { BYTES: OPTION_BYTES, HEADER: UOA_HEADER } = UOA
const OPP_BYTES = UOA_HEADER + OPTION_BYTES
const IP_HEADER_MAX = 60
const { CIP, CLIENT_PORTS, RIP, LIP, RS_PORTS } = CELL
const { at: recordAt } = RECORD

/** The datagram, which leaves on an arm of this MTU, has room for it; `came` is as Frames.fragment. */
export function hasRoomForUoa(p: Parsed, came: number, mode: number, mtu: number): boolean {
  const grown = mode === OPP ? OPP_BYTES : OPTION_BYTES
  if (p.gsoSize !== 0 || came !== 0 || p.ipTotal + grown > mtu) return false
  return mode === OPP || p.ipHeader + OPTION_BYTES <= IP_HEADER_MAX
}

/**
 * Puts it into the datagram in `slot`, which has room and is translated; the payload stays where it is, and the frame grows
 * towards its headroom. Behind a header of UOA the checksum of UDP is 0 (semantics 4.2).
 */
export function insertUoa(
  frames: Frames,
  slot: number,
  p: Parsed,
  cip: number,
  cport: number,
  mode: number,
): void {
  const { pkt } = frames
  if (mode === OPP) {
    makeRoom(frames, slot, p, p.ipHeader, OPP_BYTES)
    writeOpp(pkt, p.l4, cip, cport)
    const before = pkt.getUint16(p.ip + TTL)
    const after = (before & 0xff00) | UOA.PROTOCOL
    pkt.setUint16(p.ip + TTL, after)
    adjust(pkt, p.ip + IP_CHECKSUM, diff16(before, after))
    p.l4 += OPP_BYTES
    pkt.setUint16(p.l4 + UDP_CHECKSUM, 0)
    if (p.partial === 1) clearVnetHdr(pkt, frames.start[slot])
  } else {
    makeRoom(frames, slot, p, IP_HEADER, OPTION_BYTES)
    writeOption(pkt, p.ip + IP_HEADER, cip, cport)
    const before = pkt.getUint16(p.ip + VERSION_IHL)
    const after = before + ((OPTION_BYTES / 4) << 8)
    pkt.setUint16(p.ip + VERSION_IHL, after)
    const option = diff32(0, pkt.getInt32(p.ip + IP_HEADER))
    const words = option + diff32(0, pkt.getInt32(p.ip + IP_HEADER + 4))
    adjust(pkt, p.ip + IP_CHECKSUM, diff16(before, after) + words)
    p.ipHeader += OPTION_BYTES
    p.l4 += OPTION_BYTES
    if (p.partial === 1) pkt.setUint16(frames.start[slot] + VNET.CSUM_START, p.l4 - p.eth, true)
  }
}

/** Makes room of `by` bytes behind the first `ipBytes` of the IP header. */
function makeRoom(frames: Frames, slot: number, p: Parsed, ipBytes: number, by: number): void {
  const { pkt } = frames
  moveHeaders(frames, slot, p, p.ip + ipBytes, by)
  pkt.setUint16(p.ip + TOTAL_LENGTH, p.ipTotal + by)
  adjust(pkt, p.ip + IP_CHECKSUM, diff16(p.ipTotal, p.ipTotal + by))
}

function writeOpp(pkt: DataView, at: number, cip: number, cport: number): void {
  // Version 1: the client's address is of IPv4.
  pkt.setUint16(at, (1 << 12) | PROTO.UDP)
  pkt.setUint16(at + UOA.LENGTH, OPP_BYTES)
  writeOption(pkt, at + UOA_HEADER, cip, cport)
}

function writeOption(pkt: DataView, at: number, cip: number, cport: number): void {
  pkt.setUint16(at, (UOA.KIND << 8) | OPTION_BYTES)
  pkt.setUint16(at + UOA.PORT, cport)
  pkt.setInt32(at + UOA.ADDRESS, cip)
}

/** Writes an empty datagram to a conn's RS with nothing but UOA into a slot just taken; the MACs are the caller's. DF is clear. */
export function writeUoaAlone(
  frames: Frames,
  slot: number,
  cells: Int32Array,
  conn: number,
  mode: number,
): void {
  const { pkt } = frames
  const start = frames.start[slot]
  const record = recordAt(conn)
  const grown = mode === OPP ? OPP_BYTES : OPTION_BYTES
  const total = IP_HEADER + grown + UDP_HEADER
  const [lip, rip] = [cells[record | LIP], cells[record | RIP]]
  const rsPorts = cells[record | RS_PORTS]
  const cport = cells[record | CLIENT_PORTS] >>> 16
  clearVnetHdr(pkt, start)
  const ip = start + VNET.BYTES + ETH.HEADER
  pkt.setUint16(ip - ETH.HEADER + ETH.TYPE, ETHERTYPE.IPV4)
  writeIpv4(pkt, ip, mode === OPP ? UOA.PROTOCOL : PROTO.UDP, total, lip, rip)
  pkt.setUint16(ip + FRAGMENT, 0)
  if (mode === OPP) writeOpp(pkt, ip + IP_HEADER, cells[record | CIP], cport)
  else {
    pkt.setUint8(ip, 0x40 | ((IP_HEADER + OPTION_BYTES) / 4))
    writeOption(pkt, ip + IP_HEADER, cells[record | CIP], cport)
  }
  writeHeaderChecksum(pkt, ip, mode === OPP ? IP_HEADER : IP_HEADER + OPTION_BYTES)
  const l4 = ip + IP_HEADER + grown
  pkt.setInt32(l4, (rsPorts << 16) | (rsPorts >>> 16))
  pkt.setUint16(l4 + UDP.LENGTH, UDP_HEADER)
  pkt.setUint16(l4 + UDP_CHECKSUM, 0)
  if (mode !== OPP) writeUdpChecksum(pkt, l4, lip, rip, UDP_HEADER)
  frames.length[slot] = VNET.BYTES + ETH.HEADER + total
}

/** The datagram of UDP at `l4`, behind an IP header at `ip`, has nothing in it but a client's address in an IP option. */
export function isUoaAlone(pkt: DataView, ip: number, l4: number): boolean {
  const option = ip + IP_HEADER
  if (l4 < option + OPTION_BYTES || pkt.getUint8(option) !== UOA.KIND) return false
  return pkt.getUint16(l4 + UDP.LENGTH) === UDP_HEADER
}

/** Computes and stores the checksum of a datagram of `bytes` bytes whose field is 0. */
export function writeUdpChecksum(
  pkt: DataView,
  l4: number,
  src: number,
  dst: number,
  bytes: number,
): void {
  const sum = ~fold(pseudoSum(src, dst, PROTO.UDP, bytes) + sumWords(pkt, l4, bytes)) & 0xffff
  pkt.setUint16(l4 + UDP_CHECKSUM, udpSum(sum))
}

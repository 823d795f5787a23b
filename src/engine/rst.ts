/** Resets that the appliance itself originates: to both ends on expiry, and in answer to a bare ACK. */

import { fold, pseudoSum, sumWords } from '../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { IPV4, PROTO, writeHeaderChecksum, writeIpv4 } from '../wire/ipv4.ts'
import { ADDRESS6_BYTES, IPV6, pseudoSum6, writeIpv6 } from '../wire/ipv6.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import { KEY } from './conn-layout.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'

/**
 * Writes an option-less RST into a slot just taken: IP and TCP; the Ethernet header is the caller's. Ports are
 * source << 16 | destination. ack 0, window 0, TTL 64, DF (semantics 2.7).
 */
export function writeRst(
  frames: Frames,
  slot: number,
  src: number,
  dst: number,
  ports: number,
  seq: number,
  ack: number,
): void {
  const { pkt } = frames
  const start = frames.start[slot]
  clearVnetHdr(pkt, start)
  const eth = start + VNET.BYTES
  pkt.setUint16(eth + ETH.TYPE, ETHERTYPE.IPV4)
  const ip = eth + ETH.HEADER
  writeIpv4(pkt, ip, PROTO.TCP, IPV4.HEADER + TCP.HEADER, src, dst)
  const tcp = ip + IPV4.HEADER
  writeHeader(pkt, tcp, ports, seq, ack)
  writeTcpChecksum(pkt, ip, tcp, TCP.HEADER)
  frames.length[slot] = VNET.BYTES + ETH.HEADER + IPV4.HEADER + TCP.HEADER
}

/** The same over IPv6 without addresses, and so without a checksum: finishRst6() is to follow. => Where the IPv6 header is */
export function beginRst6(
  { pkt, start, length }: Frames,
  slot: number,
  ports: number,
  seq: number,
  ack: number,
): number {
  clearVnetHdr(pkt, start[slot])
  const eth = start[slot] + VNET.BYTES
  pkt.setUint16(eth + ETH.TYPE, ETHERTYPE.IPV6)
  const ip = eth + ETH.HEADER
  writeIpv6(pkt, ip, PROTO.TCP, TCP.HEADER, 64)
  writeHeader(pkt, ip + IPV6.HEADER, ports, seq, ack)
  length[slot] = VNET.BYTES + ETH.HEADER + IPV6.HEADER + TCP.HEADER
  return ip
}

export function finishRst6(pkt: DataView, ip: number): void {
  writeTcpChecksum6(pkt, ip, ip + IPV6.HEADER, TCP.HEADER)
}

function writeHeader(pkt: DataView, tcp: number, ports: number, seq: number, ack: number): void {
  pkt.setInt32(tcp + TCP.SPORT, ports)
  pkt.setInt32(tcp + TCP.SEQ, seq)
  pkt.setInt32(tcp + TCP.ACK, ack)
  pkt.setUint16(tcp + TCP.OFFSET, (5 << 12) | FLAG.RST)
  pkt.setInt32(tcp + TCP.WINDOW, 0)
  pkt.setUint16(tcp + TCP.URGENT, 0)
}

/**
 * Turns the bare ACK in `slot` into the RST+ACK that master sends back (semantics 1.6): addresses, ports and
 * MACs swapped, seq = its ack, ack = its seq + payload, window 0, no payload, TTL 63, TOS 0; options stay. A SYN, which
 * acknowledges nothing, gets seq 0 and one more in ack (RFC 9293 3.10.7.1).
 */
export function turnIntoRst(frames: Frames, slot: number, p: Parsed): void {
  const { pkt } = frames
  const isSix = p.key >= KEY.IPV6
  const seq = pkt.getInt32(p.l4 + TCP.SEQ)
  const syn = (p.flags & FLAG.SYN) === 0 ? 0 : 1
  const ack = (p.flags & FLAG.ACK) === 0 ? 0 : pkt.getInt32(p.l4 + TCP.ACK)
  swapMacs(pkt, p.eth)
  if (isSix) turnHeader6(pkt, p)
  else turnHeader(pkt, p)
  pkt.setInt32(p.l4 + TCP.SPORT, (p.ports << 16) | (p.ports >>> 16))
  pkt.setInt32(p.l4 + TCP.SEQ, ack)
  pkt.setInt32(p.l4 + TCP.ACK, (seq + p.payload + syn) | 0)
  pkt.setUint8(p.l4 + TCP.FLAGS, FLAG.RST | FLAG.ACK)
  pkt.setUint16(p.l4 + TCP.WINDOW, 0)
  if (isSix) writeTcpChecksum6(pkt, p.ip, p.l4, p.l4Header)
  else writeTcpChecksum(pkt, p.ip, p.l4, p.l4Header)
  clearVnetHdr(pkt, frames.start[slot])
  frames.length[slot] = VNET.BYTES + ETH.HEADER + p.ipHeader + p.l4Header
}

export function turnHeader(pkt: DataView, p: Parsed): void {
  pkt.setUint8(p.ip + IPV4.TOS, 0)
  pkt.setUint16(p.ip + IPV4.TOTAL_LENGTH, p.ipHeader + p.l4Header)
  pkt.setUint8(p.ip + IPV4.TTL, 63)
  pkt.setInt32(p.ip + IPV4.SRC, p.daddr)
  pkt.setInt32(p.ip + IPV4.DST, p.saddr)
  writeHeaderChecksum(pkt, p.ip, p.ipHeader)
}

/** Extension headers stay, as options do. */
export function turnHeader6(pkt: DataView, p: Parsed): void {
  pkt.setInt32(p.ip, 0x6000_0000)
  pkt.setUint16(p.ip + IPV6.PAYLOAD_LENGTH, p.ipHeader + p.l4Header - IPV6.HEADER)
  pkt.setUint8(p.ip + IPV6.HOP_LIMIT, 63)
  swapAddresses6(pkt, p.ip)
}

export function swapAddresses6(pkt: DataView, ip: number): void {
  for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
    const src = pkt.getInt32(ip + IPV6.SRC + i)
    pkt.setInt32(ip + IPV6.SRC + i, pkt.getInt32(ip + IPV6.DST + i))
    pkt.setInt32(ip + IPV6.DST + i, src)
  }
}

/** Answers go back to the MAC that asked, from the one it asked. */
export function swapMacs(pkt: DataView, eth: number): void {
  const hi = pkt.getUint16(eth + ETH.DST)
  const lo = pkt.getInt32(eth + ETH.DST + 2)
  pkt.setUint16(eth + ETH.DST, pkt.getUint16(eth + ETH.SRC))
  pkt.setInt32(eth + ETH.DST + 2, pkt.getInt32(eth + ETH.SRC + 2))
  pkt.setUint16(eth + ETH.SRC, hi)
  pkt.setInt32(eth + ETH.SRC + 2, lo)
}

export function writeTcpChecksum(pkt: DataView, ip: number, tcp: number, bytes: number): void {
  pkt.setUint16(tcp + TCP.CHECKSUM, 0)
  const pseudo = pseudoSum(
    pkt.getInt32(ip + IPV4.SRC),
    pkt.getInt32(ip + IPV4.DST),
    PROTO.TCP,
    bytes,
  )
  pkt.setUint16(tcp + TCP.CHECKSUM, ~fold(pseudo + sumWords(pkt, tcp, bytes)))
}

export function writeTcpChecksum6(pkt: DataView, ip: number, tcp: number, bytes: number): void {
  pkt.setUint16(tcp + TCP.CHECKSUM, 0)
  const pseudo = pseudoSum6(pkt, ip, PROTO.TCP, bytes)
  pkt.setUint16(tcp + TCP.CHECKSUM, ~fold(pseudo + sumWords(pkt, tcp, bytes)))
}

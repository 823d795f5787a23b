/** ARP for IPv4 over Ethernet (RFC 826); offsets are from the first byte after the Ethernet header. */

import { ETH, ETHERTYPE, writeEthernet } from './ethernet.ts'

export const ARP = {
  HTYPE: 0,
  PTYPE: 2,
  HLEN: 4,
  PLEN: 5,
  OP: 6,
  SHA: 8,
  SPA: 14,
  THA: 18,
  TPA: 24,
  BYTES: 28,
} as const

export const ARP_OP = { REQUEST: 1, REPLY: 2 } as const

/** True if the 28 bytes at `arp` speak of IPv4 over Ethernet: htype 1, ptype 0x0800, lengths 6 and 4. */
export function isIpv4OverEthernet(pkt: DataView, arp: number): boolean {
  return pkt.getInt32(arp + ARP.HTYPE) === 0x00010800 && pkt.getUint16(arp + ARP.HLEN) === 0x0604
}

/**
 * Writes a whole frame at `eth`: a broadcast request "who has `target`, tell `sender`". With target equal to
 * sender it is a gratuitous ARP (RFC 5227 section 3). Returns the frame's length, 42 bytes.
 */
export function writeArpRequest(
  pkt: DataView,
  eth: number,
  macHi: number,
  macLo: number,
  sender: number,
  target: number,
): number {
  writeEthernet(pkt, eth, 0xffff, -1, macHi, macLo, ETHERTYPE.ARP)
  const arp = eth + ETH.HEADER
  pkt.setInt32(arp + ARP.HTYPE, 0x00010800)
  pkt.setInt32(arp + ARP.HLEN, 0x06040000 | ARP_OP.REQUEST)
  pkt.setUint16(arp + ARP.SHA, macHi)
  pkt.setInt32(arp + ARP.SHA + 2, macLo)
  pkt.setInt32(arp + ARP.SPA, sender)
  pkt.setUint16(arp + ARP.THA, 0)
  pkt.setInt32(arp + ARP.THA + 2, 0)
  pkt.setInt32(arp + ARP.TPA, target)
  return ETH.HEADER + ARP.BYTES
}

/**
 * Turns the request at `eth` into the reply, in place: our MAC as sender, addresses swapped, unicast to the
 * Ethernet source (semantics 6.3; RFC 826 "swap hardware and protocol fields").
 */
export function turnIntoReply(pkt: DataView, eth: number, macHi: number, macLo: number): void {
  const arp = eth + ETH.HEADER
  const asked = pkt.getInt32(arp + ARP.TPA)
  pkt.setUint16(eth + ETH.DST, pkt.getUint16(eth + ETH.SRC))
  pkt.setInt32(eth + ETH.DST + 2, pkt.getInt32(eth + ETH.SRC + 2))
  pkt.setUint16(eth + ETH.SRC, macHi)
  pkt.setInt32(eth + ETH.SRC + 2, macLo)
  pkt.setUint16(arp + ARP.OP, ARP_OP.REPLY)
  pkt.setUint16(arp + ARP.THA, pkt.getUint16(arp + ARP.SHA))
  pkt.setInt32(arp + ARP.THA + 2, pkt.getInt32(arp + ARP.SHA + 2))
  pkt.setInt32(arp + ARP.TPA, pkt.getInt32(arp + ARP.SPA))
  pkt.setUint16(arp + ARP.SHA, macHi)
  pkt.setInt32(arp + ARP.SHA + 2, macLo)
  pkt.setInt32(arp + ARP.SPA, asked)
}

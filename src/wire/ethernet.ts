/**
 * Ethernet II. A MAC is two integers: the first 16 bits (0..0xffff) and the last 32 (an int32), so that
 * comparing and copying one costs two loads and two stores.
 */

export const ETH = { DST: 0, SRC: 6, TYPE: 12, HEADER: 14 } as const

/**
 * An 802.1Q tag stands where the ethertype would, which follows it (IEEE 802.1Q 9.3): TPID 0x8100, then 3 bits of priority, one
 * of drop eligibility, and 12 of the VLAN id; id 0 is a priority and no VLAN.
 */
export const VLAN = { TCI: 14, TYPE: 16, TAG: 4, HEADER: 18, ID_BITS: 0xfff } as const

/** Ethertypes that the engine knows by name (IEEE 802 numbers). */
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  IPV6: 0x86dd,
} as const

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { TYPE } = ETH

/** Writes destination, source and type of the frame at `eth`. */
export function writeEthernet(
  pkt: DataView,
  eth: number,
  dstHi: number,
  dstLo: number,
  srcHi: number,
  srcLo: number,
  type: number,
): void {
  writeMacs(pkt, eth, dstHi, dstLo, srcHi, srcLo)
  pkt.setUint16(eth + TYPE, type)
}

/** Writes destination and source, three words as they lie. */
export function writeMacs(
  pkt: DataView,
  eth: number,
  dstHi: number,
  dstLo: number,
  srcHi: number,
  srcLo: number,
): void {
  pkt.setInt32(eth, (dstHi << 16) | (dstLo >>> 16))
  pkt.setInt32(eth + 4, (dstLo << 16) | srcHi)
  pkt.setInt32(eth + 8, srcLo)
}

/**
 * Ethernet II. A MAC is two integers: the first 16 bits (0..0xffff) and the last 32 (an int32), so that
 * comparing and copying one costs two loads and two stores.
 */

export const ETH = { DST: 0, SRC: 6, TYPE: 12, HEADER: 14 } as const

/** Ethertypes that the engine knows by name (IEEE 802 numbers). */
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  VLAN: 0x8100,
  QINQ: 0x88a8,
  IPV6: 0x86dd,
} as const

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { DST, SRC, TYPE } = ETH

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
  pkt.setUint16(eth + DST, dstHi)
  pkt.setInt32(eth + DST + 2, dstLo)
  pkt.setUint16(eth + SRC, srcHi)
  pkt.setInt32(eth + SRC + 2, srcLo)
  pkt.setUint16(eth + TYPE, type)
}

/**
 * What captures have in front of the IP header, turned into an Ethernet header. `tcpdump -i any` leaves a cooked header
 * (LINUX_SLL) that knows one MAC and which way the packet went, and in its second form which interface it was.
 */

import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import type { CapturedInterface, CapturedPacket } from './captured.ts'

export const LINK = {
  ETHERNET: 1,
  RAW_BSD: 12,
  RAW: 101,
  SLL: 113,
  IPV4: 228,
  IPV6: 229,
  SLL2: 276,
} as const

const SLL_HEADER = 16
const SLL2_HEADER = 20
/** Packet type of what the machine itself sent. */
const OUTGOING = 4

/**
 * The packet with an Ethernet header; one of an unknown link type stays as it is. Interfaces of cooked packets are
 * added as they are met, `any-3` for index 3.
 */
export function ethernetOf(
  packet: CapturedPacket,
  linkType: number,
  interfaces: CapturedInterface[],
): CapturedPacket {
  const { bytes } = packet
  if (linkType === LINK.SLL && bytes.length >= SLL_HEADER) {
    const at = cooked(packet, SLL_HEADER, { type: 0, mac: 6, protocol: 14 })
    return { ...at, interface: packet.interface }
  }
  if (linkType === LINK.SLL2 && bytes.length >= SLL2_HEADER) {
    const view = viewOf(bytes)
    const name = `${interfaces[packet.interface]?.name ?? 'any'}-${view.getUint32(4)}`
    let index = interfaces.findIndex(known => known.name === name)
    if (index < 0) index = interfaces.push({ name, linkType }) - 1
    return { ...cooked(packet, SLL2_HEADER, { type: 10, mac: 12, protocol: 0 }), interface: index }
  }
  const raw: number[] = [LINK.RAW, LINK.RAW_BSD, LINK.IPV4, LINK.IPV6]
  if (!raw.includes(linkType)) return packet
  const type = (bytes[0] ?? 0) >>> 4 === 6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4
  return { ...packet, ...behindEthernet(packet, 0, new Uint8Array(6), type) }
}

/** `type` is two bytes in the first form, one in the second; the low one counts. */
function cooked(
  packet: CapturedPacket,
  header: number,
  offsets: { type: number; mac: number; protocol: number },
): CapturedPacket {
  const { bytes } = packet
  const view = viewOf(bytes)
  const type = header === SLL_HEADER ? view.getUint16(offsets.type) : view.getUint8(offsets.type)
  const mac = bytes.subarray(offsets.mac, offsets.mac + 6)
  const frame = behindEthernet(packet, header, mac, view.getUint16(offsets.protocol))
  const direction = type === OUTGOING ? 'out' : 'in'
  return { ...packet, ...frame, direction: packet.direction ?? direction }
}

function behindEthernet(
  { bytes, length }: CapturedPacket,
  header: number,
  source: Uint8Array,
  type: number,
): { bytes: Uint8Array; length: number } {
  const frame = new Uint8Array(ETH.HEADER + bytes.length - header)
  frame.set(source, ETH.SRC)
  frame[ETH.TYPE] = type >>> 8
  frame[ETH.TYPE + 1] = type & 0xff
  frame.set(bytes.subarray(header), ETH.HEADER)
  return { bytes: frame, length: Math.max(length - header, 0) + ETH.HEADER }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

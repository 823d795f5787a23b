/**
 * What captures have in front of the IP header, turned into an Ethernet header without MACs. `tcpdump -i any` leaves a cooked header
 * (LINUX_SLL) that knows which way the packet went, and in its second form which interface it was; tunnels leave none, loopback devices
 * of BSD an address family.
 */

import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import type { CapturedInterface, CapturedPacket } from './captured.ts'

/** LINKTYPE numbers of files. Kernels wrote theirs for raw IP too, which differ from one BSD to the next. */
export const LINK = {
  NULL: 0,
  ETHERNET: 1,
  RAW_BSD: 12,
  RAW_OPENBSD: 14,
  RAW: 101,
  LOOP: 108,
  SLL: 113,
  IPV4: 228,
  IPV6: 229,
  SLL2: 276,
} as const

/** Of those that are not read, the ones that people meet. */
const UNREAD = new Map([
  [9, 'PPP'],
  [10, 'FDDI'],
  [50, 'PPP over HDLC'],
  [51, 'PPPoE'],
  [104, 'Cisco HDLC'],
  [105, 'IEEE 802.11'],
  [109, 'OpenBSD enc'],
  [117, 'OpenBSD pflog'],
  [127, 'IEEE 802.11 with radiotap'],
  [189, 'USB'],
  [192, 'PPI'],
  [195, 'IEEE 802.15.4'],
  [220, 'USB of Linux'],
  [239, 'NFLOG'],
  [249, 'USBPcap'],
  [252, 'Upper PDU of Wireshark'],
  [253, 'netlink'],
  [271, 'vsock'],
])

/** `105 (IEEE 802.11)`, of those without a name the number. */
export function linkTypeText(linkType: number): string {
  const name = UNREAD.get(linkType)
  return name === undefined ? `${linkType}` : `${linkType} (${name})`
}

/** In words, those of the interfaces that are not read. */
export function unreadTypes(interfaces: readonly CapturedInterface[]): string[] {
  const known: ReadonlySet<number> = new Set(Object.values(LINK))
  const unread = interfaces.map(({ linkType }) => linkType).filter(type => !known.has(type))
  return [...new Set(unread)].map(linkTypeText)
}

/** The link types that can be read, as an error names them. */
export const READ_TEXT = 'Ethernet, cooked (SLL, SLL2), raw IP, NULL and LOOP'

const SLL_HEADER = 16
const SLL2_HEADER = 20
const FAMILY_HEADER = 4
/** Packet type of what the machine itself sent. */
const OUTGOING = 4
const AF_INET = 2
/** Of NetBSD and OpenBSD, FreeBSD, macOS, Linux. */
const AF_INET6: ReadonlySet<number> = new Set([24, 28, 30, 10])

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
  switch (linkType) {
    case LINK.ETHERNET:
      return packet
    case LINK.SLL:
      return bytes.length < SLL_HEADER
        ? cutShort(packet)
        : cooked(packet, SLL_HEADER, viewOf(bytes).getUint16(0), viewOf(bytes).getUint16(14))
    case LINK.SLL2: {
      if (bytes.length < SLL2_HEADER) return cutShort(packet)
      const view = viewOf(bytes)
      const index = interfaceOf(packet, view.getUint32(4), interfaces)
      const type = view.getUint8(10)
      return { ...cooked(packet, SLL2_HEADER, type, view.getUint16(0)), interface: index }
    }
    case LINK.NULL:
    case LINK.LOOP:
      if (bytes.length < FAMILY_HEADER) return cutShort(packet)
      return behindEthernet(packet, FAMILY_HEADER, familyType(viewOf(bytes)))
    case LINK.RAW:
    case LINK.RAW_BSD:
    case LINK.RAW_OPENBSD:
    case LINK.IPV4:
    case LINK.IPV6: {
      const isIpv6 = (bytes[0] ?? 0) >>> 4 === 6
      return behindEthernet(packet, 0, isIpv6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4)
    }
    default:
      return { ...packet, link: 'unknown' }
  }
}

/** `type` is that of the packet: who it was for, or that it was sent. */
function cooked(
  packet: CapturedPacket,
  header: number,
  type: number,
  protocol: number,
): CapturedPacket {
  const direction = packet.direction ?? (type === OUTGOING ? 'out' : 'in')
  return { ...behindEthernet(packet, header, protocol), direction }
}

function interfaceOf(
  packet: CapturedPacket,
  index: number,
  interfaces: CapturedInterface[],
): number {
  const name = `${interfaces[packet.interface]?.name ?? 'any'}-${index}`
  const known = interfaces.findIndex(other => other.name === name)
  return known >= 0 ? known : interfaces.push({ name, linkType: LINK.SLL2 }) - 1
}

/** NULL has the family in the capturing machine's byte order, LOOP in the network's; as it is small, its order shows. */
function familyType(view: DataView): number {
  const number = view.getUint32(0)
  const family = number > 0xffff ? view.getUint32(0, true) : number
  if (family === AF_INET) return ETHERTYPE.IPV4
  return AF_INET6.has(family) ? ETHERTYPE.IPV6 : 0
}

/** Not even its own header was captured. */
function cutShort(packet: CapturedPacket): CapturedPacket {
  return { ...packet, bytes: packet.bytes.subarray(0, 0), link: 'none' }
}

function behindEthernet(packet: CapturedPacket, header: number, type: number): CapturedPacket {
  const rest = packet.bytes.subarray(header)
  const bytes = new Uint8Array(ETH.HEADER + rest.length)
  bytes[ETH.TYPE] = type >>> 8
  bytes[ETH.TYPE + 1] = type & 0xff
  bytes.set(rest, ETH.HEADER)
  return {
    ...packet,
    bytes,
    length: Math.max(packet.length - header, 0) + ETH.HEADER,
    link: 'none',
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

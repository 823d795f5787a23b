/** What of a frame's first bytes (virtio-net header in front) is headers, and how to fill up what was not recorded. */

import { fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { ETH } from '../../wire/ethernet.ts'
import { ICMP, isIcmpError } from '../../wire/icmp.ts'
import { isIcmpv6Error } from '../../wire/icmpv6.ts'
import { IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { IPV6, NEXT } from '../../wire/ipv6.ts'
import { type Located, locateIp } from '../../wire/locate.ts'
import { TCP, headerLength as tcpHeaderLength } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { VNET, VNET_FLAG } from '../../wire/vnet-hdr.ts'

const IP_AT = VNET.BYTES + ETH.HEADER
const ARP_END = IP_AT + 28

/** Bytes up to the payload, which is not the same in a replay. */
export function headersEnd(bytes: Uint8Array): number {
  const pkt = viewOf(bytes)
  if (bytes.length < IP_AT + IPV4.HEADER) return bytes.length
  const found = locateIp(pkt, VNET.BYTES)
  if (found === undefined) return Math.min(ARP_END, bytes.length)
  const { l4, protocol, fragment } = found
  // Behind the header of a later fragment is payload, whatever it looks like.
  if ((fragment & IP_OFFSET_BITS) !== 0) return Math.min(l4, bytes.length)
  if (protocol !== PROTO.TCP || bytes.length < l4 + TCP.HEADER)
    return Math.min(l4 + ICMP.HEADER, bytes.length)
  return Math.min(l4 + Math.max(TCP.HEADER, tcpHeaderLength(pkt, l4)), bytes.length)
}

export function isFragment(bytes: Uint8Array): boolean {
  return (locateIp(viewOf(bytes), VNET.BYTES)?.fragment ?? 0) !== 0
}

/** Bytes that a journal keeps: no payload, but of ICMP and ICMPv6, which are checked to the last byte. */
export function keptBytes(bytes: Uint8Array): number {
  const found = locateIp(viewOf(bytes), VNET.BYTES)
  return found?.fragment === 0 && isIcmp(found) ? bytes.length : headersEnd(bytes)
}

function isIcmp({ isIpv6, protocol }: Located): boolean {
  return protocol === (isIpv6 ? NEXT.ICMPV6 : PROTO.ICMP)
}

/**
 * Among the headers of a frame the 16 bits that sum up a payload which is not the same in a replay: the checksum of an ICMP
 * error, which quotes some, and of a datagram, which may have come without one. -1 if it has none
 */
export function sumOfPayloadAt(bytes: Uint8Array): number {
  const pkt = viewOf(bytes)
  const found = locateIp(pkt, VNET.BYTES)
  if (found?.protocol === PROTO.UDP) return found.l4 + UDP.CHECKSUM
  if (found === undefined || !isIcmp(found) || bytes.length < found.l4 + ICMP.HEADER) return -1
  const type = pkt.getUint8(found.l4 + ICMP.TYPE)
  const isError = found.isIpv6 ? isIcmpv6Error(type) : isIcmpError(type)
  return isError ? found.l4 + ICMP.CHECKSUM : -1
}

/**
 * Writes the checksum of a segment or datagram whose first bytes are known, as if all others were zero; with `wrong` another one.
 * A partial one stays, and a datagram without.
 */
export function summed(bytes: Uint8Array, wrong: boolean): void {
  const pkt = viewOf(bytes)
  if ((pkt.getUint8(VNET.FLAGS) & VNET_FLAG.NEEDS_CSUM) !== 0) return
  const found = locateIp(pkt, VNET.BYTES)
  if (found === undefined) return
  const { l4 } = found
  const count = found.end - l4
  const at = l4 + checksumAt(found)
  if (isUdp(found) && pkt.getUint16(at) === 0) return
  pkt.setUint16(at, 0)
  const known = Math.min(count, bytes.length - l4)
  const sum = ~fold(pseudoOf(pkt, found, count) + sumWords(pkt, l4, known)) & 0xffff
  const field = wrong ? sum ^ 0x5555 : sum
  pkt.setUint16(at, field === 0 && isUdp(found) ? 0xffff : field)
}

function isUdp({ protocol }: Located): boolean {
  return protocol === PROTO.UDP
}

function checksumAt(found: Located): number {
  return isUdp(found) ? UDP.CHECKSUM : TCP.CHECKSUM
}

/**
 * A segment that was captured where it was sent may hold a partial checksum, the sum of its pseudo header, for the card to
 * complete; its virtio-net header then says so, as that of a kernel would.
 */
export function markPartial(bytes: Uint8Array): void {
  const pkt = viewOf(bytes)
  const found = locateIp(pkt, VNET.BYTES)
  if (found === undefined || (found.protocol !== PROTO.TCP && !isUdp(found))) return
  const { l4 } = found
  if (bytes.length < l4 + (isUdp(found) ? UDP.HEADER : TCP.HEADER)) return
  if (pkt.getUint16(l4 + checksumAt(found)) !== fold(pseudoOf(pkt, found, found.end - l4))) return
  pkt.setUint8(VNET.FLAGS, VNET_FLAG.NEEDS_CSUM)
  pkt.setUint16(VNET.CSUM_START, l4 - VNET.BYTES, true)
  pkt.setUint16(VNET.CSUM_OFFSET, checksumAt(found), true)
}

/** Of `bytes` bytes behind the headers (RFC 9293 section 3.1, RFC 8200 section 8.1); ICMP of IPv4 has none. */
function pseudoOf(pkt: DataView, { l3, isIpv6, protocol }: Located, bytes: number): number {
  if (isIpv6) return sumWords(pkt, l3 + IPV6.SRC, 32) + protocol + bytes
  if (protocol === PROTO.ICMP) return 0
  const [src, dst] = [pkt.getInt32(l3 + IPV4.SRC), pkt.getInt32(l3 + IPV4.DST)]
  return pseudoSum(src, dst, protocol, bytes)
}

/**
 * A whole frame made of its first bytes: the engine may check the checksum of ICMP, TCP and UDP over all of
 * it, so two bytes that are not known, or the only one, are chosen to make it right. Of any other frame, and of one whose
 * checksum is partial => the bytes as they are.
 */
export function filled(bytes: Uint8Array, length: number): Uint8Array {
  const pkt = viewOf(bytes)
  if (bytes.length >= length || isFragment(bytes)) return bytes
  const found = locateIp(pkt, VNET.BYTES)
  if (found === undefined) return bytes
  const { protocol, l4 } = found
  const isPartial = (pkt.getUint8(VNET.FLAGS) & VNET_FLAG.NEEDS_CSUM) !== 0
  const hasPseudo = protocol === PROTO.TCP || (protocol === PROTO.UDP && hasChecksum(pkt, found))
  if (hasPseudo ? isPartial : !isIcmp(found)) return bytes
  const count = found.end - l4
  // The last whole word of 16 bits; if that is known, an odd last byte.
  const word = l4 + ((count - 2) & ~1)
  const single = word < bytes.length && (count & 1) === 1
  const at = single ? l4 + count - 1 : word
  if (at < bytes.length || l4 + count > length) return bytes
  const whole = new Uint8Array(length)
  whole.set(bytes)
  const view = viewOf(whole)
  const missing = 0xffff - fold(pseudoOf(pkt, found, count) + sumWords(view, l4, count))
  // 0xffff is as good as 0, which a single byte can say.
  view.setUint8(at, (missing === 0xffff ? 0 : missing) >>> 8)
  if (!single) view.setUint8(at + 1, missing & 0xff)
  return whole
}

function hasChecksum(pkt: DataView, { l4 }: Located): boolean {
  return pkt.byteLength >= l4 + UDP.HEADER && pkt.getUint16(l4 + UDP.CHECKSUM) !== 0
}

/**
 * The same of a datagram that was put together of fragments without payload, `bytes` from its virtio-net header on: its last two
 * bytes are chosen so that its checksum is right, as far as they are payload.
 */
export function mend(bytes: Uint8Array): void {
  const pkt = viewOf(bytes)
  const found = locateIp(pkt, VNET.BYTES)
  if (found === undefined) return
  const { protocol, l4 } = found
  const count = bytes.length - l4
  const at = l4 + ((count - 2) & ~1)
  const headers = protocol === PROTO.TCP ? Math.max(TCP.HEADER, tcpHeaderLength(pkt, l4)) : 8
  if (at < l4 + headers) return
  pkt.setUint16(at, 0)
  pkt.setUint16(at, 0xffff - fold(pseudoOf(pkt, found, count) + sumWords(pkt, l4, count)))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

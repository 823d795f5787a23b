/** What of a frame's first bytes (virtio-net header in front) is headers, and how to fill up what was not recorded. */

import { fold, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP } from '../../wire/icmp.ts'
import { headerLength, IPV4, PROTO } from '../../wire/ipv4.ts'
import { TCP, headerLength as tcpHeaderLength } from '../../wire/tcp.ts'
import { VNET } from '../../wire/vnet-hdr.ts'

const IP_AT = VNET.BYTES + ETH.HEADER
const ARP_END = IP_AT + 28

/** Bytes up to the payload, which is not the same in a replay. */
export function headersEnd(bytes: Uint8Array): number {
  const pkt = viewOf(bytes)
  if (bytes.length < IP_AT + IPV4.HEADER) return bytes.length
  if (pkt.getUint16(VNET.BYTES + ETH.TYPE) !== ETHERTYPE.IPV4)
    return Math.min(ARP_END, bytes.length)
  const l4 = IP_AT + headerLength(pkt, IP_AT)
  const protocol = pkt.getUint8(IP_AT + IPV4.PROTOCOL)
  if (protocol !== PROTO.TCP || bytes.length < l4 + TCP.HEADER)
    return Math.min(l4 + ICMP.HEADER, bytes.length)
  return Math.min(l4 + Math.max(TCP.HEADER, tcpHeaderLength(pkt, l4)), bytes.length)
}

/** Bytes that a journal keeps: no payload, but of echo requests, which are checked to the last byte. */
export function keptBytes(bytes: Uint8Array): number {
  return isIcmp(bytes) ? bytes.length : headersEnd(bytes)
}

function isIcmp(bytes: Uint8Array): boolean {
  const pkt = viewOf(bytes)
  if (bytes.length < IP_AT + IPV4.HEADER) return false
  if (pkt.getUint16(VNET.BYTES + ETH.TYPE) !== ETHERTYPE.IPV4) return false
  return pkt.getUint8(IP_AT + IPV4.PROTOCOL) === PROTO.ICMP
}

/**
 * The whole of a long echo request, of which the first bytes are known: the engine checks its checksum over all of it, so
 * the last two bytes, which are not known, are chosen to make it right. Of any other frame => the bytes as they are.
 */
export function filled(bytes: Uint8Array, length: number): Uint8Array {
  const pkt = viewOf(bytes)
  if (bytes.length >= length || !isIcmp(bytes)) return bytes
  const l4 = IP_AT + headerLength(pkt, IP_AT)
  const icmp = pkt.getUint16(IP_AT + IPV4.TOTAL_LENGTH) - (l4 - IP_AT)
  const last = l4 + ((icmp - 2) & ~1)
  if (last < bytes.length || last + 2 > length) return bytes
  const whole = new Uint8Array(length)
  whole.set(bytes)
  const view = viewOf(whole)
  view.setUint16(last, 0xffff - fold(sumWords(view, l4, icmp)))
  return whole
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/**
 * Recorded segments made fit for another engine, which has given a connection another LIP, lport, RS and sequence delta. Only
 * headers are there; TCP checksums are written anew in the end (journal/headers.ts), as if all payload were zero.
 */

import { ETH } from '../../wire/ethernet.ts'
import { headerLength, IPV4, PROTO, writeHeaderChecksum } from '../../wire/ipv4.ts'
import { FLAG, OPT, optionLength, TCP, headerLength as tcpHeaderLength } from '../../wire/tcp.ts'
import { clearVnetHdr, GSO, VNET } from '../../wire/vnet-hdr.ts'

/** The first bytes from the virtio-net header on, and how many there are in all. */
export interface Frame {
  bytes: Uint8Array
  length: number
}

/** int32 each, as in the connection table: ports are source << 16 | destination. */
export interface Tuple {
  saddr: number
  daddr: number
  ports: number
}

const IP = VNET.BYTES + ETH.HEADER
/** What only the last segment, and only the first one, of a large frame has (RFC 9293, RFC 3168 6.1.2). */
const LAST_ONLY = FLAG.FIN | FLAG.PSH
const CWR = 0x80

export function toMac(frame: Frame, macHi: number, macLo: number): Frame {
  const bytes = frame.bytes.slice()
  const pkt = viewOf(bytes)
  pkt.setUint16(VNET.BYTES + ETH.DST, macHi)
  pkt.setInt32(VNET.BYTES + ETH.DST + 2, macLo)
  return { bytes, length: frame.length }
}

/** A TCP segment with other ends, whose acknowledgments are `delta` ahead, or a datagram with other ends. */
export function readdressed(frame: Frame, { saddr, daddr, ports }: Tuple, delta: number): Frame {
  const bytes = frame.bytes.slice()
  const pkt = viewOf(bytes)
  const ihl = headerLength(pkt, IP)
  const l4 = IP + ihl
  pkt.setInt32(IP + IPV4.SRC, saddr)
  pkt.setInt32(IP + IPV4.DST, daddr)
  pkt.setInt32(l4 + TCP.SPORT, ports)
  writeHeaderChecksum(pkt, IP, ihl)
  const hasAck = isTcp(pkt) && (pkt.getUint8(l4 + TCP.FLAGS) & FLAG.ACK) !== 0
  if (!hasAck) return { bytes, length: frame.length }
  pkt.setInt32(l4 + TCP.ACK, pkt.getInt32(l4 + TCP.ACK) + delta)
  const end = Math.min(l4 + tcpHeaderLength(pkt, l4), bytes.length)
  for (let at = l4 + TCP.HEADER, length = 0; at < end; at += length) {
    length = optionLength(pkt, at, end)
    if (length === 0) break
    if (pkt.getUint8(at) !== OPT.SACK) continue
    for (let edge = at + 2; edge + 4 <= at + length; edge += 4)
      pkt.setInt32(edge, pkt.getInt32(edge) + delta)
  }
  return { bytes, length: frame.length }
}

function isTcp(pkt: DataView): boolean {
  return pkt.getUint8(IP + IPV4.PROTOCOL) === PROTO.TCP
}

/** A frame as it goes over a wire: without offload, a large one of TCP in its segments. */
export function onTheWire(frame: Frame): Frame[] {
  const pkt = viewOf(frame.bytes)
  if (!isTcp(pkt)) {
    const bytes = frame.bytes.slice()
    clearVnetHdr(viewOf(bytes), 0)
    return [{ bytes, length: frame.length }]
  }
  const size = pkt.getUint16(VNET.GSO_SIZE, true)
  const l4 = IP + headerLength(pkt, IP)
  const headers = l4 - IP + tcpHeaderLength(pkt, l4)
  const payload = pkt.getUint16(IP + IPV4.TOTAL_LENGTH) - headers
  const isLarge = pkt.getUint8(VNET.GSO_TYPE) !== GSO.NONE && size > 0 && payload > size
  const step = isLarge ? size : payload
  const all: Frame[] = []
  for (let from = 0; from < payload || all.length === 0; from += step) {
    const bytes = frame.bytes.slice()
    const view = viewOf(bytes)
    const length = Math.min(step, payload - from)
    clearVnetHdr(view, 0)
    view.setUint16(IP + IPV4.TOTAL_LENGTH, headers + length)
    writeHeaderChecksum(view, IP, l4 - IP)
    view.setInt32(l4 + TCP.SEQ, view.getInt32(l4 + TCP.SEQ) + from)
    let flags = view.getUint8(l4 + TCP.FLAGS)
    if (from + length < payload) flags &= ~LAST_ONLY
    if (from > 0) flags &= ~CWR
    view.setUint8(l4 + TCP.FLAGS, flags)
    all.push({ bytes, length: IP + headers + length })
  }
  return all
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

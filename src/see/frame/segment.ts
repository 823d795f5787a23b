/** The TCP segment in a frame, its fields for people. */

import { PROTO } from '../../wire/ipv4.ts'
import { locateIp } from '../../wire/locate.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'
import { endpointsOf } from './located-text.ts'
import { flagLetters, optionsText } from './options-text.ts'

export interface Segment {
  /** address:port */
  source: string
  destination: string
  /** tcpdump's letters, `S.`; `none` */
  flags: string
  /** The TCP flags byte. */
  bits: number
  /** As on the wire, 0..2^32-1. */
  seq: number
  ack: number
  window: number
  /** Payload bytes by the IP header, captured or not. */
  payload: number
  /** tcpdump's words; empty for none */
  options: string
}

/** Sequence numbers that a segment takes: its payload, SYN and FIN (RFC 9293 section 3.4). */
export function seqLength({ payload, bits }: Segment): number {
  return payload + (bits & FLAG.SYN ? 1 : 0) + (bits & FLAG.FIN ? 1 : 0)
}

/** The TCP segment of a frame that begins with its Ethernet header; undefined for any other, and without whole headers. */
export function segmentOf(frame: Uint8Array): Segment | undefined {
  const pkt = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const found = locateIp(pkt)
  if (found?.protocol !== PROTO.TCP || frame.length < found.l4 + TCP.HEADER) return undefined
  const { l4: tcp } = found
  const { source, destination } = endpointsOf(pkt, found)
  const header = (pkt.getUint8(tcp + TCP.OFFSET) >>> 4) << 2
  const bits = pkt.getUint8(tcp + TCP.FLAGS)
  const end = tcp + header
  return {
    source,
    destination,
    flags: flagLetters(bits),
    bits,
    seq: pkt.getUint32(tcp + TCP.SEQ),
    ack: pkt.getUint32(tcp + TCP.ACK),
    window: pkt.getUint16(tcp + TCP.WINDOW),
    payload: Math.max(0, found.end - end),
    options: optionsText(
      pkt,
      tcp + TCP.HEADER,
      Math.min(end, frame.length),
      Math.min(end, found.end),
    ),
  }
}

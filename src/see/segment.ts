/** A frame's headers for people: the TCP segment in it, or what else it is in a few words. */

import { ipv4Text } from '../wire/address.ts'
import { ARP, ARP_OP } from '../wire/arp.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP_TYPE } from '../wire/icmp.ts'
import { IPV4, PROTO } from '../wire/ipv4.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { optionsText } from './options-text.ts'

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

/** tcpdump's letters in tcpdump's order. */
export function flagLetters(bits: number): string {
  const letter = (bit: number, text: string) => (bits & bit ? text : '')
  const text =
    letter(FLAG.SYN, 'S') +
    letter(FLAG.FIN, 'F') +
    letter(FLAG.PSH, 'P') +
    letter(FLAG.RST, 'R') +
    letter(FLAG.URG, 'U') +
    letter(FLAG.ACK, '.')
  return text || 'none'
}

/** Sequence numbers that a segment takes: its payload, SYN and FIN (RFC 9293 section 3.4). */
export function seqLength({ payload, bits }: Segment): number {
  return payload + (bits & FLAG.SYN ? 1 : 0) + (bits & FLAG.FIN ? 1 : 0)
}

/** The TCP segment of a frame that begins with its Ethernet header; undefined for any other, and without whole headers. */
export function segmentOf(frame: Uint8Array): Segment | undefined {
  const pkt = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const ip = ETH.HEADER
  if (frame.length < ip + IPV4.HEADER || pkt.getUint16(ETH.TYPE) !== ETHERTYPE.IPV4)
    return undefined
  const tcp = ip + ((pkt.getUint8(ip) & 15) << 2)
  if (pkt.getUint8(ip + IPV4.PROTOCOL) !== PROTO.TCP || frame.length < tcp + TCP.HEADER)
    return undefined
  const header = (pkt.getUint8(tcp + TCP.OFFSET) >>> 4) << 2
  const bits = pkt.getUint8(tcp + TCP.FLAGS)
  const end = tcp + header
  return {
    source: `${ipv4Text(pkt.getInt32(ip + IPV4.SRC))}:${pkt.getUint16(tcp + TCP.SPORT)}`,
    destination: `${ipv4Text(pkt.getInt32(ip + IPV4.DST))}:${pkt.getUint16(tcp + TCP.DPORT)}`,
    flags: flagLetters(bits),
    bits,
    seq: pkt.getUint32(tcp + TCP.SEQ),
    ack: pkt.getUint32(tcp + TCP.ACK),
    window: pkt.getUint16(tcp + TCP.WINDOW),
    payload: Math.max(0, ip + pkt.getUint16(ip + IPV4.TOTAL_LENGTH) - end),
    options: optionsText(pkt, tcp + TCP.HEADER, Math.min(end, frame.length)),
  }
}

/** What a frame is that is no TCP segment: `ARP who-has 10.0.0.1 tell 10.0.0.2`. */
export function frameWords(frame: Uint8Array): string {
  const pkt = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (frame.length < ETH.HEADER) return `${frame.length} bytes`
  const type = pkt.getUint16(ETH.TYPE)
  const at = ETH.HEADER
  if (type === ETHERTYPE.ARP && frame.length >= at + ARP.BYTES) {
    const [sender, target] = [ARP.SPA, ARP.TPA].map(field => ipv4Text(pkt.getInt32(at + field)))
    if (sender === target) return `ARP announces ${sender}`
    return pkt.getUint16(at + ARP.OP) === ARP_OP.REQUEST
      ? `ARP who-has ${target} tell ${sender}`
      : `ARP ${sender} is-at`
  }
  if (type !== ETHERTYPE.IPV4 || frame.length < at + IPV4.HEADER)
    return `ethertype 0x${type.toString(16).padStart(4, '0')}`
  const l4 = at + ((pkt.getUint8(at) & 15) << 2)
  const protocol = pkt.getUint8(at + IPV4.PROTOCOL)
  const ends = `${ipv4Text(pkt.getInt32(at + IPV4.SRC))} > ${ipv4Text(pkt.getInt32(at + IPV4.DST))}`
  if (protocol !== PROTO.ICMP || frame.length <= l4) return `IP protocol ${protocol} ${ends}`
  const icmp = pkt.getUint8(l4)
  if (icmp === ICMP_TYPE.ECHO) return `ping ${ends}`
  return icmp === ICMP_TYPE.ECHO_REPLY ? `ping reply ${ends}` : `ICMP ${icmp} ${ends}`
}

/**
 * The tuple of an echo of ICMP or ICMPv6, which has an identifier where TCP and UDP have ports (RFC 5508 3): of a request it is the source
 * port, of a reply the destination port, and the other port is 0. So what answers it has both the other way round, as any answer.
 */

import { ICMP, ICMP_TYPE, isEcho } from '../wire/icmp.ts'
import { ICMPV6_TYPE, isEcho6 } from '../wire/icmpv6.ts'
import { PROTO } from '../wire/ipv4.ts'
import { KEY, PROTOCOL_BITS } from './conn-layout.ts'

/** What a packet is looked up by beside addresses, and what it is to a state table; of a Parsed. */
interface Answer {
  key: number
  ports: number
  flags: number
  event: number
}

/** Of the two that there are, at `l4`. */
export function isEchoRequest(pkt: DataView, l4: number): boolean {
  const type = pkt.getUint8(l4 + ICMP.TYPE)
  return type === ICMP_TYPE.ECHO || type === ICMPV6_TYPE.ECHO
}

/** Its ports, as a tuple has them. */
export function echoPorts(pkt: DataView, l4: number): number {
  const id = pkt.getUint16(l4 + ICMP.ID)
  return isEchoRequest(pkt, l4) ? id << 16 : id
}

/**
 * By which of KEY what is quoted is looked up, whose first byte behind the IP header is `first`; -1 if we forward no such packets. `icmp` is the
 * number of ICMP in its family.
 */
export function quotedKey(protocol: number, icmp: number, first: number): number {
  if (protocol === PROTO.TCP) return KEY.TCP
  if (protocol === PROTO.UDP) return KEY.UDP
  if (protocol !== icmp) return -1
  return (icmp === PROTO.ICMP ? isEcho(first) : isEcho6(first)) ? KEY.ICMP : -1
}

/** The ports of an answer to what is quoted at `l4`, which is looked up by `key`: an echo, a segment or a datagram. */
export function answerPorts(pkt: DataView, l4: number, key: number): number {
  const isPing = (key & PROTOCOL_BITS) === KEY.ICMP
  const ports = isPing ? echoPorts(pkt, l4) : pkt.getInt32(l4)
  return (ports << 16) | (ports >>> 16)
}

/** p becomes what an answer to that is. */
export function answersTo(p: Answer, pkt: DataView, l4: number, key: number): void {
  p.key = key
  p.ports = answerPorts(pkt, l4, key)
  p.flags = 0
  p.event = 0
}

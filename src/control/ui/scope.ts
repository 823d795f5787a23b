/** What the page's token opens: `view` is everything but what the packets carry, `full` is that too. */

import type { Moment } from '../../see/moments/moment.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP } from '../../wire/icmp.ts'
import { IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { type Located, locateIp } from '../../wire/locate.ts'
import { TCP, headerLength as tcpHeaderLength } from '../../wire/tcp.ts'

/** Of the API, what hands out bytes of packets as they are. */
export const PACKETS = /^\/v1\/(capture|moments|drops)(\/|$)/

const ARP_BYTES = 28
/** Whose headers have 8 bytes. */
const SHORT: readonly number[] = [PROTO.ICMP, PROTO.UDP, NEXT.ICMPV6]

/** The moment without what its frame carries; of the frame there are only headers then. */
export function withoutPayload(moment: Moment): Moment {
  if (moment.kind === 'event') return moment
  return { ...moment, bytes: moment.bytes.subarray(0, headersEnd(moment.bytes)) }
}

/** Bytes of an Ethernet frame, cut short or whole, that are headers. */
function headersEnd(bytes: Uint8Array): number {
  if (bytes.length < ETH.HEADER) return bytes.length
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const type = pkt.getUint16(ETH.TYPE)
  const ip = ETH.HEADER
  if (type === ETHERTYPE.ARP) return Math.min(ip + ARP_BYTES, bytes.length)
  const found = locateIp(pkt)
  if (found === undefined) return ip
  const l4 = Math.max(ip + IPV4.HEADER, found.l4)
  return Math.min(l4 + l4Header(pkt, found, l4), bytes.length)
}

function l4Header(pkt: DataView, { protocol, fragment }: Located, l4: number): number {
  // What follows the header of a later fragment is payload, whatever it looks like.
  if ((fragment & IP_OFFSET_BITS) !== 0) return 0
  if (protocol !== PROTO.TCP) return SHORT.includes(protocol) ? ICMP.HEADER : 0
  if (pkt.byteLength < l4 + TCP.HEADER) return TCP.HEADER
  return Math.max(TCP.HEADER, tcpHeaderLength(pkt, l4))
}

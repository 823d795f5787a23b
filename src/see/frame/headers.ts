/** The few fields of a frame that words about it need; of a frame cut short, those that are there. */

import { ARP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { type Located, locate } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'

export interface Headers {
  type: 'tcp' | 'udp' | 'icmp' | 'arp' | 'ip' | 'other'
  /** int32 of the sender's and the target's IPv4 address, null without. */
  source: number | null
  destination: number | null
  /** null without, as in a fragment. */
  sourcePort: number | null
  destinationPort: number | null
}

export function headersOf(bytes: Uint8Array): Headers {
  const headers: Headers = {
    type: 'other',
    source: null,
    destination: null,
    sourcePort: null,
    destinationPort: null,
  }
  if (bytes.length < ETH.HEADER) return headers
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const type = pkt.getUint16(ETH.TYPE)
  const at = ETH.HEADER
  if (type === ETHERTYPE.ARP && bytes.length >= at + ARP.BYTES) {
    headers.type = 'arp'
    headers.source = pkt.getInt32(at + ARP.SPA)
    headers.destination = pkt.getInt32(at + ARP.TPA)
    return headers
  }
  const found = locate(pkt)
  if (found !== undefined) readIpv4(headers, pkt, found)
  return headers
}

const TYPES = new Map<number, Headers['type']>([
  [PROTO.TCP, 'tcp'],
  [PROTO.UDP, 'udp'],
  [PROTO.ICMP, 'icmp'],
])

function readIpv4(headers: Headers, pkt: DataView, found: Located): void {
  const { l3: ip, l4 } = found
  headers.type = TYPES.get(found.protocol) ?? 'ip'
  headers.source = pkt.getInt32(ip + IPV4.SRC)
  headers.destination = pkt.getInt32(ip + IPV4.DST)
  if ((found.fragment & IP_OFFSET_BITS) !== 0) return
  if ((headers.type !== 'tcp' && headers.type !== 'udp') || pkt.byteLength < l4 + 4) return
  headers.sourcePort = pkt.getUint16(l4 + TCP.SPORT)
  headers.destinationPort = pkt.getUint16(l4 + TCP.DPORT)
}

/** The few fields of a frame that words about it need; of a frame cut short, those that are there. */

import { ARP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
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

/** Bits of the fragment word that say where in the packet a fragment belongs. */
const FRAGMENT_OFFSET = 0x1fff

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
  } else if (type === ETHERTYPE.IPV4 && bytes.length >= at + IPV4.HEADER) {
    readIpv4(headers, pkt, at)
  }
  return headers
}

function readIpv4(headers: Headers, pkt: DataView, ip: number): void {
  const protocol = pkt.getUint8(ip + IPV4.PROTOCOL)
  headers.type =
    protocol === PROTO.TCP
      ? 'tcp'
      : protocol === PROTO.UDP
        ? 'udp'
        : protocol === PROTO.ICMP
          ? 'icmp'
          : 'ip'
  headers.source = pkt.getInt32(ip + IPV4.SRC)
  headers.destination = pkt.getInt32(ip + IPV4.DST)
  const l4 = ip + ((pkt.getUint8(ip) & 15) << 2)
  if ((pkt.getUint16(ip + IPV4.FRAGMENT) & FRAGMENT_OFFSET) !== 0) return
  if ((headers.type !== 'tcp' && headers.type !== 'udp') || pkt.byteLength < l4 + 4) return
  headers.sourcePort = pkt.getUint16(l4 + TCP.SPORT)
  headers.destinationPort = pkt.getUint16(l4 + TCP.DPORT)
}

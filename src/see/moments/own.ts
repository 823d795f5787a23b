/** What a frame of the appliance's own is: ARP, an answer to a ping, an RST. */

import { endpointText } from '../../wire/address.ts'
import { ARP, ARP_OP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { locate } from '../../wire/locate.ts'
import { FLAG, TCP } from '../../wire/tcp.ts'

export interface Own {
  name: 'arp_request' | 'arp_reply' | 'arp_gratuitous' | 'echo_reply' | 'rst' | 'own'
  /** rstKey of an RST. */
  tuple?: string
}

/** `bytes` of the frame from the Ethernet header on, perhaps cut short. */
export function ownKind(bytes: Uint8Array): Own {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const has = (end: number) => pkt.byteLength >= end
  if (!has(ETH.HEADER)) return { name: 'own' }
  const l3 = ETH.HEADER
  const type = pkt.getUint16(ETH.TYPE)
  if (type === ETHERTYPE.ARP && has(l3 + ARP.BYTES)) {
    if (pkt.getUint16(l3 + ARP.OP) === ARP_OP.REPLY) return { name: 'arp_reply' }
    const gratuitous = pkt.getInt32(l3 + ARP.SPA) === pkt.getInt32(l3 + ARP.TPA)
    return { name: gratuitous ? 'arp_gratuitous' : 'arp_request' }
  }
  const found = locate(pkt)
  if (found?.protocol === PROTO.ICMP) return { name: 'echo_reply' }
  if (found?.protocol !== PROTO.TCP || !has(found.l4 + TCP.HEADER)) return { name: 'own' }
  const { l4 } = found
  if ((pkt.getUint16(l4 + TCP.OFFSET) & FLAG.RST) === 0) return { name: 'own' }
  const from = endpointText(pkt.getInt32(l3 + IPV4.SRC), pkt.getUint16(l4 + TCP.SPORT))
  const to = endpointText(pkt.getInt32(l3 + IPV4.DST), pkt.getUint16(l4 + TCP.DPORT))
  return { name: 'rst', tuple: rstKey(from, to) }
}

export function rstKey(from: string, to: string): string {
  return `${from} ${to}`
}

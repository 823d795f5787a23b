/** Addresses of a packet whose headers are located (wire/locate.ts), as text. */

import { ipv4Text } from '../../wire/address.ts'
import { hostText, ipv6TextAt } from '../../wire/ip-address.ts'
import { IPV4 } from '../../wire/ipv4.ts'
import { IPV6 } from '../../wire/ipv6.ts'
import type { Located } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'

export interface Addresses {
  source: string
  destination: string
}

export function addressesOf(pkt: DataView, { l3, isIpv6 }: Pick<Located, 'l3' | 'isIpv6'>) {
  return isIpv6
    ? { source: ipv6TextAt(pkt, l3 + IPV6.SRC), destination: ipv6TextAt(pkt, l3 + IPV6.DST) }
    : {
        source: ipv4Text(pkt.getInt32(l3 + IPV4.SRC)),
        destination: ipv4Text(pkt.getInt32(l3 + IPV4.DST)),
      }
}

/** address:port each, of TCP or UDP; its ports must be there. */
export function endpointsOf(pkt: DataView, found: Located): Addresses {
  const { source, destination } = addressesOf(pkt, found)
  const { l4 } = found
  return {
    source: `${hostText(source)}:${pkt.getUint16(l4 + TCP.SPORT)}`,
    destination: `${hostText(destination)}:${pkt.getUint16(l4 + TCP.DPORT)}`,
  }
}

/** The segments of segments.ts over IPv6. An address is the word that it has there behind 2001:db8::/96, so that all else is the same. */

import { ETHERTYPE } from '../../src/wire/ethernet.ts'
import { PROTO } from '../../src/wire/ipv4.ts'
import { IPV6, pseudoSum6, writeIpv6 } from '../../src/wire/ipv6.ts'
import { ipv6Text } from '../../src/wire/ipv6-address.ts'
import type { FamilyHeader } from './segments.ts'

const NET = 0x2001_0db8
const LAST_WORD = 12

export function sixText(word: number): string {
  return ipv6Text([NET, 0, 0, word | 0])
}

export const SIX: FamilyHeader = {
  type: ETHERTYPE.IPV6,
  bytes: IPV6.HEADER,
  src: IPV6.SRC + LAST_WORD,
  dst: IPV6.DST + LAST_WORD,
  write(view, ip, l4Bytes) {
    writeIpv6(view, ip, PROTO.TCP, l4Bytes, 64)
    view.setInt32(ip + IPV6.SRC, NET)
    view.setInt32(ip + IPV6.DST, NET)
    return pseudoSum6(view, ip, PROTO.TCP, l4Bytes)
  },
}

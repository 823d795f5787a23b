/** ICMP in tcpdump's words; behind them, what an error is about. */

import { ipv4Text } from '../../wire/address.ts'
import { ICMP_TYPE } from '../../wire/icmp.ts'
import { PROTO } from '../../wire/ipv4.ts'
import type { IcmpHeader, IpValues } from './packet-types.ts'

/** By code, of what could not be reached at `dst` (RFC 792, RFC 1812 section 5.2.7.1). */
const UNREACHABLE: readonly ((dst: string) => string)[] = [
  dst => `net ${dst} unreachable`,
  dst => `host ${dst} unreachable`,
  dst => `${dst} protocol unreachable`,
  dst => `${dst} port unreachable`,
  dst => `${dst} unreachable - need to frag`,
  dst => `${dst} unreachable - source route failed`,
  dst => `net ${dst} unreachable - unknown`,
  dst => `host ${dst} unreachable - unknown`,
  dst => `${dst} unreachable - source host isolated`,
  dst => `net ${dst} unreachable - admin prohibited`,
  dst => `host ${dst} unreachable - admin prohibited`,
  dst => `net ${dst} unreachable - tos prohibited`,
  dst => `host ${dst} unreachable - tos prohibited`,
  dst => `host ${dst} unreachable - admin prohibited filter`,
  dst => `host ${dst} unreachable - host precedence violation`,
  dst => `host ${dst} unreachable - precedence cutoff`,
]
const [PROTOCOL_CODE, PORT_CODE, FRAG_CODE] = [2, 3, 4]
const EXCEEDED = ['time exceeded in-transit', 'ip reassembly time exceeded']
const REDIRECT = [
  ['redirect', 'to net'],
  ['redirect', 'to host'],
  ['redirect-tos', 'to net'],
  ['redirect-tos', 'to host'],
] as const

/** Without its length. */
export function icmpText(icmp: IcmpHeader): string {
  const { type, code, id, sequence, rest, quoted } = icmp
  switch (type) {
    case ICMP_TYPE.ECHO:
      return `ICMP echo request, id ${id}, seq ${sequence}`
    case ICMP_TYPE.ECHO_REPLY:
      return `ICMP echo reply, id ${id}, seq ${sequence}`
    case ICMP_TYPE.UNREACHABLE:
      return `ICMP ${unreachableText(code, sequence, quoted)}`
    case ICMP_TYPE.SOURCE_QUENCH:
      return 'ICMP source quench'
    case ICMP_TYPE.TIME_EXCEEDED:
      return `ICMP ${EXCEEDED[code] ?? `time exceeded-#${code}`}`
    case ICMP_TYPE.PARAMETER_PROBLEM:
      return `ICMP parameter problem - ${code === 0 ? `octet ${rest >>> 24}` : `code ${code}`}`
    case ICMP_TYPE.REDIRECT: {
      const [what, to] = REDIRECT[code] ?? [`redirect-#${code}`, 'to']
      return `ICMP ${what} ${quoted?.ip.dst ?? '?'} ${to} ${ipv4Text(rest)}`
    }
    default:
      return `ICMP type ${type} code ${code}`
  }
}

function unreachableText(code: number, mtu: number, quoted: IpValues | null): string {
  const dst = quoted?.ip.dst ?? '?'
  if (quoted !== null && code === PROTOCOL_CODE)
    return `${dst} protocol ${quoted.protocol} unreachable`
  if (quoted?.ports && code === PORT_CODE) {
    const name = quoted.protocol === PROTO.TCP ? 'tcp' : 'udp'
    return `${dst} ${name} port ${quoted.ports.dport} unreachable`
  }
  const text = UNREACHABLE[code]?.(dst) ?? `${dst} unreachable - #${code}`
  return code === FRAG_CODE && mtu > 0 ? `${text} (mtu ${mtu})` : text
}

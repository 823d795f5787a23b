/** ICMPv6 in tcpdump's words; behind them, what an error is about. */

import { ICMPV6_TYPE } from '../../wire/icmpv6.ts'
import { PROTO } from '../../wire/ipv4.ts'
import type { Icmpv6Header, IpValues } from './packet-types.ts'

/** By code (RFC 4443 3.4, RFC 7112). */
const PARAMETER = ['erroneous', 'next header', 'option', 'incomplete header chain']
/** A query of MLD version 1 has no more bytes. */
const MLD1_BYTES = 24

/** Without its length; `bytes` is that. */
export function icmpv6Text(icmp: Icmpv6Header, bytes: number): string {
  return `ICMP6, ${wordsOf(icmp, bytes)}`
}

function wordsOf(icmp: Icmpv6Header, bytes: number): string {
  const { type, code, id, sequence, rest, quoted } = icmp
  switch (type) {
    case ICMPV6_TYPE.UNREACHABLE:
      return `destination unreachable, ${unreachableText(code, quoted)}`
    case ICMPV6_TYPE.TOO_BIG:
      return `packet too big, mtu ${rest >>> 0}`
    case ICMPV6_TYPE.TIME_EXCEEDED:
      return `time exceeded in-transit${exceededText(code, quoted)}`
    case ICMPV6_TYPE.PARAMETER_PROBLEM:
      return `parameter problem, ${PARAMETER[code] ?? `code-#${code}`} - octet ${rest >>> 0}`
    case ICMPV6_TYPE.ECHO:
      return `echo request, id ${id}, seq ${sequence}`
    case ICMPV6_TYPE.ECHO_REPLY:
      return `echo reply, id ${id}, seq ${sequence}`
    default:
      return discoveryText(icmp) ?? listenerText(icmp, bytes) ?? `type ${type} code ${code}`
  }
}

function unreachableText(code: number, quoted: IpValues | null): string {
  const dst = quoted?.ip.dst ?? '?'
  switch (code) {
    case 0:
      return `unreachable route ${dst}`
    case 1:
      return `unreachable prohibited ${dst}`
    case 2:
      return `beyond scope ${dst}, source address ${quoted?.ip.src ?? '?'}`
    case 3:
      return `unreachable address ${dst}`
    case 4:
      return portText(dst, quoted)
    default:
      return `unknown unreach code (${code})`
  }
}

function portText(dst: string, quoted: IpValues | null): string {
  if (!quoted?.ports) return 'unreachable port'
  const name = quoted.protocol === PROTO.TCP ? 'tcp' : 'udp'
  return `unreachable port, ${dst} ${name} port ${quoted.ports.dport}`
}

function exceededText(code: number, quoted: IpValues | null): string {
  if (code === 0) return ` for ${quoted?.ip.dst ?? '?'}`
  return code === 1 ? ' (reassembly)' : `, unknown code (${code})`
}

/** Of routers and neighbours (RFC 4861); undefined for other types. */
function discoveryText({ type, target, destination }: Icmpv6Header): string | undefined {
  switch (type) {
    case ICMPV6_TYPE.ROUTER_SOLICIT:
      return 'router solicitation'
    case ICMPV6_TYPE.ROUTER_ADVERT:
      return 'router advertisement'
    case ICMPV6_TYPE.NEIGHBOUR_SOLICIT:
      return `neighbor solicitation, who has ${target ?? '?'}`
    case ICMPV6_TYPE.NEIGHBOUR_ADVERT:
      return `neighbor advertisement, tgt is ${target ?? '?'}`
    case ICMPV6_TYPE.REDIRECT:
      return `redirect, ${destination ?? '?'} to ${target ?? '?'}`
    default:
      return undefined
  }
}

/** Of MLD (RFC 2710, RFC 3810); undefined for other types. */
function listenerText(icmp: Icmpv6Header, bytes: number): string | undefined {
  const { type, id, sequence, target } = icmp
  const first = ` max resp delay: ${id} addr: ${target ?? '?'}`
  switch (type) {
    case ICMPV6_TYPE.MLD_QUERY:
      return `multicast listener query${bytes > MLD1_BYTES ? ` v2 [gaddr ${target ?? '?'}]` : first}`
    case ICMPV6_TYPE.MLD_REPORT:
      return `multicast listener report${first}`
    case ICMPV6_TYPE.MLD_DONE:
      return `multicast listener done${first}`
    case ICMPV6_TYPE.MLD2_REPORT:
      return `multicast listener report v2, ${sequence} group record(s)`
    default:
      return undefined
  }
}

/** How packets reach a real server, in words: each method once, for whatever names one. */

import { ALL_FORWARDINGS, type AnyForwarding } from '../../api/words.ts'
import { RECORD } from '../../engine/conn-layout.ts'

/** That of a binding, or of its bits that say so. */
export function forwardingOf(binding: number): AnyForwarding {
  return forwardingOfMethod(RECORD.method(binding))
}

/** The same of METHOD, by itself. */
export function forwardingOfMethod(method: number): AnyForwarding {
  return ALL_FORWARDINGS[method] ?? 'fullnat'
}

/** Ends as far as they tell it; without `forwarding` it is FullNAT. */
interface Way {
  client: string
  rs: string
  forwarding?: AnyForwarding | undefined
}

export interface MethodWords {
  name: string
  /** What the real server sees, and where its answers go. */
  about: string
}

const FULLNAT: MethodWords = {
  name: 'FullNAT',
  about: 'the real server sees the LIP and its lport, and answers to it',
}
const WORDS: Readonly<Record<AnyForwarding, MethodWords>> = {
  fullnat: FULLNAT,
  nat: {
    name: 'NAT',
    about: 'the real server sees the client itself, and its answers come back through here',
  },
  dr: {
    name: 'DR',
    about:
      'the real server has the VIP itself, gets frames with another MAC and nothing else changed, and answers the client past here',
  },
  tunnel: {
    name: 'tunnel',
    about:
      'the real server has the VIP itself, gets packets in a header of IP in front, and answers the client past here',
  },
  snat: {
    name: 'SNAT',
    about: 'a host inside goes out under an address and port of ours, to which answers come back',
  },
}
const NAT64: MethodWords = {
  name: 'NAT64',
  about:
    'FullNAT from IPv6 to IPv4: the real server sees the LIP and its lport, and answers to it over IPv4',
}

export function methodWords(way: Way): MethodWords {
  const { client, rs, forwarding = 'fullnat' } = way
  const isBoth = forwarding === 'fullnat' && isIpv6End(client) && !isIpv6End(rs)
  return isBoth ? NAT64 : WORDS[forwarding]
}

/** Of ADDRESS:PORT. */
function isIpv6End(end: string): boolean {
  return end.startsWith('[')
}

/** Of DR and tunnels nothing comes from the real server. */
export function isOneWay(forwarding: AnyForwarding | undefined): boolean {
  return forwarding === 'dr' || forwarding === 'tunnel'
}

/** The real server gets the client's own address and port: there is neither LIP nor lport. */
export function keepsClient(forwarding: AnyForwarding | undefined): boolean {
  return forwarding === 'nat' || isOneWay(forwarding)
}

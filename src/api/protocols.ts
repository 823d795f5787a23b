/** Protocols that connections may have: a row each, by the name that the config file, the API and dpvs-agent give it. */

import { KEY } from '../engine/conn-layout.ts'
import { PROTO } from '../wire/ipv4.ts'

interface Row {
  /** In the header of IPv4, and of services in both families. */
  number: number
  /** In the record of a connection. */
  code: number
  /** In listings and in the log. */
  label: string
  /** ipvsadm's option for a service of it. */
  letter: string
}

export const PROTOCOLS = {
  tcp: { number: PROTO.TCP, code: KEY.TCP, label: 'TCP', letter: 't' },
  udp: { number: PROTO.UDP, code: KEY.UDP, label: 'UDP', letter: 'u' },
  icmp: { number: PROTO.ICMP, code: KEY.ICMP, label: 'ICMP', letter: 'q' },
} as const satisfies Record<string, Row>

export type Protocol = keyof typeof PROTOCOLS
/** What match services take: pings from inside are of icmp, in either family (semantics 8.4). */
export const MATCH_PROTOCOLS = Object.keys(PROTOCOLS) as [Protocol, ...Protocol[]]
/** Whether it is one that any service takes. */
export function isPlain(protocol: Protocol): protocol is (typeof PROTOCOL_NAMES)[number] {
  return protocol !== 'icmp'
}

/** What others take. */
export const PROTOCOL_NAMES = ['tcp', 'udp'] as const satisfies readonly Protocol[]
/** That of a service which names none. */
export const DEFAULT_PROTOCOL = 'tcp' satisfies Protocol

/** By its name, in letters of either case. */
export function protocolNamed(
  text: string,
  names: readonly Protocol[] = PROTOCOL_NAMES,
): Protocol | undefined {
  return names.find(name => name === text.toLowerCase())
}

/** By its number in the IP header. */
export function protocolOf(number: number): Protocol {
  return MATCH_PROTOCOLS.find(name => PROTOCOLS[name].number === number) ?? DEFAULT_PROTOCOL
}

/** By its code in a connection's record, and among what a packet is looked up by. */
export function protocolOfCode(code: number): Protocol {
  return MATCH_PROTOCOLS.find(name => PROTOCOLS[name].code === code) ?? DEFAULT_PROTOCOL
}

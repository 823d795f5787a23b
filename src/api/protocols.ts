/** Protocols that a service may have: a row each, by the name that the config file, the API and dpvs-agent give it. */

import { KEY } from '../engine/conn-layout.ts'
import { PROTO } from '../wire/ipv4.ts'

interface Row {
  /** In the IP header. */
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
} as const satisfies Record<string, Row>

export type Protocol = keyof typeof PROTOCOLS
export const PROTOCOL_NAMES = Object.keys(PROTOCOLS) as [Protocol, ...Protocol[]]
/** That of a service which names none. */
export const DEFAULT_PROTOCOL: Protocol = 'tcp'

/** By its name, in letters of either case. */
export function protocolNamed(text: string): Protocol | undefined {
  return PROTOCOL_NAMES.find(name => name === text.toLowerCase())
}

/** By its number in the IP header. */
export function protocolOf(number: number): Protocol {
  return PROTOCOL_NAMES.find(name => PROTOCOLS[name].number === number) ?? DEFAULT_PROTOCOL
}

/** By its code in a connection's record, and among what a packet is looked up by. */
export function protocolOfCode(code: number): Protocol {
  return PROTOCOL_NAMES.find(name => PROTOCOLS[name].code === code) ?? DEFAULT_PROTOCOL
}

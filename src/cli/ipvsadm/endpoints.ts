/** Addresses and ports as words of ipvsadm. All throw CliError in one line. */

import { PROTOCOL_NAMES, type Protocol, protocolNamed } from '../../api/protocols.ts'
import { canonicalIp, endpointParts, hostText, isIp } from '../../wire/ip-address.ts'
import { usage } from '../grammar/options.ts'
import { portOf } from './port-names.ts'

/** The name of a port may be another number in each protocol. */
export function endpoint(
  text: string,
  flag: string,
  form: string,
  protocol: Protocol,
): { address: string; port?: number } {
  const { host = '', port } = endpointParts(text) ?? {}
  const address = ip(host, `${form} after ${flag}`, text)
  return port === undefined ? { address } : { address, port: portOf(port, protocol) }
}

/** PROTOCOL:CIP:CPORT:VIP:VPORT, addresses of IPv6 in brackets. */
export function tuple(text: string): {
  protocol: Protocol
  client: string
  vip: string
} {
  const [word = '', cip = '', cport = '', vip = '', vport = '', ...more] = (
    text.match(/\[[^\]]*\](?=:)|[^:]+/g) ?? []
  ).map(part => part.replace(/^\[(.*)\]$/, '$1'))
  const expected = `${PROTOCOL_NAMES.join('|')}:CIP:CPORT:VIP:VPORT after --sockpair`
  const protocol = protocolNamed(word)
  if (protocol === undefined || vport === '' || more.length > 0)
    throw usage(`expected ${expected}, found ${JSON.stringify(text)}`)
  return {
    protocol,
    client: `${hostText(ip(cip, expected, text))}:${portOf(cport, protocol)}`,
    vip: `${hostText(ip(vip, expected, text))}:${portOf(vport, protocol)}`,
  }
}

/** An address of either family, in its one form. */
export function ip(text: string, expected: string, found = text): string {
  if (isIp(text)) return canonicalIp(text)
  throw usage(`expected ${expected}, found ${JSON.stringify(found)}`)
}

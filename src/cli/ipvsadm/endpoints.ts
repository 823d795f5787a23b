/** Addresses and ports as words of ipvsadm. All throw CliError in one line. */

import { isPlain, MATCH_PROTOCOLS, type Protocol, protocolNamed } from '../../api/protocols.ts'
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

/** PROTOCOL:CIP:CPORT:VIP:VPORT, addresses of IPv6 in brackets; of a ping its identifier is CPORT, and VPORT is 0. */
export function tuple(text: string): {
  protocol: Protocol
  client: string
  vip: string
} {
  const [word = '', cip = '', cport = '', vip = '', vport = '', ...more] = (
    text.match(/\[[^\]]*\](?=:)|[^:]+/g) ?? []
  ).map(part => part.replace(/^\[(.*)\]$/, '$1'))
  const expected = `${MATCH_PROTOCOLS.join('|')}:CIP:CPORT:VIP:VPORT after --sockpair`
  const protocol = protocolNamed(word, MATCH_PROTOCOLS)
  if (protocol === undefined || vport === '' || more.length > 0)
    throw usage(`expected ${expected}, found ${JSON.stringify(text)}`)
  const ownPort = (port: string) => (isPlain(protocol) ? portOf(port, protocol) : identifier(port))
  return {
    protocol,
    client: `${hostText(ip(cip, expected, text))}:${ownPort(cport)}`,
    vip: `${hostText(ip(vip, expected, text))}:${ownPort(vport)}`,
  }
}

function identifier(text: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text)
  throw usage(`expected an identifier 0-65535, found ${text}`)
}

/** An address of either family, in its one form. */
export function ip(text: string, expected: string, found = text): string {
  if (isIp(text)) return canonicalIp(text)
  throw usage(`expected ${expected}, found ${JSON.stringify(found)}`)
}

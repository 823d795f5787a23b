/** Addresses and ports as words of ipvsadm. All throw CliError in one line. */

import { isIPv4 } from 'node:net'
import { PROTOCOL_NAMES, type Protocol, protocolNamed } from '../../api/protocols.ts'
import { usage } from '../grammar/options.ts'
import { portOf } from './port-names.ts'

/** The name of a port may be another number in each protocol. */
export function endpoint(
  text: string,
  flag: string,
  form: string,
  protocol: Protocol,
): { address: string; port?: number } {
  if (text.startsWith('[') || text.split(':').length > 2)
    throw usage(`${flag} ${text}: IPv6 is not supported yet`)
  const [host = '', port] = text.split(':')
  const address = ipv4(host, `${form} after ${flag}`, text)
  return port === undefined ? { address } : { address, port: portOf(port, protocol) }
}

/** PROTOCOL:CIP:CPORT:VIP:VPORT */
export function tuple(text: string): {
  protocol: Protocol
  client: string
  vip: string
} {
  const [word = '', cip = '', cport = '', vip = '', vport = '', ...more] = text.split(':')
  const expected = `${PROTOCOL_NAMES.join('|')}:CIP:CPORT:VIP:VPORT after --sockpair`
  const protocol = protocolNamed(word)
  if (protocol === undefined || vport === '' || more.length > 0)
    throw usage(`expected ${expected}, found ${JSON.stringify(text)}`)
  return {
    protocol,
    client: `${ipv4(cip, expected, text)}:${portOf(cport, protocol)}`,
    vip: `${ipv4(vip, expected, text)}:${portOf(vport, protocol)}`,
  }
}

export function ipv4(text: string, expected: string, found = text): string {
  if (isIPv4(text)) return text
  throw usage(`expected ${expected}, found ${JSON.stringify(found)}`)
}

/** Names of ports, as people and `ipvsadm -S` without -n write them. */

import { readFileSync } from 'node:fs'
import type { Protocol } from '../../api/protocols.ts'
import { byWord } from '../../see/text/by-word.ts'

/** For machines without /etc/services: what is balanced most often, by its IANA name. */
const WELL_KNOWN: Readonly<Record<string, number>> = byWord({
  ...{ 'ftp-data': 20, ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, http: 80, www: 80 },
  ...{ kerberos: 88, pop3: 110, sunrpc: 111, imap2: 143, imap: 143, ldap: 389, https: 443 },
  ...{ submissions: 465, submission: 587, ldaps: 636, imaps: 993, pop3s: 995, 'ms-sql-s': 1433 },
  ...{ mqtt: 1883, nfs: 2049, mysql: 3306, 'ms-wbt-server': 3389, postgresql: 5432, amqp: 5672 },
  ...{ redis: 6379, 'http-alt': 8080, 'https-alt': 8443, memcache: 11211 },
})
const WELL_KNOWN_UDP: Readonly<Record<string, number>> = byWord({
  ...{ domain: 53, bootps: 67, bootpc: 68, tftp: 69, ntp: 123, snmp: 161, syslog: 514, https: 443 },
  ...{ openvpn: 1194, radius: 1812, 'radius-acct': 1813, sip: 5060 },
})

export const SERVICES_FILE = '/etc/services'

const ofMachine: Partial<Record<Protocol, Map<string, number>>> = {}

/** A number in digits or a name => 0-65535, or undefined if it is neither. */
export function portOf(text: string, protocol: Protocol = 'tcp'): number | undefined {
  if (/^\d{1,5}$/.test(text)) return Number(text) <= 65_535 ? Number(text) : undefined
  const known = protocol === 'tcp' ? WELL_KNOWN : WELL_KNOWN_UDP
  return machinePorts(protocol).get(text) ?? (Object.hasOwn(known, text) ? known[text] : undefined)
}

/** By name, of a protocol. Small systems have no such file, and so none. */
export function machinePorts(protocol: Protocol): ReadonlyMap<string, number> {
  const read = ofMachine[protocol] ?? portsOf(servicesText(), protocol)
  ofMachine[protocol] = read
  return read
}

function servicesText(): string {
  try {
    return readFileSync(SERVICES_FILE, 'utf8')
  } catch {
    return ''
  }
}

/** Of a text like /etc/services, `http  80/tcp  www  # comment`; the first line of a name counts. */
export function portsOf(text: string, protocol: Protocol): Map<string, number> {
  const ports = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name, port, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/)
    const [number, of] = (port ?? '').split('/')
    if (!name || of !== protocol || !/^\d+$/.test(number ?? '')) continue
    for (const word of [name, ...aliases]) if (!ports.has(word)) ports.set(word, Number(number))
  }
  return ports
}

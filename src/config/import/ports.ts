/** Names of TCP ports, as `ipvsadm -S` without -n writes them. */

import { readFileSync } from 'node:fs'

/** For machines without /etc/services: what is balanced most often, by its IANA name. */
const WELL_KNOWN: Record<string, number> = {
  ...{ 'ftp-data': 20, ftp: 21, ssh: 22, telnet: 23, smtp: 25, domain: 53, http: 80, www: 80 },
  ...{ kerberos: 88, pop3: 110, sunrpc: 111, imap2: 143, imap: 143, ldap: 389, https: 443 },
  ...{ submissions: 465, submission: 587, ldaps: 636, imaps: 993, pop3s: 995, 'ms-sql-s': 1433 },
  ...{ mqtt: 1883, nfs: 2049, mysql: 3306, 'ms-wbt-server': 3389, postgresql: 5432, amqp: 5672 },
  ...{ redis: 6379, 'http-alt': 8080, 'https-alt': 8443, memcache: 11211 },
}

let ofMachine: Map<string, number> | undefined

/** A number in digits or a name => 0-65535, or undefined if it is neither. */
export function portOf(text: string): number | undefined {
  if (/^\d{1,5}$/.test(text)) return Number(text) <= 65_535 ? Number(text) : undefined
  ofMachine ??= machinePorts()
  return ofMachine.get(text) ?? (Object.hasOwn(WELL_KNOWN, text) ? WELL_KNOWN[text] : undefined)
}

function machinePorts(): Map<string, number> {
  try {
    return tcpPorts(readFileSync('/etc/services', 'utf8'))
  } catch {
    return new Map()
  }
}

/** Of a text like /etc/services: `http  80/tcp  www  # comment`. */
export function tcpPorts(text: string): Map<string, number> {
  const ports = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [name, port, ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/)
    const number = /^(\d+)\/tcp$/.exec(port ?? '')?.[1]
    if (!name || number === undefined) continue
    for (const word of [name, ...aliases]) if (!ports.has(word)) ports.set(word, Number(number))
  }
  return ports
}

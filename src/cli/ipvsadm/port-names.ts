/** Names of ports, as /etc/services has them. */

import { readFileSync } from 'node:fs'
import { PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import { nearest } from '../../see/text/nearest.ts'
import { usage } from '../grammar/options.ts'

const SERVICES_FILE = '/etc/services'

const known: Partial<Record<Protocol, Map<string, number>>> = {}

/** The port that `text` is, as a number or a name; throws CliError in one line. */
export function portOf(text: string, protocol: Protocol): number {
  if (/^\d+$/.test(text)) {
    const port = Number(text)
    if (port < 1 || port > 65_535) throw usage(`expected a port 1-65535, found ${text}`)
    return port
  }
  known[protocol] ??= portsOf(readServices(), protocol)
  const names = known[protocol] as Map<string, number>
  const port = names.get(text)
  if (port !== undefined) return port
  const meant = nearest(text, [...names.keys()])
  const hint = meant ? `; did you mean ${meant}?` : ''
  throw usage(
    `no ${PROTOCOLS[protocol].label} port is called ${JSON.stringify(text)} in ${SERVICES_FILE}${hint}`,
  )
}

/** Ports of a protocol by name and by every other name of them; the first line of a name counts. */
export function portsOf(services: string, protocol: Protocol): Map<string, number> {
  const ports = new Map<string, number>()
  for (const line of services.split('\n')) {
    const [name, place, ...others] = line.replace(/#.*/, '').trim().split(/\s+/)
    const [port, of] = (place ?? '').split('/')
    if (!name || of !== protocol || !/^\d+$/.test(port ?? '')) continue
    for (const each of [name, ...others]) if (!ports.has(each)) ports.set(each, Number(port))
  }
  return ports
}

/** Small systems have no such file; then only numbers do. */
function readServices(): string {
  try {
    return readFileSync(SERVICES_FILE, 'utf8')
  } catch {
    return ''
  }
}

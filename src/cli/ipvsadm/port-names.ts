/** Ports of endpoints by their names, as the machine has them. */

import { PROTOCOLS, type Protocol } from '../../api/protocols.ts'
import { machinePorts, SERVICES_FILE } from '../../config/import/ports.ts'
import { nearest } from '../../see/text/nearest.ts'
import { usage } from '../grammar/options.ts'

/** The port that `text` is, as a number or a name; throws CliError in one line. */
export function portOf(text: string, protocol: Protocol): number {
  if (/^\d+$/.test(text)) {
    const port = Number(text)
    if (port < 1 || port > 65_535) throw usage(`expected a port 1-65535, found ${text}`)
    return port
  }
  const names = machinePorts(protocol)
  const port = names.get(text)
  if (port !== undefined) return port
  const meant = nearest(text, [...names.keys()])
  const hint = meant ? `; did you mean ${meant}?` : ''
  throw usage(
    `no ${PROTOCOLS[protocol].label} port is called ${JSON.stringify(text)} in ${SERVICES_FILE}${hint}`,
  )
}

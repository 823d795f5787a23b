/** Match services as words of ipvsadm: `-H proto=tcp,src-range=A-B,dst-range=C-D,iif=ARM,oif=ARM`. All throw CliError in one line. */

import type { ServerKey, ServiceKey } from '../../api/edits.ts'
import { matchText, outsideAddress, parseRule } from '../../api/match.ts'
import { type Given, usage } from '../grammar/options.ts'
import { ip } from './endpoints.ts'
import { FORWARD_OPTIONS } from './options.ts'

export function matchKey(text: string): ServiceKey {
  const rule = parseRule(text)
  if (typeof rule === 'string') throw usage(`-H: ${rule}`)
  return { protocol: rule.protocol, address: matchText(rule.keys), port: 0 }
}

/** The address that its connections have outside. */
export function outsideKey({ options }: Given, text: string): ServerKey {
  const other = Object.values(FORWARD_OPTIONS).find(({ long }) => options.has(long))
  if (other) throw usage(`-H is for SNAT: -J in place of -${other.short}`)
  return { address: ip(outsideAddress(text), 'an address of ours outside after -r', text) }
}

/** The words of a service for -H. */
export function matchWords({ protocol, address }: ServiceKey): string[] {
  const words = address.replace(/(^|,)from=/, '$1src-range=').replace(/(^|,)to=/, '$1dst-range=')
  return ['-H', `proto=${protocol},${words}`]
}

/** LIPs by which hosts inside speak to those outside. */

import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'

type Rules = NonNullable<Draft<ConfigFile>['snat']>

/** They are no LIPs of services that name none. */
export function snatAddresses(rules: Rules | undefined): Set<string> {
  const all = (rules ?? []).flatMap(rule => rule?.addresses ?? [])
  return new Set(all.flatMap(one => (one?.address === undefined ? [] : [one.address])))
}

/** Of these LIPs, those that services may have. */
export function lipsOfServices(lips: readonly string[], rules: Rules | undefined): string[] {
  const outside = snatAddresses(rules)
  return lips.filter(lip => !outside.has(lip))
}

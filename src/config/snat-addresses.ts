/** LIPs by which hosts inside speak to those outside. */

import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'

type Rules = NonNullable<Draft<ConfigFile>['snat']>

/** They are no LIPs of services that name none. */
export function snatAddresses(rules: Rules | undefined): Set<string> {
  const all = (rules ?? []).flatMap(rule => rule?.addresses ?? [])
  return new Set(all.flatMap(one => (one?.address === undefined ? [] : [one.address])))
}

/** What arms that share a device by 802.1Q say about each other. */

import { MTU } from './arms.ts'
import type { Draft } from './draft.ts'
import type { ConfigFile } from './schema.ts'
import type { ConfigSource, Path } from './source.ts'

type Arms = NonNullable<Draft<ConfigFile>['arms']>

/** Adds problems to `source`; `armsRead` if there are no arms but these. */
export function checkVlans(arms: Arms, armsRead: boolean, source: ConfigSource): void {
  const seen = new Map<string, Path>()
  for (const [i, arm] of arms.entries()) {
    if (!arm?.vlan) continue
    for (const key of ['kind', 'netns', 'mac'] as const) {
      if (arm[key] === undefined || arm[key] === 'tap') continue
      source.problem(
        ['arms', i, key],
        `expected none beside vlan: it is that of the arm whose device it shares`,
      )
    }
    const { arm: name, id } = arm.vlan
    if (name === undefined) continue
    const path = ['arms', i, 'vlan']
    const parent = arms.find(other => other?.name === name)
    if (parent?.vlan)
      source.problem(
        [...path, 'arm'],
        `expected an arm with a device of its own, found "${name}", which has a vlan`,
      )
    else if (parent) checkMtu(arm, parent, ['arms', i, 'mtu'], source)
    else if (armsRead)
      source.problem([...path, 'arm'], `expected the name of another arm, found "${name}"`)
    if (id === undefined) continue
    const first = seen.get(`${name} ${id}`)
    if (first)
      source.problem(
        [...path, 'id'],
        `expected each once, found id ${id} of ${name} again, see ${source.placeOf(first)}`,
      )
    else seen.set(`${name} ${id}`, [...path, 'id'])
  }
}

/** A tag comes on top of what an MTU counts, but not a longer packet. One that names none has the other's. */
function checkMtu(
  arm: NonNullable<Arms[number]>,
  parent: NonNullable<Arms[number]>,
  path: Path,
  source: ConfigSource,
): void {
  const { mtu: most = MTU[parent.kind ?? 'tap'] } = parent
  if (arm.mtu !== undefined && arm.mtu > most)
    source.problem(path, `expected at most the MTU ${most} of ${parent.name}, found ${arm.mtu}`)
}

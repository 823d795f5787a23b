/** Whether the programs of NICs have room for what a config brings: asked before anything of it is carried out. */

import { deviceOf } from '../../config/arms.ts'
import type { Config } from '../../config/config.ts'
import { allServices } from '../../config/snat.ts'
import { programOf } from '../network/nic-program.ts'
import { ownOf } from './own.ts'
import { onNic, takenBy } from './taken.ts'
import type { WaysOf } from './ways.ts'

/**
 * => why a NIC could not take what is for us while `after` comes in the place of `before`: until connections of what goes have ended both
 * are ours. The addresses of hosts, which make programs a little larger, are not looked at.
 */
export function nicProblem(before: Config, after: Config): string | undefined {
  const { arms } = after
  const nics = [...arms.keys()].filter(arm => arms[arm]?.kind === 'nic')
  if (nics.length === 0 || isTakenAlike(before, after)) return undefined
  const ways = waysOf([before, after])
  const addresses = new Set([...ownOf(before).addresses, ...ownOf(after).addresses])
  for (const owner of nics.filter(arm => deviceOf(arms, arm) === arm)) {
    const { on, ...ours } = onNic(arms, owner, addresses)
    try {
      programOf(0, { ...ours, ways: takenBy(on, ways, { arms, hosts: [] }) })
    } catch (error) {
      return `nic ${arms[owner]?.name}: ${(error as Error).message}`
    }
  }
  return undefined
}

/** Most changes are of something else, and assembling programs takes tens of ms. */
function isTakenAlike(before: Config, after: Config): boolean {
  const taken = (config: Config) => JSON.stringify([config.arms, waysOf([config])])
  return taken(before) === taken(after)
}

function waysOf(configs: readonly Config[]): WaysOf {
  const services = configs.flatMap(allServices).filter(({ realServers: rss }) => rss.length > 0)
  const servers = services.flatMap(({ protocol, realServers }) =>
    realServers.flatMap(({ address, port, forwarding }) =>
      forwarding === 'nat' ? [{ protocol, address, port }] : [],
    ),
  )
  const out = new Map<string, WaysOf['out'][number]>()
  for (const { protocol, address, match } of services)
    if (match) out.set(`${protocol} ${address}`, { protocol, match })
  return { servers, out: [...out.values()] }
}

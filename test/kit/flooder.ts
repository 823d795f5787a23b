/** Sends frames that no kernel would, by flood.c, from either side of a lab. */

import { join } from 'node:path'
import { before } from 'node:test'
import { mustRun } from '../../netns/processes.ts'
import { CHECKOUT, type Side } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { LIP, VIP } from './lab.ts'

/** Its words behind the MAC; see flood.c. => how many it has sent */
export type Flood = (side: Side, ...words: (string | number)[]) => Promise<number>

/** `folder` has the program from before the first test on. */
export function flooder(lab: Lab, folder: string): Flood {
  const program = join(folder, 'flood')
  before(async () => {
    const source = join(CHECKOUT, 'test/kit/flood.c')
    await mustRun(['cc', '-O2', '-Wall', '-Werror', '-o', program, source])
  })
  return async (side, ...words) => {
    const device = side === 'client' ? 'ext0' : 'int0'
    const ours = side === 'client' ? VIP : LIP
    const neigh = await mustRun(lab.inside(side, ['ip', 'neigh', 'show', ours]))
    const [mac = ''] = /(?<=lladdr )\S+/.exec(neigh) ?? []
    // What it floods comes first: on a network it would have processors of its own.
    const argv = ['nice', '-n', '5', program, device, mac, ...words.map(String)]
    return Number(await mustRun(lab.inside(side, argv)))
  }
}

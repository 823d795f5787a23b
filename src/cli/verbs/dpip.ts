/** `tapvs dpip`: its objects and verbs; the tables are in ../dpip.ts. */

import type { Argv } from 'yargs'
import { ask } from '../client.ts'
import { type Common, print } from '../common.ts'
import { formatAddresses, formatLinkStats, formatLinks, formatNeighbours } from '../dpip.ts'

export function addDpip(common: Argv<Common>): void {
  common.command('dpip', 'addresses, neighbours and links, as dpip lists them', command => {
    addShow(command, ['addr', 'a', 'address'], 'addresses, and the lports of LIPs', async socket =>
      formatAddresses(await ask(socket, { verb: 'addresses' })),
    )
    addShow(command, ['neigh', 'n', 'neighbour'], 'neighbours', async socket =>
      formatNeighbours(await ask(socket, { verb: 'neighbours' })),
    )
    addShow(command, ['link', 'l'], 'arms', async (socket, stats) => {
      const counters = await ask(socket, { verb: 'counters' })
      return stats ? formatLinkStats(counters) : formatLinks(counters.arms)
    })
    return command.demandCommand(1, 'dpip needs an object: addr, neigh or link')
  })
}

/** An object of dpip, which has one verb here. */
function addShow(
  dpip: Argv<Common>,
  names: string[],
  describe: string,
  text: (socket: string, stats: boolean) => Promise<string>,
): void {
  dpip.command(names, describe, object =>
    object
      .command(
        ['show', 's', 'list', 'l'],
        `list ${describe}`,
        show =>
          show.option('stats', {
            type: 'boolean',
            alias: 's',
            default: false,
            describe: 'statistics',
          }),
        async ({ socket, stats }) => {
          print(await text(socket, stats))
        },
      )
      .demandCommand(1, 'dpip needs a verb: show'),
  )
}

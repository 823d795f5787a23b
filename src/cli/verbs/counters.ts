/** `tapvs counters`: packets, drops and events. */

import type { Argv } from 'yargs'
import { ask } from '../daemon/client.ts'
import { type Common, print, printJson } from '../terminal/common.ts'
import { formatCounters } from '../texts/counters.ts'

export function addCounters(common: Argv<Common>): void {
  common.command(
    'counters',
    'packets, drops and events, with what they mean',
    command =>
      command
        .option('json', { type: 'boolean', default: false, describe: 'for programs' })
        .option('all', { type: 'boolean', default: false, describe: 'zeros too' }),
    async ({ socket, json, all }) => {
      const counters = await ask(socket, { verb: 'counters' })
      if (json) printJson(counters)
      else print(formatCounters(counters, { all }))
    },
  )
}

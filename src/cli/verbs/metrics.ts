/** `tapvs metrics`: the page that Prometheus scrapes, for the textfile collector and for people. */

import type { Argv } from 'yargs'
import { ask } from '../daemon/client.ts'
import { type Common, print } from '../terminal/common.ts'

export function addMetrics(common: Argv<Common>): void {
  common.command(
    'metrics',
    'all numbers in the text format of Prometheus',
    command => command,
    async ({ socket }) => {
      const { metricsText } = await import('../../control/readings/metrics.ts')
      print(metricsText(await ask(socket, { verb: 'numbers' })))
    },
  )
}

/** `tapvs analyze`: two captures of any balancer put side by side; the work is done in ../../see/analyze. */

import type { Argv } from 'yargs'
import { drawingOptions } from '../ladder/options.ts'
import type { Common } from '../terminal/common.ts'

export function addAnalyze(common: Argv<Common>): void {
  common.command(
    'analyze <client> [rs]',
    'compare captures of both sides of a balancer: connections, clocks, losses, changes',
    command =>
      drawingOptions(command)
        .positional('client', {
          type: 'string',
          demandOption: true,
          describe: 'pcap or pcapng of the side of the clients, or of both arms',
        })
        .positional('rs', {
          type: 'string',
          describe: 'pcap or pcapng of the side of the real servers',
        })
        .option('ladder', {
          type: 'boolean',
          default: false,
          describe: 'draw the packets too, as tapvs ladder does',
        })
        .option('all', {
          type: 'boolean',
          default: false,
          describe: 'every connection, instead of the first 40',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    async ({ client, rs, ...options }) => {
      const { runAnalysis } = await import('../analyze/run.ts')
      await runAnalysis(client, rs, options)
    },
  )
}

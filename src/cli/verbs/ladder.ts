/** `tapvs ladder`: packets as arrows on both sides of the appliance; the rows are made in see/ladder/ladder.ts. */

import type { Argv } from 'yargs'
import { CliError } from '../daemon/client.ts'
import { drawingOptions } from '../ladder/options.ts'
import type { Common } from '../terminal/common.ts'

export function addLadder(common: Argv<Common>): void {
  common.command(
    'ladder [words..]',
    'draw the packets of connections: client, VIP and LIP, real server',
    command =>
      drawingOptions(command)
        .positional('words', {
          type: 'string',
          array: true,
          default: [],
          describe:
            'FILE.pcapng of tapvs capture, and a filter as of tapvs capture: conn A:P, rs A, drop',
        })
        .option('follow', {
          type: 'boolean',
          default: false,
          describe: 'draw packets as they come, connections mixed',
        })
        .option('json', {
          type: 'boolean',
          default: false,
          describe: 'rows for programs, a line each',
        }),
    async ({ socket, words, ...options }) => {
      const { drawLadder } = await import('../ladder/draw.ts')
      const [first = '', ...rest] = words
      const isFile = /\.pcap(ng)?$/.test(first) || first.includes('/')
      if (isFile && options.follow)
        throw new CliError('--follow is for a running daemon, not for a file', 2)
      await drawLadder({
        ...options,
        socket,
        file: isFile ? first : undefined,
        filter: (isFile ? rest : words).join(' '),
      })
    },
  )
}

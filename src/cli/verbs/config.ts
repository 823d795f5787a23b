/** `tapvs config`: what there is to know of config files. */

import type { Argv } from 'yargs'
import { type Common, print } from '../common.ts'

export function addConfig(common: Argv<Common>): void {
  common.command('config', 'look at config files', command =>
    command
      .command(
        'check <file>',
        'report every mistake in a config file',
        check => check.positional('file', { type: 'string', demandOption: true }),
        async ({ file }) => {
          const { readConfig } = await import('../../control/config.ts')
          for (const warning of readConfig(file).warnings) {
            process.stderr.write(`${warning} (warning)\n`)
          }
          print(`${file}: ok\n`)
        },
      )
      .demandCommand(1, 'config needs a verb: check'),
  )
}

/** `tapvs run`: the daemon. */

import type { Argv } from 'yargs'
import type { Common } from '../common.ts'

export function addRun(common: Argv<Common>): void {
  common.command(
    'run',
    'be the daemon, in the foreground, until SIGTERM',
    command =>
      command.option('config', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'YAML file; config/lab.yaml is the documented example',
      }),
    async args => {
      // Imported here, because the daemon's libraries would double the start-up of every listing.
      const { runDaemon } = await import('../../control/daemon.ts')
      // Text for a stopped reader of our stderr would hold the process for ever; what could be flushed is.
      process.exit(await runDaemon(args.config))
    },
  )
}

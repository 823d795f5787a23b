/** `tapvs run`: the daemon. */

import type { Argv } from 'yargs'
import { UI_PORT } from '../../api/commands.ts'
import type { First } from '../../control/first.ts'
import { bundleProblem } from '../../control/system/built-file.ts'
import { Signals } from '../../control/system/stop.ts'
import { CliError } from '../daemon/client.ts'
import type { Common } from '../terminal/common.ts'

export function addRun(common: Argv<Common>): void {
  common.command(
    'run',
    'be the daemon, in the foreground, until SIGTERM',
    command =>
      command
        .option('config', {
          type: 'string',
          demandOption: true,
          requiresArg: true,
          describe: 'YAML file; config/lab.yaml is the documented example',
        })
        .option('ui', {
          type: 'string',
          describe: `serve the page on 127.0.0.1; --ui=0 takes any free port (default port ${UI_PORT})`,
        })
        .option('force', {
          type: 'boolean',
          default: false,
          describe: 'take the TAPs of the arms even if another process holds them',
        })
        .option('keeper', {
          type: 'boolean',
          default: true,
          describe: 'start another daemon when this one fails; --no-keeper is the daemon alone',
        })
        .option('standby', {
          type: 'boolean',
          default: false,
          describe:
            'have that one ready and waiting: a shorter gap, for the memory of a second daemon',
        }),
    async args => {
      const problem = bundleProblem()
      if (problem) throw new CliError(problem)
      // Of cli/kept.ts: this is what a keeper has started.
      const { kept } = args as { kept?: First }
      if (args.keeper && kept === undefined) await keepRunning()
      const ui = args.ui === undefined ? undefined : pageOf(args.ui)
      const signals = new Signals()
      // Imported here, because the daemon's libraries would double the start-up of every listing.
      const loaded = import('../../control/daemon.ts')
      if (kept?.standby) (await import('../../control/warm.ts')).standBy(args.config)
      if (kept?.standby) void loaded.then(() => kept.loaded())
      const begun = await kept?.begun
      const { runDaemon } = await loaded
      const options = { signals, ...begun, force: args.force, ...(ui && { ui }) }
      // Text for a stopped reader of our stderr would hold the process for ever; what could be flushed is.
      process.exit(await runDaemon(args.config, options))
    },
  )
}

/** bin/tapvs does the same without this program's libraries, where `run` is the first word. */
async function keepRunning(): Promise<never> {
  const { keep } = await import('../../control/keeper/keeper.ts')
  return keep()
}

/** `--ui` alone is ''. */
function pageOf(port: string): { port?: number } {
  if (port === '') return {}
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65_535)
    throw new CliError(`--ui: expected a port 0-65535, found ${port}`, 2)
  return { port: Number(port) }
}

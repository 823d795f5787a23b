/** `tapvs top`: what happens now; the frames are made in ../top. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Argv } from 'yargs'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, print, printJson } from '../terminal/common.ts'
import { isLive } from '../terminal/terminal.ts'
import { PANES, type PaneName } from '../top/panes.ts'

export function addTop(common: Argv<Common>): void {
  common.command(
    'top',
    'rates, lports, drops, arms, clients and the busiest connections as they change',
    command =>
      command
        .option('once', {
          type: 'boolean',
          default: false,
          describe: 'print every pane once, as without a terminal',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs, once' })
        .option('pane', { choices: PANES, describe: 'begin with this pane, or print it only' })
        .option('every', {
          type: 'number',
          default: 1,
          requiresArg: true,
          describe: 'seconds between two looks',
        })
        .check(({ every }) => {
          if (every >= 0.1 && every <= 3600) return true
          throw new CliError('--every wants 0.1 to 3600 seconds', 2)
        }),
    async ({ socket, once, json, pane, every }) => {
      const everyMs = every * 1000
      if (once || json || !isLive() || !process.stdin.isTTY) {
        if (!once && !json && process.stdout.isTTY && !isLive())
          process.stderr.write(
            'tapvs: TERM=dumb cannot be drawn on: printed once, as with --once\n',
          )
        return printOnce(socket, everyMs, json, pane)
      }
      // Fails in a line of the shell it was typed in, before the screen is taken.
      await ask(socket, { verb: 'ping' })
      // React checks itself in every frame unless told that this is no workshop.
      process.env.NODE_ENV ??= 'production'
      const { runScreen } = await import('../top/screen.ts')
      await runScreen({ socket, everyMs, pane: pane ?? 'services' })
    },
  )
}

async function printOnce(
  socket: string,
  everyMs: number,
  json: boolean,
  pane: PaneName | undefined,
): Promise<void> {
  const [{ History }, { wholeText }, { countClients }, { askConns, BusyConns }] = await Promise.all(
    [
      import('../../see/numbers/summary.ts'),
      import('../top/frame.ts'),
      import('../../see/numbers/clients.ts'),
      import('../top/busy.ts'),
    ],
  )
  const history = new History()
  const watch = new BusyConns()
  history.add(await ask(socket, { verb: 'numbers' }))
  watch.add(await askConns(socket), performance.now())
  await pause(everyMs)
  const moment = history.add(await ask(socket, { verb: 'numbers' }))
  const conns = await askConns(socket)
  const clients = countClients(conns)
  const busy = watch.add(conns, performance.now())
  if (json) printJson({ ...moment, clients, busy })
  else print(wholeText({ moment, clients, busy }, pane && [pane]))
}

/** `tapvs reload`: the daemon reads its config file again. */

import type { Argv } from 'yargs'
import { ask } from '../daemon/client.ts'
import { formatPlan, refuseRestart } from '../daemon/plan.ts'
import { type Common, print, warn } from '../terminal/common.ts'

export function addReload(common: Argv<Common>): void {
  common.command(
    'reload',
    "apply the daemon's config file as it is now",
    command => command,
    async ({ socket }) => {
      const plan = await ask(socket, { verb: 'reload' })
      warn(plan.warnings)
      refuseRestart(plan)
      print(formatPlan(plan))
    },
  )
}

/** `tapvs ui`: where the page of the running daemon is. */

import type { Argv } from 'yargs'
import { ask, CliError } from '../daemon/client.ts'
import { type Common, print } from '../terminal/common.ts'

export function addUi(common: Argv<Common>): void {
  common.command(
    'ui',
    "the address of the daemon's page for a browser, with its token",
    command => command,
    async ({ socket }) => {
      const { url } = await ask(socket, { verb: 'ui' })
      if (url === null) {
        const how = 'start it with tapvs run --ui, or set control.ui in its config'
        throw new CliError(`the daemon serves no page; ${how}`)
      }
      print(`${url}\n`)
    },
  )
}

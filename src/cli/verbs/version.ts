/** `tapvs version`: what this program is, and what it could go on with of another one. */

import type { Argv } from 'yargs'
import { FACTS, factsText } from '../../control/keeper/facts.ts'
import type { Common } from '../terminal/common.ts'
import { print } from '../terminal/common.ts'

export function addVersion(common: Argv<Common>): void {
  common.command(
    'version',
    'which version this program is, and with which others it can hand over; `upgrade --check` says which one runs',
    command =>
      command.option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    ({ json }) => {
      const { version, keeping, layouts } = FACTS
      const text = `tapvs ${version}: state of layout ${layouts.state}, config of layout ${layouts.config}, keeper of language ${keeping}`
      print(`${json ? factsText() : text}\n`)
    },
  )
}

/** `tapvs log`: the running daemon's log. */

import type { Argv } from 'yargs'
import { LOG_LEVELS } from '../../control/commands.ts'
import { ask } from '../client.ts'
import { type Common, print } from '../common.ts'

export function addLog(common: Argv<Common>): void {
  common.command('log', "the running daemon's log", command =>
    command
      .command(
        'level [level]',
        'print the log level, or set it',
        level => level.positional('level', { choices: LOG_LEVELS }),
        async ({ socket, level }) => {
          const answer = await ask(
            socket,
            level === undefined ? { verb: 'log' } : { verb: 'log', level },
          )
          print(`${answer.level}\n`)
        },
      )
      .demandCommand(1, 'log needs a verb: level'),
  )
}

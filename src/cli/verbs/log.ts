/** `tapvs log`: the running daemon's log. */

import type { Argv } from 'yargs'
import { LOG_LEVELS, MODULES } from '../../api/log-levels.ts'
import { ask } from '../daemon/client.ts'
import { type Common, print } from '../terminal/common.ts'

export function addLog(common: Argv<Common>): void {
  common.command('log', "the running daemon's log", command =>
    command
      .command(
        'level [level]',
        'print the levels of the log, or set that of all modules or of one',
        level =>
          level.positional('level', { choices: LOG_LEVELS }).option('module', {
            choices: MODULES,
            requiresArg: true,
            describe: 'of this one only',
          }),
        async ({ socket, level, module }) => {
          const answer = await ask(
            socket,
            level ? { verb: 'set-log', level, ...(module && { module }) } : { verb: 'log' },
          )
          const levelOf = (name: (typeof MODULES)[number]) => answer.modules?.[name] ?? answer.level
          if (module) print(`${levelOf(module)}\n`)
          else if (level) print(`${answer.level}\n`)
          else {
            const lines = MODULES.map(name => `  ${name.padEnd(8)} ${levelOf(name)}\n`)
            print([`${answer.level}\n`, ...lines].join(''))
          }
        },
      )
      .command(
        'reopen',
        'open the files of the log anew, after they were renamed',
        reopen => reopen,
        async ({ socket }) => {
          await ask(socket, { verb: 'reopen' })
        },
      )
      .demandCommand(1, 'log needs a verb: level or reopen'),
  )
}

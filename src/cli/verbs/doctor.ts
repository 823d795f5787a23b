/** `tapvs doctor`: what of this machine stands in the way. */

import type { Argv } from 'yargs'
import { ask, CliError, NoDaemon } from '../daemon/client.ts'
import { type Common, print, printJson } from '../terminal/common.ts'
import { formatFindings } from '../texts/doctor.ts'

export function addDoctor(common: Argv<Common>): void {
  common.command(
    'doctor',
    'look at everything that a start needs, and say how to mend what is wrong',
    command =>
      command
        .option('config', {
          type: 'string',
          requiresArg: true,
          describe: 'check the machine for this config',
        })
        .option('json', { type: 'boolean', default: false, describe: 'for programs' }),
    async ({ socket, config, json }) => {
      // Imported here: it takes what no listing needs.
      const { diagnose } = await import('../../control/doctor/doctor.ts')
      const findings = await diagnose({ file: config, socket, ping })
      if (json) printJson(findings)
      else print(formatFindings(findings))
      const failed = findings.filter(({ level }) => level === 'fail').length
      if (failed > 0) throw new CliError(`${failed} of ${findings.length} checks failed`)
    },
  )
}

async function ping(socket: string): Promise<number | undefined> {
  try {
    return (await ask(socket, { verb: 'ping' })).pid
  } catch (error) {
    if (error instanceof NoDaemon) return undefined
    throw error
  }
}

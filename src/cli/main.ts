/**
 * The command line. Each verb, in verbs/, knows its options and prints what the daemon answers; the tables are made in
 * the files beside this one. Exit codes: 0 done, 1 failed, 2 used wrongly (a wrong config too). Errors are one line on
 * stderr, a wrong config one per mistake.
 */

import yargs, { type Argv } from 'yargs'
import { DEFAULT_SOCKET } from '../control/commands.ts'
import { version } from '../control/version.ts'
import { CliError } from './client.ts'
import type { Common } from './common.ts'
import { addConfig } from './verbs/config.ts'
import { addCounters } from './verbs/counters.ts'
import { addDoctor } from './verbs/doctor.ts'
import { addDpip } from './verbs/dpip.ts'
import { addDrain } from './verbs/drain.ts'
import { addIpvsadm } from './verbs/ipvsadm.ts'
import { addLog } from './verbs/log.ts'
import { addRun } from './verbs/run.ts'

const MORE_ARGUMENTS = 'expected more arguments (found %s, need %s); see --help'

/** => the exit code */
export async function main(argv: string[]): Promise<number> {
  // `| head` closes the pipe when it has seen enough; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  try {
    await parser(argv).parseAsync()
    return 0
  } catch (error) {
    if (!(error instanceof Error)) throw error
    // By its shape, because its class comes with libraries that no listing needs.
    const problems = (error as { problems?: string[] }).problems
    const line = `tapvs: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`
    process.stderr.write(`${(problems ?? [line]).join('\n')}\n`)
    return problems ? 2 : error instanceof CliError ? error.exitCode : 1
  }
}

function parser(argv: string[]): Argv<Common> {
  const common = yargs(argv)
    .scriptName('tapvs')
    .usage('$0 VERB\n\nA two-arm FullNAT layer-4 load balancer on TAP interfaces.')
    .version(version)
    .help()
    .alias('help', 'h')
    .option('socket', {
      type: 'string',
      requiresArg: true,
      default: process.env.TAPVS_SOCKET || DEFAULT_SOCKET,
      defaultDescription: `$TAPVS_SOCKET or ${DEFAULT_SOCKET}`,
      describe: 'control socket of the daemon to ask',
    })
    .demandCommand(1, 'no verb given; see tapvs --help')
    .recommendCommands()
    .strict()
    .wrap(100)
    .updateStrings({
      // Singular and plural; the typings know only plain texts.
      'Not enough non-option arguments: got %s, need at least %s': {
        one: MORE_ARGUMENTS,
        other: MORE_ARGUMENTS,
      },
    } as never)
    .exitProcess(false)
    .fail((message, error) => {
      // A handler that returns would let the verb run in spite of the error.
      if (error !== undefined && error.name !== 'YError') throw error
      throw new CliError(message.replace(/^Did you mean/, 'unknown verb; did you mean'), 2)
    })
  addRun(common)
  addConfig(common)
  addDoctor(common)
  addLog(common)
  addCounters(common)
  addDrain(common)
  addIpvsadm(common)
  addDpip(common)
  return common
}

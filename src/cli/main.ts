/**
 * The command line. Each verb, in verbs/, knows its options and prints what the daemon answers; the tables are made in
 * the files beside this one. Exit codes: 0 done, 1 failed, 2 used wrongly (a wrong config too). Errors are one line on
 * stderr, a wrong config one per mistake.
 */

import type { Argv } from 'yargs'
import { DEFAULT_SOCKET } from '../control/commands.ts'
import { version } from '../control/version.ts'
import { CliError } from './client.ts'
import { type Common, Ended } from './common.ts'
import { defaultSocket, type OpenDesk, openDesk } from './desk.ts'
import { UTC_OPTION } from './options.ts'
import { completion } from './verbs/completion.ts'
import { dpip } from './verbs/dpip.ts'
import { ipvsadm } from './verbs/ipvsadm.ts'

const MORE_ARGUMENTS = 'expected more arguments (found %s, need %s); see --help'

/** => the exit code */
export async function main(argv: string[]): Promise<number> {
  // `| head` closes the pipe when it has seen enough; that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  try {
    const own = ownVerb(argv)
    if (own) await own.run(own.rest, openDesk)
    else await (await parser(argv)).parseAsync()
    return 0
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof Ended) return error.exitCode
    // By its shape, because its class comes with libraries that no listing needs.
    const problems = (error as { problems?: string[] }).problems
    const line = `tapvs: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`
    process.stderr.write(`${(problems ?? [line]).join('\n')}\n`)
    return problems ? 2 : error instanceof CliError ? error.exitCode : 1
  }
}

type OwnVerb = (argv: readonly string[], open: OpenDesk) => Promise<void>

/** Verbs that read their arguments themselves. They are not kept waiting for a parser that they do not use. */
const OWN_VERBS: Readonly<Record<string, OwnVerb>> = {
  ipvsadm,
  dpip,
  completion: async (argv, open) =>
    completion(argv, open, (await import('./verbs/all.ts')).addVerbs),
}

/** => what stands around the verb goes to it, if it is one of OWN_VERBS */
function ownVerb(argv: string[]): { run: OwnVerb; rest: string[] } | undefined {
  // They say no times.
  if (argv[0] === '--utc') return ownVerb(argv.slice(1))
  let at = 0
  while (argv[at]?.startsWith('--socket')) at += argv[at]?.includes('=') ? 1 : 2
  const name = argv[at] ?? ''
  const run = Object.hasOwn(OWN_VERBS, name) ? OWN_VERBS[name] : undefined
  return run && { run, rest: argv.toSpliced(at, 1) }
}

async function parser(argv: string[]): Promise<Argv<Common>> {
  const { default: yargs } = await import('yargs')
  const { addVerbs } = await import('./verbs/all.ts')
  const common = yargs(argv)
    .scriptName('tapvs')
    .usage('$0 VERB\n\nA two-arm FullNAT layer-4 load balancer on TAP interfaces.')
    .version(version)
    .help()
    .alias('help', 'h')
    .option('socket', {
      type: 'string',
      requiresArg: true,
      default: defaultSocket(),
      defaultDescription: `$TAPVS_SOCKET or ${DEFAULT_SOCKET}`,
      describe: 'control socket of the daemon to ask',
    })
    .option('utc', {
      type: 'boolean',
      default: false,
      describe: UTC_OPTION.help,
    })
    .middleware(({ utc }) => {
      // Whatever reads or writes a time does it in the time zone of the process.
      if (utc) process.env.TZ = 'UTC'
    }, true)
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
  addVerbs(common)
  return common
}

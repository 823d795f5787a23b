/**
 * The command line. Each verb, in verbs/, knows its options and prints what the daemon answers; the tables are made in
 * the files beside this one. Exit codes: 0 done, 1 failed, 2 used wrongly (a wrong config too). Errors are one line on
 * stderr, a wrong config one per mistake.
 */

import type { Argv } from 'yargs'
import { DEFAULT_SOCKET } from '../api/commands.ts'
import { writeProblem } from '../control/system/own-file.ts'
import { decideSignals } from '../control/system/signals.ts'
import { version } from '../control/system/version.ts'
import { nearest } from '../see/text/nearest.ts'
import { printable } from '../see/text/printable.ts'
import { type Parser, unknownOption } from '../see/text/unknown-option.ts'
import { CliError } from './daemon/client.ts'
import { defaultSocket, type OpenDesk, openDesk } from './daemon/desk.ts'
import { UTC_OPTION } from './grammar/options.ts'
import { type Common, Ended } from './terminal/common.ts'
import { loadVerbs } from './verbs/all.ts'

const MORE_ARGUMENTS = 'expected more arguments (found %s, need %s); see --help'

/** `given` is what verbs are given beside their words, by name. => the exit code */
export async function main(argv: string[], given: object = {}): Promise<number> {
  decideSignals()
  process.stdout.on('error', unwritable)
  // Even if the message cannot be written, the exit code tells.
  process.stderr.on('error', () => {})
  try {
    const asked = await withHelp(argv)
    const own = ownVerb(asked)
    if (own) await own.run(own.rest, openDesk)
    else await (await parser(asked)).parseAsync(asked, given)
    return 0
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (error instanceof Ended) return error.exitCode
    // By its shape, because its class comes with libraries that no listing needs.
    const problems = (error as { problems?: string[] }).problems
    const line = `tapvs: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`
    process.stderr.write(`${printable((problems ?? [line]).join('\n'))}\n`)
    return problems ? 2 : error instanceof CliError ? error.exitCode : 1
  }
}

/** `| head` closes the pipe when it has seen enough; that is no failure. */
function unwritable(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  process.stderr.write(`tapvs: stdout cannot be written: ${writeProblem(error)}\n`)
  process.exit(1)
}

type OwnVerb = (argv: readonly string[], open: OpenDesk) => Promise<void>

/** Verbs that read their arguments themselves. They are not kept waiting for a parser that they do not use. */
const OWN_VERBS: Readonly<Record<string, OwnVerb>> = {
  ipvsadm: async (argv, open) => (await import('./verbs/ipvsadm.ts')).ipvsadm(argv, open),
  dpip: async (argv, open) => (await import('./verbs/dpip.ts')).dpip(argv, open),
  completion: async (argv, open) => {
    const { completion } = await import('./verbs/completion.ts')
    await completion(argv, open, await loadVerbs())
  },
}

/** => where the verb stands */
function verbAt(argv: readonly string[]): number {
  let at = 0
  while (argv[at]?.startsWith('--socket')) at += argv[at]?.includes('=') ? 1 : 2
  return at
}

/** => `help VERB ...` as what it means: `VERB ... --help` */
async function withHelp(argv: string[]): Promise<string[]> {
  const at = verbAt(argv)
  if (argv[at] !== 'help') return argv
  const words = argv.toSpliced(at, 1)
  const { verbTree } = await import('./grammar/verb-tree.ts')
  let verbs = verbTree(await loadVerbs())
  for (const word of words.slice(at).filter(text => !text.startsWith('-'))) {
    if (verbs.length === 0) break
    const known = verbs.map(({ name }) => name)
    const meant = verbs.find(({ name, aliases }) => name === word || aliases.includes(word))
    const like = nearest(word, known)
    if (!meant) throw new CliError(`no verb "${word}"${like ? `; did you mean ${like}?` : ''}`, 2)
    verbs = [...meant.verbs]
  }
  return [...words, '--help']
}

/** => what stands around the verb goes to it, if it is one of OWN_VERBS */
function ownVerb(argv: string[]): { run: OwnVerb; rest: string[] } | undefined {
  // They say no times.
  if (argv[0] === '--utc') return ownVerb(argv.slice(1))
  const at = verbAt(argv)
  const name = argv[at] ?? ''
  const run = Object.hasOwn(OWN_VERBS, name) ? OWN_VERBS[name] : undefined
  return run && { run, rest: argv.toSpliced(at, 1) }
}

/** What yargs is told of the verbs, for `argv`; parseAsync() carries them out. */
export async function parser(argv: string[]): Promise<Argv<Common>> {
  const { default: yargs } = await import('yargs')
  const common = yargs(argv)
    .scriptName('tapvs')
    // Its words are read below, and ours are English too.
    .locale('en')
    .usage('$0 VERB\n\nA two-arm FullNAT layer-4 load balancer on TAP interfaces and NICs.')
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
      const told = unknownOption(message, argv, known(common))
      throw new CliError(told ?? message.replace(/^Did you mean/, 'unknown verb; did you mean'), 2)
    })
  const addVerbs = await loadVerbs(argv[verbAt(argv)])
  addVerbs(common)
  return common
}

/** What yargs knows where it stopped; its typings do not tell. */
function known(parser: unknown): Parser {
  const { getOptions, getInternalMethods } = parser as {
    getOptions(): { key: Record<string, unknown> }
    getInternalMethods(): { getContext(): { commands: string[] } }
  }
  const verbs = getInternalMethods.call(parser).getContext().commands
  return { known: Object.keys(getOptions.call(parser).key), tool: ['tapvs', ...verbs].join(' ') }
}

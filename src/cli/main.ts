/**
 * The command line. Each verb prints what the daemon answers; the texts are made in the file of the verb. Exit codes:
 * 0 done, 1 failed, 2 used wrongly (a wrong config too). Errors are one line on stderr, a wrong config one per mistake.
 */

import { once } from 'node:events'
import yargs, { type Argv } from 'yargs'
import { DEFAULT_SOCKET, LOG_LEVELS } from '../control/commands.ts'
import { version } from '../control/version.ts'
import { ask, CliError } from './client.ts'
import { formatCounters } from './counters.ts'
import { formatAddresses, formatLinkStats, formatLinks, formatNeighbours } from './dpip.ts'
import { formatConn, formatServices, formatStats } from './ipvsadm.ts'

const CONNS_PER_REQUEST = 1000
const MORE_ARGUMENTS = 'expected more arguments (found %s, need %s); see --help'

/** What every verb has. */
interface Common {
  socket: string
}

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
  addLog(common)
  addCounters(common)
  addIpvsadm(common)
  addDpip(common)
  return common
}

function addRun(common: Argv<Common>): void {
  common.command(
    'run',
    'be the daemon, in the foreground, until SIGTERM',
    command =>
      command.option('config', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'YAML file; config/lab.yaml is the documented example',
      }),
    async args => {
      // Imported here, because the daemon's libraries would double the start-up of every listing.
      const { runDaemon } = await import('../control/daemon.ts')
      // Text for a stopped reader of our stderr would hold the process for ever; what could be flushed is.
      process.exit(await runDaemon(args.config))
    },
  )
}

function addConfig(common: Argv<Common>): void {
  common.command('config', 'look at config files', command =>
    command
      .command(
        'check <file>',
        'report every mistake in a config file',
        check => check.positional('file', { type: 'string', demandOption: true }),
        async ({ file }) => {
          const { readConfig } = await import('../control/config.ts')
          for (const warning of readConfig(file).warnings) {
            process.stderr.write(`${warning} (warning)\n`)
          }
          print(`${file}: ok\n`)
        },
      )
      .demandCommand(1, 'config needs a verb: check'),
  )
}

function addLog(common: Argv<Common>): void {
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

function addCounters(common: Argv<Common>): void {
  common.command(
    'counters',
    'packets, drops and events, with what they mean',
    command =>
      command
        .option('json', { type: 'boolean', default: false, describe: 'for programs' })
        .option('all', { type: 'boolean', default: false, describe: 'zeros too' }),
    async ({ socket, json, all }) => {
      const counters = await ask(socket, { verb: 'counters' })
      print(
        json ? `${JSON.stringify(counters, undefined, 2)}\n` : formatCounters(counters, { all }),
      )
    },
  )
}

function addIpvsadm(common: Argv<Common>): void {
  common.command(
    'ipvsadm',
    'services, real servers and connections, as ipvsadm lists them',
    command =>
      command
        .option('list', { type: 'boolean', alias: ['l', 'L'], describe: 'list (always on)' })
        .option('numeric', { type: 'boolean', alias: 'n', describe: 'no names (always on)' })
        .option('connection', { type: 'boolean', alias: 'c', describe: 'the connections' })
        .option('stats', { type: 'boolean', describe: 'packets and bytes' })
        .conflicts('connection', 'stats'),
    async ({ socket, connection, stats }) => {
      if (connection) return printConns(socket)
      const services = await ask(socket, { verb: 'services' })
      print(stats ? formatStats(services) : formatServices(services))
    },
  )
}

/** Pages through the table, so that neither side ever holds all of it. */
async function printConns(socket: string): Promise<void> {
  for (let from = 0; from >= 0; ) {
    const page = await ask(socket, { verb: 'conns', from, limit: CONNS_PER_REQUEST })
    // A pager that does not read on stops us, not our memory.
    if (!print(page.conns.map(formatConn).join(''))) await once(process.stdout, 'drain')
    from = page.next
  }
}

function addDpip(common: Argv<Common>): void {
  common.command('dpip', 'addresses, neighbours and links, as dpip lists them', command => {
    addShow(command, ['addr', 'a', 'address'], 'addresses, and the lports of LIPs', async socket =>
      formatAddresses(await ask(socket, { verb: 'addresses' })),
    )
    addShow(command, ['neigh', 'n', 'neighbour'], 'neighbours', async socket =>
      formatNeighbours(await ask(socket, { verb: 'neighbours' })),
    )
    addShow(command, ['link', 'l'], 'arms', async (socket, stats) => {
      const counters = await ask(socket, { verb: 'counters' })
      return stats ? formatLinkStats(counters) : formatLinks(counters.arms)
    })
    return command.demandCommand(1, 'dpip needs an object: addr, neigh or link')
  })
}

/** An object of dpip, which has one verb here. */
function addShow(
  dpip: Argv<Common>,
  names: string[],
  describe: string,
  text: (socket: string, stats: boolean) => Promise<string>,
): void {
  dpip.command(names, describe, object =>
    object
      .command(
        ['show', 's', 'list', 'l'],
        `list ${describe}`,
        show =>
          show.option('stats', {
            type: 'boolean',
            alias: 's',
            default: false,
            describe: 'statistics',
          }),
        async ({ socket, stats }) => {
          print(await text(socket, stats))
        },
      )
      .demandCommand(1, 'dpip needs a verb: show'),
  )
}

/** => false if the reader is behind */
function print(text: string): boolean {
  return process.stdout.write(text)
}

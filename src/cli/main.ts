/**
 * The command line. Each verb prints what the daemon answers; the texts are made in the file of the verb. Exit codes:
 * 0 done, 1 failed, 2 used wrongly (or a wrong config). Errors are one line on stderr.
 */

import yargs, { type Argv } from 'yargs'
import { version } from '../control/version.ts'
import { ask, CliError, DEFAULT_SOCKET } from './client.ts'
import { formatCounters } from './counters.ts'
import { formatAddresses, formatLinkStats, formatLinks, formatNeighbours } from './dpip.ts'
import { formatConn, formatServices, formatStats } from './ipvsadm.ts'

const CONNS_PER_REQUEST = 1000
const LEVELS = ['error', 'warn', 'info', 'debug'] as const

/** => the exit code */
export async function main(argv: string[]): Promise<number> {
  let exitCode = 0
  const print = (text: string) => {
    process.stdout.write(text)
  }
  // `| head` closes the pipe when it has seen enough; that is no failure.
  process.stdout.on('error', error => {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error
    process.exit(0)
  })

  const run = async (args: { config: string }) => {
    // Imported here, because the daemon's libraries would double the start-up of every listing.
    const { runDaemon } = await import('../control/daemon.ts')
    // Text for a stopped reader of our stderr would hold the process for ever; what could be flushed is.
    process.exit(await runDaemon(args.config))
  }
  const check = async (args: { file: string }) => {
    const { ConfigError, readConfig } = await import('../control/config.ts')
    try {
      const { warnings } = readConfig(args.file)
      for (const warning of warnings) process.stderr.write(`${warning} (warning)\n`)
      print(`${args.file}: ok\n`)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      for (const problem of error.problems) process.stderr.write(`${problem}\n`)
      exitCode = 2
    }
  }
  const logLevel = async (args: { socket: string; level: string | undefined }) => {
    const { level } = args
    const answer = await ask(
      args.socket,
      level === undefined ? { verb: 'log' } : { verb: 'log', level },
    )
    print(`${answer.level}\n`)
  }
  const counters = async (args: { socket: string; json: boolean; all: boolean }) => {
    const answer = await ask(args.socket, { verb: 'counters' })
    print(args.json ? `${JSON.stringify(answer, undefined, 2)}\n` : formatCounters(answer, args))
  }
  const ipvsadm = async (args: {
    socket: string
    connection: boolean | undefined
    stats: boolean | undefined
  }) => {
    if (args.connection) return printConns(args.socket, print)
    const services = await ask(args.socket, { verb: 'services' })
    print(args.stats ? formatStats(services) : formatServices(services))
  }

  const parser = yargs(argv)
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
    .command(
      'run',
      'be the daemon, in the foreground, until SIGTERM',
      command =>
        command
          .option('config', {
            type: 'string',
            demandOption: true,
            requiresArg: true,
            describe: 'YAML file; config/lab.yaml is the documented example',
          })
          .strict(),
      args => run(args),
    )
    .command('config', 'look at config files', command =>
      command
        .command(
          'check <file>',
          'report every mistake in a config file',
          file => file.positional('file', { type: 'string', demandOption: true }),
          args => check({ file: args.file }),
        )
        .demandCommand(1, 'config needs a verb: check')
        .strict(),
    )
    .command('log', "the running daemon's log", command =>
      command
        .command(
          'level [level]',
          'print the log level, or set it',
          level => level.positional('level', { choices: LEVELS }),
          args => logLevel(args),
        )
        .demandCommand(1, 'log needs a verb: level')
        .strict(),
    )
    .command(
      'counters',
      'packets, drops and events, with what they mean',
      command =>
        command
          .option('json', { type: 'boolean', default: false, describe: 'for programs' })
          .option('all', { type: 'boolean', default: false, describe: 'zeros too' }),
      args => counters(args),
    )
    .command(
      'ipvsadm',
      'services, real servers and connections, as ipvsadm lists them',
      command =>
        command
          .option('list', { type: 'boolean', alias: ['l', 'L'], describe: 'list (always on)' })
          .option('numeric', { type: 'boolean', alias: 'n', describe: 'no names (always on)' })
          .option('connection', {
            type: 'boolean',
            alias: 'c',
            describe: 'the connections',
          })
          .option('stats', { type: 'boolean', describe: 'packets and bytes' })
          .conflicts('connection', 'stats'),
      args => ipvsadm(args),
    )
    .command('dpip', 'addresses, neighbours and links, as dpip lists them', command =>
      dpip(command as Argv<{ socket: string }>, print),
    )
    .demandCommand(1, 'no verb given; see tapvs --help')
    .recommendCommands()
    .strict()
    .wrap(100)
    .updateStrings({
      'Not enough non-option arguments: got %s, need at least %s': {
        one: 'expected an argument (found %s, need %s); see --help',
        other: 'expected more arguments (found %s, need %s); see --help',
      },
    } as never)
    .exitProcess(false)
    .fail((message, error) => {
      // A handler that returns would let the verb run in spite of the error.
      if (error !== undefined && error.name !== 'YError') throw error
      throw new CliError(message.replace(/^Did you mean/, 'unknown verb; did you mean'), 2)
    })

  try {
    await parser.parseAsync()
    return exitCode
  } catch (error) {
    if (!(error instanceof Error)) throw error
    process.stderr.write(`tapvs: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}\n`)
    return error instanceof CliError ? error.exitCode : 1
  }
}

/** Pages through the table, so that neither side ever holds all of it. */
async function printConns(socket: string, print: (text: string) => void): Promise<void> {
  for (let from = 0; from >= 0; ) {
    const page = await ask(socket, { verb: 'conns', from, limit: CONNS_PER_REQUEST })
    print(page.conns.map(formatConn).join(''))
    from = page.next
  }
}

function dpip(command: Argv<{ socket: string }>, print: (text: string) => void) {
  const show = (
    object: Argv<{ socket: string }>,
    act: (args: { socket: string; stats: boolean }) => Promise<void>,
  ) =>
    object
      .command(
        ['show', 's', 'list', 'l'],
        'list them',
        verb =>
          verb.option('stats', {
            type: 'boolean',
            alias: 's',
            default: false,
            describe: 'statistics',
          }),
        args => act(args),
      )
      .demandCommand(1, 'dpip needs a verb: show')
      .strict()
  return command
    .command(['addr', 'a', 'address'], 'addresses, and the lports of LIPs', object =>
      show(object as Argv<{ socket: string }>, async ({ socket }) =>
        print(formatAddresses(await ask(socket, { verb: 'addresses' }))),
      ),
    )
    .command(['neigh', 'n', 'neighbour'], 'neighbours', object =>
      show(object as Argv<{ socket: string }>, async ({ socket }) =>
        print(formatNeighbours(await ask(socket, { verb: 'neighbours' }))),
      ),
    )
    .command(['link', 'l'], 'arms', object =>
      show(object as Argv<{ socket: string }>, async ({ socket, stats }) => {
        const counters = await ask(socket, { verb: 'counters' })
        print(stats ? formatLinkStats(counters) : formatLinks(counters.arms))
      }),
    )
    .demandCommand(1, 'dpip needs an object: addr, neigh or link')
    .strict()
}

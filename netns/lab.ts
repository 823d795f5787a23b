// The lab: two namespaces, a device in each, and between them the appliance. The devices are TAPs that it holds:
//
//  ┌─ namespace tapvs-client ──────┐                               ┌─ namespace tapvs-rs ─────────────┐
//  │ redis-cli                     │                               │ redis-server :6379               │
//  │ client 202.108.10.2/24        │                               │ RS 192.168.168.2/24              │
//  │        (.12 .13 ...)          │                               │    (.12 .13 ...)                 │
//  │                     TAP ext0 ─┼─┐                           ┌─┼─ TAP int0                        │
//  └───────────────────────────────┘ │                           │ └──────────────────────────────────┘
//                                  ┌─┴─── the host's namespace ──┴─┐
//                                  │ tapvs run, one daemon         │
//                                  │ arm ext0         arm int0     │
//                                  │ VIP 202.108.10.1:6379         │
//                                  │        192.168.168.3/32 (own) │
//                                  │    LIP 192.168.168.7/32       │
//                                  └───────────────────────────────┘
//
//   on ext0   202.108.10.2:cport > 202.108.10.1:6379      client to VIP
//   on int0   192.168.168.7:lport > 192.168.168.2:6379    LIP to RS, the client's address in TOA
//
// Or, with --arms veth, ends of veth pairs, whose other ends stand for the NICs of a box:
//
//  ┌─ tapvs-client ─┐   ┌─ namespace tapvs-box ────────────────┐   ┌─ tapvs-rs ─────┐
//  │      veth ext0 ┼───┼ NIC ext0 ── tapvs run ── NIC int0 ───┼───┼ veth int0      │
//  └────────────────┘   └──────────────────────────────────────┘   └────────────────┘
//
// `scripts/lab` comes here with its arguments. --name NAME makes another lab beside this one, with
// namespaces NAME-client, NAME-rs, NAME-box and the run folder /run/NAME. Nothing else on the host is touched.

import { existsSync } from 'node:fs'
import process from 'node:process'
import yargs from 'yargs'
import { UI_PORT } from '../src/api/commands.ts'
import { printable } from '../src/see/text/printable.ts'
import { unknownOption } from '../src/see/text/unknown-option.ts'
import { watchArms } from './capture.ts'
import { demo } from './demo.ts'
import { abortedByUser } from './interrupt.ts'
import { LabError, UsageError } from './lab-error.ts'
import { runAttached } from './processes.ts'
import { describeStatus } from './status.ts'
import { thingsToTry } from './things-to-try.ts'
import { type Arms, checkArms, DEFAULT_NAME, type Side } from './topology.ts'
import { Lab } from './two-arm.ts'

const EXIT = { FAILED: 1, NOT_UP: 3 } as const

const EXIT_CODES =
  'Exit codes: 0 done, 1 failed, 2 used wrongly, 3 not all of the lab is up (status), 128 + N ended by signal N, so 130 after Ctrl-C, which is the ordinary end of capture and 0 there. client and rs end with the code of their command.'

const NEXT = `
Next: scripts/lab up raises a lab that stays, and says what to try in it. README.md has the tour, docs/ what is behind it.`

/** Ctrl-C, a closed terminal or a closed pipe: verbs stop, clean up and end by themselves. */
const interrupt = abortedByUser()

/** What is wrong has been said. */
let told = false

const { head, command } = splitCommand(withHelp(process.argv.slice(2)))

const arms = {
  string: true,
  requiresArg: true,
  describe:
    'what the arms are: tap, or veth, where a third namespace, NAME-box, has the NICs of the appliance (default: $TAPVS_ARMS or tap)',
} as const

const mode = {
  string: true,
  requiresArg: true,
  describe:
    'how the real servers are reached: fullnat, nat, dr or tunnel (default: fullnat); or snat, how they reach others; what they need for it is set up as well',
} as const

const parser = yargs(head)

try {
  await parser
    .scriptName('lab')
    // Its words are read below, and ours are English too.
    .locale('en')
    .usage(
      '$0 VERB\n\nThe two-arm lab of tapvs: a client, a real server, and the appliance between.',
    )
    .option('name', {
      string: true,
      default: DEFAULT_NAME,
      requiresArg: true,
      describe:
        'which lab: it has the namespaces NAME-client, NAME-rs, perhaps NAME-box, and the folder /run/NAME',
    })
    .command(
      'up',
      'raise the lab, or make a running one agree with these options; what is not named stays',
      verb =>
        verb.options({
          rs: { number: true, requiresArg: true, describe: 'real servers (default: 1)' },
          clients: { number: true, requiresArg: true, describe: 'client addresses (default: 1)' },
          arms,
          mode,
          ipv6: { boolean: true, describe: 'IPv6 beside IPv4, with a service of its own' },
          nat64: {
            boolean: true,
            describe: 'a VIP of IPv6, 2001:db8:10::64, before the real servers of IPv4',
          },
          workers: { number: true, requiresArg: true, describe: 'packet threads (default: 1)' },
          config: {
            string: true,
            requiresArg: true,
            describe: 'config of the appliance (default: config/lab.yaml); keeps its real_servers',
          },
          ui: {
            string: true,
            describe: `with the page for the browser, on 127.0.0.1; --ui=0 takes any free port (default port ${UI_PORT})`,
          },
        }),
      async ({ name, rs, clients, arms, ui, ...as }) => {
        const lab = new Lab(name)
        const port = ui === undefined ? undefined : Number(ui || UI_PORT)
        const { config, ipv6, nat64, workers, mode } = as
        const some = { realServers: rs, clients, arms: armsOf(arms), ui: port }
        const wanted = { ...some, config, ipv6, nat64, workers, mode }
        const named = Object.entries(wanted).filter(([, value]) => value !== undefined)
        const before = lab.exists() ? lab.wanted : {}
        await lab.up({ ...before, ...Object.fromEntries(named) }, interrupt.signal)
        console.log(await thingsToTry(lab))
      },
    )
    .command(
      'down',
      'take everything of the lab away',
      verb => verb,
      ({ name }) => new Lab(name).down(interrupt.signal),
    )
    .command(
      'status',
      'what there is; exit code 0 if all of it, 3 if not',
      verb => verb.option('json', { boolean: true, describe: 'for programs' }),
      async ({ name, json }) => {
        const status = await new Lab(name).status()
        console.log(json ? JSON.stringify(status, null, 2) : describeStatus(status))
        if (status.state !== 'up') process.exitCode = EXIT.NOT_UP
      },
    )
    .command(
      'demo',
      "the seed's scenario in a lab of its own, shown and judged",
      verb => verb.options({ arms, mode, ipv6: { boolean: true, describe: 'over IPv6' } }),
      async ({ name, arms, ipv6, mode }) => {
        const failures = await demo(name, { arms: armsOf(arms), ipv6, mode }, interrupt.signal)
        console.log('')
        for (const failure of failures) console.log(`FAILED: ${failure}`)
        if (failures.length > 0) process.exitCode = EXIT.FAILED
        else
          console.log(`The traffic flowed, the connections expired: all as it should be.\n${NEXT}`)
      },
    )
    .command(
      'client',
      'run a command among the clients: lab client CMD...',
      verb => verb,
      ({ name }) => runInside(name, 'client'),
    )
    .command(
      'rs',
      'run a command among the real servers: lab rs CMD...',
      verb => verb,
      ({ name }) => runInside(name, 'rs'),
    )
    .command(
      'capture',
      'tcpdump on both arms',
      verb =>
        verb.options({
          seconds: { number: true, requiresArg: true, describe: 'stop after so long' },
          count: { number: true, requiresArg: true, describe: 'stop after so many packets an arm' },
          w: {
            string: true,
            requiresArg: true,
            describe: 'write ext0.pcap and int0.pcap into this folder',
          },
        }),
      ({ name, seconds, count, w }) =>
        watchArms(new Lab(name), { seconds, count, folder: w }, interrupt.signal),
    )
    .command(
      'logs',
      "the daemon's log",
      verb => verb.option('f', { boolean: true, describe: 'follow it' }),
      async ({ name, f }) => {
        const { log } = new Lab(name).paths
        if (!existsSync(log)) throw new LabError(`no log ${log}: the lab is not up`)
        const tail = ['tail', '-n', '+1', ...(f ? ['-F'] : []), log]
        process.exitCode = await runAttached(tail)
      },
    )
    .demandCommand(1, 1, 'say what to do: up, down, status, demo, client, rs, capture or logs')
    .strict()
    .recommendCommands()
    .version(false)
    .wrap(100)
    .epilogue(EXIT_CODES)
    .fail((message, error) => {
      throw error ?? new UsageError(`${usageText(message)} (lab --help)`)
    })
    .parseAsync()
} catch (error) {
  process.exitCode = tell(error)
}

// A verb that was over before its output could be written.
process.once('beforeExit', () => {
  const { aborted, reason } = interrupt.signal
  if (aborted && reason instanceof LabError && reason.exitCode === EXIT.FAILED && !told)
    process.exitCode = tell(reason)
})

function armsOf(said: string | undefined): Arms | undefined {
  return said === undefined ? undefined : checkArms(said)
}

async function runInside(name: string, side: Side): Promise<void> {
  if (command.length === 0) throw new UsageError(`say what to run: ${side} CMD... (lab --help)`)
  process.exitCode = await runAttached(new Lab(name).inside(side, command))
}

/** What follows `client` or `rs` belongs to the command: `lab client redis-cli -h VIP` is no help call. */
function splitCommand(argv: string[]): { head: string[]; command: string[] } {
  let at = 0
  const skipName = () => {
    for (;;) {
      if (argv[at] === '--name') at += 2
      else if (argv[at]?.startsWith('--name=')) at++
      else return
    }
  }
  skipName()
  if (argv[at] !== 'client' && argv[at] !== 'rs') return { head: argv, command: [] }
  at++
  skipName()
  if (argv[at] === '--help') at++
  const head = argv.slice(0, at)
  if (argv[at] === '--') at++
  return { head, command: argv.slice(at) }
}

/** `help VERB` is `VERB --help`. */
function withHelp(argv: string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : argv
}

function usageText(message: string): string {
  // Its typings do not tell.
  const { key } = (parser as unknown as { getOptions(): { key: object } }).getOptions()
  const asked = { known: Object.keys(key), tool: 'lab' }
  const told = unknownOption(message, head, asked)?.replace('; see lab --help', '')
  return (
    told ?? message.replaceAll('\n', ' ').replace(/^Did you mean/, 'unknown verb; did you mean')
  )
}

/** One line for a failure; below the lines that explain it, if there are any. => the exit code */
function tell(error: unknown): number {
  told = true
  const why = interrupt.signal.aborted ? interrupt.signal.reason : error
  if (why instanceof LabError) {
    if (why.details) console.error(why.details)
    if (why.message) console.error(`lab: ${printable(why.message)}`)
    return why.exitCode
  }
  console.error(`lab: ${printable(error instanceof Error ? error.message : String(error))}`)
  return EXIT.FAILED
}

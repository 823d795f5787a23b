/**
 * `scripts/bench`: raises a lab for each contender, puts loads on them in turn, and prints a table of medians and
 * ratios. Exit codes: 0 measured, whatever came out; 1 something did not start or failed; 2 used wrongly.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import process from 'node:process'
import yargs from 'yargs'
import { abortedByUser } from '../../netns/interrupt.ts'
import { LabError, UsageError } from '../../netns/lab-error.ts'
import { CHECKOUT, checkArms } from '../../netns/topology.ts'
import { svg } from '../chart.ts'
import { barChart } from './bars.ts'
import { CONTENDERS } from './contenders.ts'
import { allLoads, type Load } from './loads.ts'
import { machineLine } from './machine.ts'
import { makeReport, type Report } from './report.ts'
import { ROWS } from './rows.ts'
import { type Plan, runPlan } from './run.ts'
import { Stand } from './stand.ts'
import { reportText } from './text.ts'

const EXIT = { FAILED: 1, USAGE: 2, INTERRUPTED: 130 } as const

/** Short measurements and several rounds: what changes on the machine changes from one to the next. */
const THOROUGH = { rounds: 5, seconds: 1, warmUpSeconds: 0.3 }
const QUICK = { rounds: 2, seconds: 0.5, warmUpSeconds: 0.2 }

const interrupt = abortedByUser()

try {
  const options = await parse(process.argv.slice(2))
  await bench(options)
} catch (error) {
  process.exitCode = tell(error)
}

type Options = {
  quick: boolean
  rounds: number | undefined
  only: string | undefined
  arms: string
  ipv6: boolean
  nat64: boolean
  rows: string | undefined
  out: string
  unpinned: boolean
  json: boolean
  name: string
}

async function parse(argv: string[]): Promise<Options> {
  return yargs(argv)
    .scriptName('bench')
    .usage('$0\n\nThe lab benchmark: tapvs and its alternatives in turn. See docs/benchmarks.md.')
    .options({
      quick: { boolean: true, default: false, describe: '2 short rounds, about two minutes' },
      rounds: { number: true, requiresArg: true, describe: 'default: 5, or 2 with --quick' },
      only: {
        string: true,
        requiresArg: true,
        describe: `contenders, with commas between: ${CONTENDERS.map(({ name }) => name).join()}`,
      },
      arms: {
        string: true,
        requiresArg: true,
        default: 'tap',
        describe:
          'contenders with arms of these kinds: tap, veth, or tap,veth; unless --only names them',
      },
      ipv6: { boolean: true, default: false, describe: 'tapvs over IPv6 beside it over IPv4' },
      nat64: { boolean: true, default: false, describe: 'clients of IPv6 before an RS of IPv4' },
      rows: {
        string: true,
        requiresArg: true,
        describe: `keys of rows, or words in their titles: ${ROWS.map(({ key }) => key).join()}`,
      },
      out: {
        string: true,
        requiresArg: true,
        default: join(CHECKOUT, 'build', 'bench'),
        defaultDescription: 'build/bench',
        describe: 'folder for bench.txt, bench.json, bench.svg and the configs that were used',
      },
      unpinned: {
        boolean: true,
        default: false,
        describe: 'let the scheduler place load tools, contenders and servers',
      },
      json: { boolean: true, default: false, describe: 'print the JSON instead of the tables' },
      name: {
        string: true,
        requiresArg: true,
        default: 'tapvs-bench',
        describe: 'name of its labs: namespaces NAME-CONTENDER-client, -rs, -middle, -box',
      },
    })
    .parserConfiguration({ 'duplicate-arguments-array': false }) // the last one counts
    .strict()
    .demandCommand(0, 0)
    .version(false)
    .wrap(100)
    .fail((message, error) => {
      throw error ?? new UsageError(message)
    })
    .parseAsync()
}

async function bench(options: Options): Promise<void> {
  const { rounds, ...lengths } = options.quick ? QUICK : THOROUGH
  const folder = resolve(options.out)
  const stand = new Stand(options.name, folder)
  const plan: Plan = {
    contenders: chosenContenders(options),
    loads: chosenLoads(options.rows),
    rounds: checkRounds(options.rounds ?? rounds),
    pinned: !options.unpinned,
    ...lengths,
  }
  const { contenders, loads, seconds } = plan
  const machine = await machineLine(contenders)
  const say = (line: string) => console.error(`bench: ${line}`)
  if (!options.json) console.log(machine)
  const { samples, otherLoad } = await runPlan(plan, stand, say, interrupt.signal)
  const report = makeReport(
    {
      machine,
      date: new Date().toISOString().slice(0, 10),
      rounds: plan.rounds,
      seconds,
      otherLoad,
      contenders: contenders.map(({ name, title }) => ({ name, title })),
      rows: ROWS.filter(({ key }) => loads.some(load => load.rows.includes(key))),
      loads,
    },
    samples,
  )
  await writeReport(report, folder)
  const text = reportText(report)
  console.log(options.json ? JSON.stringify(report, null, 2) : text.slice(text.indexOf('\n') + 1))
  say(`bench.txt, bench.json and bench.svg are in ${relative(process.cwd(), folder) || '.'}`)
}

async function writeReport(report: Report, folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'bench.txt'), reportText(report))
  writeFileSync(join(folder, 'bench.json'), `${JSON.stringify(report, null, 2)}\n`)
  writeFileSync(join(folder, 'bench.svg'), await svg(barChart(report)))
}

function chosenContenders({ only, arms: said, ipv6, nat64 }: Options) {
  const kinds = said.split(',').map(kind => checkArms(kind))
  const wanted = { ipv6, nat64 }
  const usual = CONTENDERS.filter(
    ({ extra, arms }) =>
      (typeof extra === 'string' ? wanted[extra] : !extra) &&
      arms.some(kind => kinds.includes(kind)),
  )
  const names = only?.split(',') ?? usual.map(({ name }) => name)
  for (const name of names) {
    if (!CONTENDERS.some(contender => contender.name === name)) {
      throw new UsageError(`--only: there is no contender ${JSON.stringify(name)}`)
    }
  }
  return CONTENDERS.filter(({ name }) => names.includes(name))
}

/** Loads that give one of the rows that the words mean: a row's key, or a part of key, title or group. */
function chosenLoads(words: string | undefined): Load[] {
  const isKey = (word: string) => ROWS.some(({ key }) => key === word)
  const wanted = words?.split(',') ?? ['']
  const rows = ROWS.filter(({ key, title, group }) =>
    wanted.some(word => (isKey(word) ? key === word : `${key} ${title} ${group}`.includes(word))),
  )
  if (rows.length === 0) throw new UsageError(`--rows ${words}: no row has such a word`)
  return allLoads().filter(load => rows.some(({ key }) => load.rows.includes(key)))
}

function checkRounds(rounds: number): number {
  if (Number.isInteger(rounds) && rounds >= 1) return rounds
  throw new UsageError('--rounds: give a whole number from 1')
}

/** One line for a failure; below the lines that explain it, if there are any. => the exit code */
function tell(error: unknown): number {
  if (interrupt.signal.aborted) {
    console.error(`bench: ${(interrupt.signal.reason as Error).message}`)
    return EXIT.INTERRUPTED
  }
  if (error instanceof LabError && error.details) console.error(error.details)
  const usage = error instanceof UsageError
  const message = error instanceof Error ? error.message : String(error)
  console.error(`bench: ${message.replaceAll(/\s*\n\s*/g, ' ')}${usage ? ' (bench --help)' : ''}`)
  return usage ? EXIT.USAGE : EXIT.FAILED
}

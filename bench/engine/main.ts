/** npm run bench:engine -- what the engine alone costs, without a kernel. --help names the options. */

// As a worker does.
import '../../src/io/compiler.ts'
import { writeFileSync } from 'node:fs'
import yargs from 'yargs'
import { allConnBytes } from '../../src/engine/parts.ts'
import { SaPool } from '../../src/engine/sa-pool.ts'
import { ratioOf, readBaseline, regressions, updateBaseline } from './baseline.ts'
import { Calibration } from './calibrate.ts'
import { Collections } from './collections.ts'
import { drawGrowth } from './growth.ts'
import { LIFE_PACKETS } from './lives.ts'
import { Bench, lipsFor, type Row } from './measure.ts'
import { REFUSALS } from './refused.ts'
import { steps } from './steps.ts'
import { timers } from './timers.ts'
import { workers } from './workers.ts'

const options = yargs(process.argv.slice(2))
  .usage('npm run bench:engine -- [options]')
  .options({
    quick: { type: 'boolean', default: false, describe: 'fewer runs, at most 100 k connections' },
    only: { type: 'string', default: '', describe: 'rows and charts with this in their name' },
    json: { type: 'string', describe: 'write the figures to FILE' },
    charts: { type: 'boolean', default: false, describe: 'measure growth, draw docs/figures' },
    update: { type: 'boolean', default: false, describe: 'store the ratios as the new baseline' },
    check: { type: 'boolean', default: false, describe: 'exit with 1 if a row costs more' },
    steps: { type: 'boolean', default: false, describe: 'only: the steps of a packet' },
    workers: { type: 'number', default: 0, describe: 'only: so many engines at the same time' },
  })
  .strict()
  .parseSync()

const calibration = new Calibration()
const collections = new Collections()
const effort = { runs: options.quick ? 8 : 20, packets: 100_000 }
const bench = new Bench(calibration, collections, effort)

const DENIED = { denied: 100_000 }

/** Rows by name; a large table's are compared with memory. */
function plan(): [name: string, against: Row['against'], measure: () => number][] {
  const sizes: [string, number][] = options.quick
    ? [
        ['1 k', 1 << 10],
        ['100 k', 1 << 17],
      ]
    : [
        ['1 k', 1 << 10],
        ['100 k', 1 << 17],
        ['1 M', 1 << 20],
        ['4 M', 1 << 22],
      ]
  const timed = options.quick ? 1 << 16 : 1 << 20
  return [
    ...sizes.map(([name, conns]): ReturnType<typeof plan>[0] => [
      `packet, ${name} connections`,
      conns < 1 << 16 ? 'cpu' : conns < 1 << 19 ? 'cache' : 'memory',
      () => bench.established(conns),
    ]),
    ['packet, recorder on', 'cpu', () => bench.established(1 << 10, { record: true })],
    ['life of 10 packets, whole', 'cpu', () => bench.life()],
    [
      'packet over IPv6, 1 k connections',
      'cpu',
      () => bench.established(1 << 10, { families: 'six' }),
    ],
    [
      'packet from IPv6 to IPv4, 1 k connections',
      'cpu',
      () => bench.established(1 << 10, { families: 'six to four' }),
    ],
    ['datagram, 1 k connections', 'cpu', () => bench.datagrams(1 << 10)],
    ['query and answer, whole life', 'cpu', () => bench.queries()],
    ['SYN of a flood and its answer, the table is short', 'cpu', () => bench.flood('table')],
    ['SYN of a flood and its answer, lports are short', 'cpu', () => bench.flood('lports')],
    ['SYN of a flood, answered by a cookie', 'cpu', () => bench.cookies()],
    ...(Object.keys(REFUSALS) as (keyof typeof REFUSALS)[]).map(
      (reason): ReturnType<typeof plan>[0] => [
        `drop ${reason.toLowerCase()}`,
        'cpu',
        () => bench.refused(reason),
      ],
    ),
    [`timer filed again, ${timed} connections`, 'memory', () => timerCosts(timed).refiled],
    [`expiry with two RSTs, ${timed} connections`, 'memory', () => timerCosts(timed).expired],
    // Last: what they make of the compiled code is for no other row.
    ['packet, 100 k prefixes denied', 'cpu', () => bench.established(1 << 10, DENIED)],
    ['life of 10 packets, 100 k prefixes denied', 'cpu', () => bench.life(DENIED)],
  ]
}

let costs: { refiled: number; expired: number } | undefined

/** Measured once for both of its rows. */
function timerCosts(conns: number): { refiled: number; expired: number } {
  if (costs) return costs
  const runs = Array.from({ length: 3 }, () => {
    calibration.run()
    return timers(conns, lipsFor(conns))
  })
  costs = {
    refiled: Math.min(...runs.map(({ refiled }) => refiled)),
    expired: Math.min(...runs.map(({ expired }) => expired)),
  }
  return costs
}

async function rows(): Promise<void> {
  const baseline = readBaseline()
  const measured: Row[] = []
  for (const [name, against, measure] of plan()) {
    if (!name.includes(options.only)) continue
    const row = { name, against, ns: measure() }
    measured.push(row)
    print(name, `${row.ns.toFixed(1)} ns`)
  }
  const one = measured.find(({ name }) => name.startsWith('packet, 1 k'))
  const life = measured.find(({ name }) => name.startsWith('life'))
  if (one && life) {
    print('life beyond its packets', `${(life.ns - LIFE_PACKETS * one.ns).toFixed(0)} ns`)
  }
  const capacity = 1 << 20
  const bytes = allConnBytes(capacity) / capacity
  const lipBytes = SaPool.bytesFor({ mask: 0, residue: 0 })
  print('memory per connection', `${bytes.toFixed(1)} bytes`)
  print('memory per LIP', `${(lipBytes / 2 ** 20).toFixed(1)} MiB`)
  print('garbage collections', String(await collections.count()))
  const growth = options.charts ? await drawGrowth(bench, options.only, options.quick) : {}
  report(measured, baseline, { bytes, lipBytes, growth })
}

function report(measured: Row[], baseline: Record<string, number>, more: object): void {
  const { best } = calibration
  print(
    'calibration',
    `cpu ${best.cpu.toFixed(2)}, cache ${best.cache.toFixed(1)}, memory ${best.memory.toFixed(1)} ns`,
  )
  const sentences = regressions(measured, calibration, baseline)
  for (const sentence of sentences) console.log(sentence)
  if (sentences.length === 0) console.log('no row costs more than the baseline and 5 %')
  if (options.json) {
    const withRatios = measured.map(row => ({ ...row, ratio: ratioOf(row, calibration) }))
    writeFileSync(
      options.json,
      `${JSON.stringify({ rows: withRatios, calibration: best, ...more }, null, 2)}\n`,
    )
  }
  if (options.update) updateBaseline(measured, calibration)
  if (options.check && sentences.length > 0) process.exitCode = 1
}

function print(name: string, value: string): void {
  console.log(`${name.padEnd(48)}${value.padStart(12)}`)
}

async function manyWorkers(count: number): Promise<void> {
  const one = await workers(1)
  const all = await workers(count)
  print('one worker', `${(one / 1e6).toFixed(2)} Mpps`)
  print(`${count} workers`, `${(all / 1e6).toFixed(2)} Mpps`)
  print('as a multiple', (all / one).toFixed(2))
}

if (options.workers > 0) await manyWorkers(options.workers)
else if (options.steps) for (const { name, ns } of steps()) print(name, `${ns.toFixed(1)} ns`)
else await rows()
collections.close()

/**
 * Soaks (docs/reliability.md, Soak): `node main.js MINUTES [--arms tap|veth] [--rate PERCENT]`. Exit code 1 at the first thing that is not
 * explained.
 */

import { parseArgs } from 'node:util'
import { LabError } from '../../netns/lab-error.ts'
import { checkArms } from '../../netns/topology.ts'
import { RATES, ratesOf } from './rates.ts'
import { soak } from './soak.ts'

const text = { type: 'string' } as const
const { values, positionals } = parseArgs({
  options: { arms: text, rate: text },
  allowPositionals: true,
})
const minutes = Number(positionals[0])
const percent = Number(values.rate ?? 100)
if (!(minutes > 0 && percent > 0 && percent <= 100)) {
  process.stderr.write('usage: main.js MINUTES [--arms tap|veth] [--rate PERCENT]\n')
  process.exit(2)
}
const ended = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ended.abort())
try {
  await soak({
    minutes,
    ...RATES,
    rates: ratesOf(percent / 100),
    arms: values.arms === undefined ? undefined : checkArms(values.arms),
    say: line => process.stdout.write(`${line}\n`),
    signal: ended.signal,
  })
} catch (error) {
  if (error instanceof LabError && error.details) process.stderr.write(`${error.details}\n`)
  process.stderr.write(`${(error as Error).stack}\n`)
  process.exitCode = 1
}

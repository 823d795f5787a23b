/**
 * Simulates (docs/reliability.md, Simulation).
 *
 *   node dist/test/sim/main.js [--from SEED] [--seeds N] [--packets N] [--minutes N] [--mixed | --ways | --way WAY] [--small | --lossy SECONDS]   worlds until there are so many
 *       --mixed: with UDP, ICMP and narrow links beside TCP
 *       --ways: such worlds over IPv6, by NAT64, NAT, DR, in tunnels and out by SNAT in turn; --way: by one of those that ways.ts names
 *       --lossy: short conversations where 5 % is lost, doubled and late, with SECONDS of FIN_WAIT, CLOSE_WAIT and TIME_WAIT
 *   node dist/test/sim/main.js --world JSON   one, as a failure names it, as a transcript
 */

import { parseArgs } from 'node:util'
import { mixedOf } from './mixed-plan.ts'
import { lossyPlan, type Plan, planOf } from './plan.ts'
import { run, small } from './run.ts'
import { story } from './story.ts'
import { WAY_NAMES } from './ways.ts'
import { waysOf } from './ways-plan.ts'

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  from: text,
  seeds: text,
  packets: text,
  world: text,
  minutes: text,
  small: flag,
  mixed: flag,
  ways: flag,
  way: text,
  lossy: text,
}
const { values } = parseArgs({ options })

if (values.world !== undefined) {
  const { plan, only } = JSON.parse(values.world) as { plan: Plan; only?: number[] }
  console.log(story(plan, only && new Set(only)))
} else {
  const { lossy } = values
  const way = WAY_NAMES.find(name => name === values.way)
  const plan = lossy
    ? (seed: number) => lossyPlan(seed, Number(lossy))
    : values.ways || way
      ? (seed: number) => waysOf(seed, values.small, way)
      : values.mixed
        ? (seed: number) => mixedOf(seed, values.small)
        : values.small
          ? small
          : planOf
  const begun = performance.now()
  const tally = run({
    from: Number(values.from ?? 1),
    worlds: Number(values.seeds ?? Number.POSITIVE_INFINITY),
    frames: Number(values.packets ?? Number.POSITIVE_INFINITY),
    minutes: Number(values.minutes ?? Number.POSITIVE_INFINITY),
    plan,
  })
  const seconds = (performance.now() - begun) / 1000
  const { worlds, frames, conversations, excuses } = tally
  console.log(
    `${worlds} worlds, ${conversations} conversations, ${frames} packets in ${seconds.toFixed(1)} s`,
  )
  console.log(`${Math.round((frames / seconds) * 60)} packets a minute`)
  for (const [why, count] of excuses) console.log(`${count} ${why}`)
}

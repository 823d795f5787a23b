/** Rounds of loads of contenders, in this order: what changes on the machine from one second to the next meets all contenders alike. */

import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../netns/lab-error.ts'
import type { Contender } from './contenders.ts'
import { type CpuTime, cpuTime } from './cpu.ts'
import { clientTool, type Load } from './loads.ts'
import { onOtherCpus } from './pin.ts'
import type { Stand } from './stand.ts'

export type Plan = {
  contenders: readonly Contender[]
  loads: readonly Load[]
  rounds: number
  /** About how long a load is measured, and how long it runs before. */
  seconds: number
  warmUpSeconds: number
  /** Load tools on a CPU of their own. */
  pinned: boolean
}

/** What one contender came to, a value a round. */
export type Samples = {
  /** By key of the row, in its unit. */
  rows: Record<string, number[]>
  /** By key of the load: CPU seconds for each of the load's unit. */
  cpu: Record<string, CpuTime[]>
}

export type Results = {
  /** By contender. */
  samples: Record<string, Samples>
  /** The largest part of the CPUs that was busy while nothing of ours ran, between the contenders. */
  otherLoad: number
}

/** A contender in its own stand, which is up for as long as the plan runs. */
type Raised = {
  contender: Contender
  stand: Stand
  /** Those of the plan that it takes part in. */
  loads: readonly Load[]
  /** The processes of the balancer itself. */
  pids: readonly number[]
}

/**
 * Raises all contenders, each in a stand of `stand`'s name and its own, and measures one after the other with each load. The
 * stands are gone afterwards, whatever happened.
 */
export async function runPlan(
  plan: Plan,
  stand: Stand,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Results> {
  const results: Results = { samples: {}, otherLoad: 0 }
  for (const { name } of plan.contenders) results.samples[name] = { rows: {}, cpu: {} }
  const stands = plan.contenders.map(({ name }) => stand.beside(name))
  const down = async () => {
    for (const each of stands) await each.down()
  }
  await stand.lab.alone(async () => {
    await down() // what a killed run may have left
    try {
      const raised: Raised[] = []
      for (const [i, contender] of plan.contenders.entries()) {
        tell(`raising ${contender.name}`)
        raised.push(await raise(contender, plan, stands[i] as Stand, signal))
      }
      for (let round = 1; round <= plan.rounds; round++) {
        const busy = await loadOfOthers(signal)
        tell(`round ${round} of ${plan.rounds} (other load ${Math.round(busy * 100)}%)`)
        results.otherLoad = Math.max(results.otherLoad, busy)
        await measureRound(raised, plan, results, signal)
      }
    } finally {
      await down()
    }
  }, signal)
  return results
}

async function raise(
  contender: Contender,
  plan: Plan,
  stand: Stand,
  signal: AbortSignal,
): Promise<Raised> {
  return blaming(contender, signal, async () => {
    await contender.raise(stand, signal)
    await stand.reachable(signal)
    const loads = plan.loads.filter(load => !lacks(contender, load))
    const servers = new Set(loads.flatMap(({ server }) => server ?? []))
    for (const server of servers) await stand.raiseServer(server, signal)
    const pids = await contender.pids(stand)
    if (plan.pinned) await onOtherCpus([...pids, ...(await stand.serverPids())])
    const tool = clientTool(stand, plan.pinned, signal)
    for (const load of loads) await load.warmUp(tool, FRESH_SECONDS)
    return { contender, stand, loads, pids }
  })
}

async function measureRound(
  raised: readonly Raised[],
  plan: Plan,
  { samples }: Results,
  signal: AbortSignal,
): Promise<void> {
  for (const load of plan.loads) {
    for (const { contender, stand, loads, pids } of raised) {
      if (!loads.includes(load)) continue
      const own = samples[contender.name] as Samples
      const measure = () => measureLoad(load, pids, own, { plan, stand, signal })
      await blaming(contender, signal, measure)
    }
  }
}

/** What fails says of whom. */
async function blaming<T>(
  { name }: Contender,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof LabError) || signal.aborted) throw error
    throw new LabError(`${name}: ${error.message}`, error.details)
  }
}

/** => the busy part of all CPUs, 0 to 1 */
async function loadOfOthers(signal: AbortSignal): Promise<number> {
  const before = cpuTime([]).machine
  await sleep(LOOK_MS, undefined, { signal })
  const seconds = cpuTime([]).machine - before
  return Math.max(0, seconds / ((cpus().length * LOOK_MS) / 1000))
}

const lacks = ({ noUdp }: Contender, { server }: Load) => noUdp === true && server === 'udp'

async function measureLoad(
  load: Load,
  pids: readonly number[],
  samples: Samples,
  { plan, stand, signal }: { plan: Plan; stand: Stand; signal: AbortSignal },
): Promise<void> {
  const tool = clientTool(stand, plan.pinned, signal)
  const rate = await load.warmUp(tool, plan.warmUpSeconds)
  await sleep(SETTLE_MS, undefined, { signal })
  const before = cpuTime(pids)
  const { figures, work } = await load.measure(tool, plan.seconds, rate)
  const after = cpuTime(pids)
  for (const [key, value] of Object.entries(figures)) push(samples.rows, key, value)
  push(samples.cpu, load.key, {
    machine: (after.machine - before.machine) / work,
    own: after.own === null || before.own === null ? null : (after.own - before.own) / work,
  })
}

/** How long each load first puts a contender to work that was just raised: V8 compiles what is hot within a second or two. */
const FRESH_SECONDS = 1.5

/** CPU time is counted in steps of 10 ms. */
const LOOK_MS = 500

/** Until the servers have noticed that the warm-up is over. */
const SETTLE_MS = 20

function push<T>(lists: Record<string, T[]>, key: string, value: T): void {
  lists[key] ??= []
  lists[key].push(value)
}

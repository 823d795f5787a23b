/** Rounds of contenders of loads, in this order: what changes on the machine meanwhile meets all contenders alike. */

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

/** Raises each contender in its turn. The stand is gone afterwards, whatever happened. */
export async function runPlan(
  plan: Plan,
  stand: Stand,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Results> {
  const results: Results = { samples: {}, otherLoad: 0 }
  for (const { name } of plan.contenders) results.samples[name] = { rows: {}, cpu: {} }
  await stand.lab.alone(async () => {
    await stand.down() // what a killed run may have left
    try {
      for (let round = 1; round <= plan.rounds; round++) {
        for (const contender of plan.contenders) {
          const busy = await loadOfOthers(signal)
          const others = `other load ${Math.round(busy * 100)}%`
          tell(`round ${round} of ${plan.rounds}: ${contender.name} (${others})`)
          results.otherLoad = Math.max(results.otherLoad, busy)
          const samples = results.samples[contender.name] as Samples
          await measureContender(contender, plan, stand, samples, signal)
        }
      }
    } finally {
      await stand.down()
    }
  }, signal)
  return results
}

/** => the busy part of all CPUs, 0 to 1 */
async function loadOfOthers(signal: AbortSignal): Promise<number> {
  const before = cpuTime([]).machine
  await sleep(LOOK_MS, undefined, { signal })
  const seconds = cpuTime([]).machine - before
  return Math.max(0, seconds / ((cpus().length * LOOK_MS) / 1000))
}

async function measureContender(
  contender: Contender,
  plan: Plan,
  stand: Stand,
  samples: Samples,
  signal: AbortSignal,
): Promise<void> {
  try {
    await contender.raise(stand, signal)
    await stand.reachable(signal)
    const loads = plan.loads.filter(load => !lacks(contender, load))
    const servers = new Set(loads.flatMap(({ server }) => server ?? []))
    for (const server of servers) await stand.raiseServer(server, signal)
    const pids = await contender.pids(stand)
    if (plan.pinned) await onOtherCpus([...pids, ...(await stand.serverPids())])
    await loads[0]?.warmUp(clientTool(stand, plan.pinned, signal), FRESH_SECONDS)
    for (const load of loads) await measureLoad(load, pids, samples, { plan, stand, signal })
  } catch (error) {
    if (!(error instanceof LabError) || signal.aborted) throw error
    throw new LabError(`${contender.name}: ${error.message}`, error.details)
  }
  await stand.down()
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

/** How long a contender that was just raised is first put to work: V8 compiles what is hot within a second or two. */
const FRESH_SECONDS = 3

/** CPU time is counted in steps of 10 ms. */
const LOOK_MS = 500

/** Until the servers have noticed that the warm-up is over. */
const SETTLE_MS = 20

function push<T>(lists: Record<string, T[]>, key: string, value: T): void {
  lists[key] ??= []
  lists[key].push(value)
}

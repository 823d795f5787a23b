/**
 * The load tools have CPU 0 to themselves, and contender and servers share the others. Where the scheduler decides, it
 * does so anew for each measurement, and that weighs more than any contender: with the client alone on one of two cores
 * the same balancer passes 140 thousand GETs a second, and 105 thousand when client and server share one.
 */

import { cpus } from 'node:os'
import { run } from '../../netns/processes.ts'

const LOAD_CPU = '0'

/** Whether there are CPUs to part. */
const apart = cpus().length > 1

/** The command, on the CPU of the load tools. */
export function onLoadCpu(argv: readonly string[]): string[] {
  return apart ? ['taskset', '-c', LOAD_CPU, ...argv] : [...argv]
}

/** Moves processes, all their threads and what these will start to the other CPUs. One that has ended is passed over. */
export async function onOtherCpus(pids: readonly number[]): Promise<void> {
  if (!apart) return
  for (const pid of pids)
    await run(['taskset', '-a', '-c', '-p', `1-${cpus().length - 1}`, `${pid}`])
}

/** CPU time used, of the machine and of processes, in seconds since they began. */

import { readFileSync } from 'node:fs'

/** USER_HZ is 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

export type CpuTime = {
  machine: number
  /** Of the balancer's own processes; null if it has none. */
  own: number | null
}

export function cpuTime(pids: readonly number[]): CpuTime {
  const own = pids.map(pid => processSeconds(readFileSync(`/proc/${pid}/stat`, 'latin1')))
  return {
    machine: machineSeconds(readFileSync('/proc/stat', 'latin1'), performance.now() / 1000),
    own: own.length === 0 ? null : own.reduce((sum, seconds) => sum + seconds, 0),
  }
}

/**
 * All that passed on all CPUs, less what they were idle or another machine's (steal). Not the sum of user, system and so
 * on: where those are counted by sampling at each tick, work that timers start is sampled too seldom or too often.
 */
export function machineSeconds(stat: string, uptimeSeconds: number): number {
  const cpus = stat.match(/^cpu\d/gm)?.length ?? 0
  const ticks = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number)
  const [, , , idle = 0, iowait = 0, , , steal = 0] = ticks
  return cpus * uptimeSeconds - (idle + iowait + steal) / TICKS_PER_SECOND
}

/** utime + stime, of all threads. */
export function processSeconds(stat: string): number {
  // The second field is the name in parentheses and may hold blanks and parentheses itself.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/**
 * All that can be counted of a running daemon at one moment, in one answer: what `tapvs top` draws and what Prometheus
 * scrapes (metrics.ts). It is read from memory that the workers share; no packet thread is asked for it.
 */

import { readdirSync } from 'node:fs'
import type { NumbersInfo, ProcessInfo } from '../../api/commands.ts'
import { version } from '../system/version.ts'
import type { Arms } from '../threads/arms.ts'
import { workerId } from '../threads/memory.ts'
import { addresses, counters, type Sources, services } from './listings.ts'

/** Taken once: Date.now() goes in whole ms, so the difference would be another one now and then, as if started anew. */
const STARTED_MS = Math.round(Date.now() - process.uptime() * 1000)

/** `withServices`: they are most of it, and not all who ask look at them. */
export function numbers(
  from: Sources,
  arms: Pick<Arms, 'state' | 'queues'>,
  withServices = true,
): NumbersInfo {
  return {
    at_ms: Date.now(),
    process: processInfo(),
    services: withServices ? services(from) : [],
    addresses: addresses(from),
    workers: from.readings.each().map((readings, index) => ({
      worker: workerId(index),
      counters: counters({ config: from.config, readings }, arms),
    })),
  }
}

export function processInfo(): ProcessInfo {
  const { user, system } = process.cpuUsage()
  return {
    version,
    node: process.version,
    pid: process.pid,
    started_ms: STARTED_MS,
    cpu_seconds: (user + system) / 1e6,
    resident_bytes: process.memoryUsage.rss(),
    open_fds: openFds(),
  }
}

/** 0 where /proc is not to be read. */
function openFds(): number {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return 0
  }
}

/**
 * All that can be counted of a running daemon at one moment, in one answer: what `tapvs top` draws and what Prometheus
 * scrapes (metrics.ts). It is read from memory that the workers share; no packet thread is asked for it.
 */

import { readdirSync } from 'node:fs'
import type { AddressInfo, CountersInfo, ServiceInfo } from './commands.ts'
import { version } from './version.ts'

export interface NumbersInfo {
  /** ms since 1970. */
  atMs: number
  process: ProcessInfo
  services: ServiceInfo[]
  addresses: AddressInfo[]
  /** In the order of the workers. */
  workers: WorkerNumbers[]
}

/** The counters of one worker; `trace_lost` is among its events. */
export interface WorkerNumbers {
  worker: number
  counters: CountersInfo
}

/** The daemon as the kernel sees it, all threads together. */
export interface ProcessInfo {
  version: string
  /** Of Node, v20.1.2. */
  node: string
  pid: number
  /** ms since 1970. */
  startedMs: number
  /** Seconds, user and system. */
  cpuSeconds: number
  residentBytes: number
  openFds: number
}

export function processInfo(): ProcessInfo {
  const { user, system } = process.cpuUsage()
  return {
    version,
    node: process.version,
    pid: process.pid,
    startedMs: Math.round(Date.now() - process.uptime() * 1000),
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openFds: openFds(),
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

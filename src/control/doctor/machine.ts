/** What the machine has: Node, processors, memory, limits. */

import { readFileSync } from 'node:fs'
import { availableParallelism, release } from 'node:os'
import type { Config } from '../../config/config.ts'
import { allConnBytes } from '../../engine/parts.ts'
import { SaPool } from '../../engine/sa-pool.ts'
import { Dests } from '../../engine/service.ts'
import { Steering } from '../../engine/steering.ts'
import { counted } from '../../see/text/counted.ts'
import { leastNode } from '../system/version.ts'
import { arenaBytes, connCapacityOf, DEST_PLACES } from '../threads/memory.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const MIB = 2 ** 20
/** Node itself, and a thread of it. */
const BASE_BYTES = 60 * MIB
const WORKER_BYTES = 20 * MIB
/** Descriptors of the daemon beside its TAPs: Node's own, the control socket's clients, logs. */
const BASE_FILES = 128
const FILES_OF_A_WORKER = 4
/** Before, rings and BPF counted against the limit of locked memory. */
const MEMLOCK_FREE = [5, 12] as const
const MEMLOCK_BYTES = 64 * MIB

export function node(version = process.versions.node): Finding {
  return isOlder(version, leastNode)
    ? fail('node', `this is ${version}`, `install Node ${leastNode} or newer`)
    : ok('node', version)
}

function isOlder(version: string, least: string): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number)
  const [x = 0, y = 0] = least.split('.').map(Number)
  return a < x || (a === x && b < y)
}

export function processors({ workers }: Config, processors = availableParallelism()): Finding {
  const text = `${processors} for ${counted(workers.count, 'packet thread')}`
  if (workers.count <= processors) return ok('processors', text)
  return warn('processors', text, `set workers.count to ${processors} at most: more only costs`)
}

/** Bytes that the tables of the config take, and Node with its threads. */
export function bytesFor(config: Config): number {
  const { count: workers } = config.workers
  const lips = config.arms.flatMap(arm => arm.localAddresses).length
  const pool = SaPool.bytesFor(new Steering(workers).lportPartition(0))
  const perWorker = allConnBytes(connCapacityOf(config)) + Dests.bytesFor(DEST_PLACES) + lips * pool
  return BASE_BYTES + arenaBytes(config) + workers * (WORKER_BYTES + perWorker)
}

/** What mends too little memory, and too few descriptors. */
export const LESS_MEMORY = 'make connections.table_size smaller or take LIPs away'
export const moreFiles = (config: Config) =>
  `raise it: ulimit -n ${filesFor(config)}, LimitNOFILE= under systemd`

function filesFor({ arms, workers }: Config): number {
  return BASE_FILES + workers.count * (arms.length + FILES_OF_A_WORKER)
}

export function memory(config: Config, available = process.availableMemory()): Finding {
  const needed = bytesFor(config)
  const text = `${mib(needed)} when all tables are in use, ${mib(available)} are available`
  if (needed <= available) return ok('memory', text)
  return warn('memory', text, LESS_MEMORY)
}

/** `limits` is what /proc/self/limits says. */
export function files(config: Config, limits = readFileSync('/proc/self/limits', 'utf8')): Finding {
  const needed = filesFor(config)
  const allowed = softLimit(limits, 'Max open files')
  const text = `${allowed} may be open, ${needed} are needed`
  if (needed <= allowed) return ok('open files', text)
  return fail('open files', text, moreFiles(config))
}

export function lockedMemory(
  limits = readFileSync('/proc/self/limits', 'utf8'),
  kernel = release(),
): Finding {
  const allowed = softLimit(limits, 'Max locked memory')
  if (!isOlder(kernel, MEMLOCK_FREE.join('.')))
    return ok('locked memory', 'this kernel counts neither rings nor BPF as locked')
  const text = allowed === Number.POSITIVE_INFINITY ? 'no limit' : mib(allowed)
  if (allowed >= MEMLOCK_BYTES) return ok('locked memory', text)
  const mend = `raise it to ${mib(MEMLOCK_BYTES)}: ulimit -l, LimitMEMLOCK= under systemd`
  return warn('locked memory', `${text}; this kernel counts rings and BPF`, mend)
}

function softLimit(limits: string, name: string): number {
  const value = new RegExp(`^${name} +(\\S+)`, 'm').exec(limits)?.[1]
  return value === 'unlimited' ? Number.POSITIVE_INFINITY : Number(value)
}

function mib(bytes: number): string {
  return `${Math.ceil(bytes / MIB)} MiB`
}

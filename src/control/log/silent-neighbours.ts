/**
 * Neighbours that do not answer are told once, and once more when they do. A packet thread forgets one that failed after
 * two seconds, so that each health check of a dead RS finds out again, in each worker.
 */

import type { NeighbourInfo } from '../../api/commands.ts'
import type { LogLevel } from '../../api/log-levels.ts'
import { TraceCell, TraceKind } from '../../engine/trace-kinds.ts'
import { addressAt } from '../../see/words/trace-fields.ts'
import type { ModuleLog } from './log.ts'

const LOOK_MS = 2000
/** As many as a worker knows neighbours. Beyond it all of them are told anew. */
const MOST = 4096

/** What is asked of the packet threads, and only while somebody is silent. */
export type AskNeighbours = () => Promise<NeighbourInfo[]>

export class SilentNeighbours {
  readonly #arms: readonly string[]
  readonly #ask: AskNeighbours
  readonly #log: ModuleLog
  readonly #lookMs: number
  /** `ADDRESS ARM`. */
  readonly #silent = new Set<string>()
  #timer: NodeJS.Timeout | undefined

  /** `arms` are the names by index. */
  constructor(arms: readonly string[], ask: AskNeighbours, log: ModuleLog, lookMs = LOOK_MS) {
    this.#arms = arms
    this.#ask = ask
    this.#log = log
    this.#lookMs = lookMs
  }

  /** The level at which a record of the trace is to be logged whose own level is `level`. */
  level(record: Int32Array, level: LogLevel): LogLevel {
    if (record[0] !== TraceKind.NEIGH_FAILED) return level
    const { NEIGH_FAILED } = TraceCell
    const address = addressAt(record, NEIGH_FAILED.address)
    const arm = record[NEIGH_FAILED.arm] ?? -1
    const key = `${address} ${this.#arms[arm]}`
    if (this.#silent.has(key)) return 'debug'
    if (this.#silent.size >= MOST) this.#silent.clear()
    this.#silent.add(key)
    this.#later()
    return level
  }

  /** Another config runs: who does not answer by it is worth a word. */
  clear(): void {
    this.#silent.clear()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.clear()
  }

  #later(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#look(), this.#lookMs)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const all = await this.#ask().catch(() => [])
    for (const neighbour of all) this.#seen(neighbour)
    if (this.#silent.size > 0) this.#later()
  }

  #seen({ address, arm, mac }: NeighbourInfo): void {
    if (mac === null || !this.#silent.delete(`${address} ${arm}`)) return
    const text = `NEIGHBOUR: ${address} on ${arm} answers again`
    this.#log.info(text, 'neigh_answers', { address, arm, mac })
  }
}

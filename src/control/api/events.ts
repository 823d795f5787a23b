/**
 * What happens in the daemon, for those who want to know at once: a hub that the rest of the control tells, and that
 * remembers a little, so that a client whose connection broke misses nothing. The stream of it is sse.ts.
 */

import type { LinkState } from '../../see/link-state.ts'
import type { LogLevel } from '../commands.ts'
import type { ServerKey, ServiceKey } from '../edits.ts'
import type { Module } from '../log-levels.ts'

/** Every event by its name, and what it carries. */
export interface EventData {
  /** The running config changed. */
  config: { steps: string[]; warnings: string[] }
  /** The health checks changed their mind about a real server. */
  server: { service: ServiceKey; server: ServerKey; up: boolean; reason: string }
  /** The device of an arm has gone or is back, was switched on or off, has lost its carrier or has it again. */
  arm: { arm: string } & LinkState
  /** Of one module, or of all. */
  log: { level: LogLevel; module?: Module }
  /** The daemon ends; the connection is about to be closed. */
  stopping: Record<string, never>
}

export type EventName = keyof EventData

export type DaemonEvent = {
  [N in EventName]: {
    /** `RUN-NUMBER`; what a client names to go on from there. */
    id: string
    event: N
    /** Of the event, ISO 8601. */
    time: string
    data: EventData[N]
  }
}[EventName]

/** More than a client misses while it connects again. */
const REMEMBERED = 256

export class Events {
  /** Tells the ids of this daemon from those of the one before. */
  readonly #run = Date.now().toString(36)
  readonly #past: DaemonEvent[] = []
  readonly #listeners = new Set<(event: DaemonEvent) => void>()
  #number = 0
  #stopped = false

  emit<N extends EventName>(name: N, data: EventData[N]): void {
    const id = `${this.#run}-${++this.#number}`
    const event = { id, event: name, time: new Date().toISOString(), data } as DaemonEvent
    this.#past.push(event)
    if (this.#past.length > REMEMBERED) this.#past.shift()
    for (const listener of this.#listeners) listener(event)
  }

  /** The daemon ends; told once. */
  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.emit('stopping', {})
  }

  /** `listener` must not throw. => ends it */
  listen(listener: (event: DaemonEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What came after the event `id`; undefined if that is not known any more, so that something may be missing. */
  after(id: string): DaemonEvent[] | undefined {
    const [run, number] = id.split('-')
    const missing = this.#number - Number(number)
    if (run !== this.#run || !(missing >= 0 && missing <= this.#past.length)) return undefined
    return missing === 0 ? [] : this.#past.slice(-missing)
  }
}

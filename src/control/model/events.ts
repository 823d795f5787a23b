/**
 * What happens in the daemon, for those who want to know at once: a hub that the rest of the control tells, and that
 * remembers a little, so that a client whose connection broke misses nothing. The stream of it is sse.ts.
 */

import type { DaemonEvent, EventData, EventName } from '../../api/events.ts'

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

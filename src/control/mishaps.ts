/** What is done when a worker hangs, ends or throws: it is said, and what there is to look at is kept. */

import { showLast } from '../engine/flight-last.ts'
import type { Fault } from '../io/mending.ts'
import type { Journals } from './journal/journals.ts'
import type { Log } from './log/log.ts'
import type { Events } from './model/events.ts'
import { Faults } from './readings/faults.ts'
import type { Dumps } from './recorder/dumps.ts'
import { type Flight, workerId } from './threads/memory.ts'
import type { WorkerNews } from './threads/revival.ts'

/** Between two lines about exceptions of one place. */
const SAID_MS = 10_000

export interface MishapParts {
  log: Log
  events: Events
  flights: readonly Flight[]
  /** Names by index. */
  arms: readonly string[]
  dumps(): Pick<Dumps, 'mishap'>
}

export class Mishaps {
  readonly faults = new Faults()
  /** Those that run know nothing of an engine that follows another. */
  journals: Pick<Journals, 'end'> | undefined
  readonly #parts: MishapParts
  /** When a place was last said, ms. */
  readonly #said = new Map<string, number>()

  constructor(parts: MishapParts) {
    this.#parts = parts
  }

  readonly news = (news: WorkerNews): void => {
    const { log, events, flights, dumps } = this.#parts
    const { worker, index, state, reason, detail } = news
    events.emit('worker', { worker, state, reason })
    if (state === 'restarted') {
      log.warn(`TAPVS: worker ${worker} runs again: ${detail}`)
      return
    }
    const how = state === 'hung' ? `hangs, ${detail}` : `has ended: ${reason}`
    log.error(`TAPVS: worker ${worker} ${how}; it is started again on its memory`)
    if (state === 'ended' && detail !== '') log.error(`TAPVS: ${detail}`)
    const flight = flights[index] as Flight
    const shown = showLast(flight.memory, flight.cells)
    if (shown > 0) log.info(`TAPVS: its recorder has ${shown} records of its last turn`)
    dumps().mishap(`worker_${state}`, `worker ${worker} ${how}`)
    this.journals?.end(`worker ${worker} ${state === 'hung' ? 'hung' : 'ended'}`)
  }

  readonly fault = (index: number, fault: Fault): void => {
    const { log, arms } = this.#parts
    const count = this.faults.keep(index, fault, arms)
    const now = performance.now()
    if (now - (this.#said.get(fault.place) ?? Number.NEGATIVE_INFINITY) < SAID_MS) return
    if (this.#said.size > 256) this.#said.clear()
    this.#said.set(fault.place, now)
    const { doing, message, place } = fault
    const times = count === 1 ? 'once' : `${count} times`
    const worker = workerId(index)
    log.error(
      `TAPVS: worker ${worker}, ${doing}: ${message} at ${place}, ${times} so far; tapvs explain drop engine_error has the stack`,
    )
  }
}

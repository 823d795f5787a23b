/**
 * `GET /ui/live`: how it is now, once a second, for all who look. One timer serves them all, each moment is put into words
 * once, and nothing is done while nobody looks. What is sent is a state and no log, so who is slow misses some and is
 * none the worse; who reads nothing at all is cut off.
 */

import type { ServerResponse } from 'node:http'
import { EventStream } from '../api/event-stream.ts'
import type { NumbersInfo } from '../commands.ts'

const TICK_MS = 1000
/** Ticks that found the one before still unread. */
const SLOW_TICKS_MAX = 10

/** A transition between two states of connections, as often as it was taken. */
export interface EdgeInfo {
  direction: 'in' | 'out'
  event: 'syn' | 'fin' | 'ack' | 'rst'
  from: string
  to: string
  count: number
  /** On the last segment that took it; null if none did. */
  last: string | null
}

export interface LiveInfo {
  /** ms since 1970. */
  atMs: number
  numbers: NumbersInfo
  /** Connections by state, of all workers. */
  states: Record<string, number>
  edges: EdgeInfo[]
}

interface Viewer {
  stream: EventStream
  slowTicks: number
}

export class Live {
  readonly #look: () => LiveInfo
  readonly #viewers = new Set<Viewer>()
  #timer: NodeJS.Timeout | undefined

  constructor(look: () => LiveInfo) {
    this.#look = look
  }

  /** `closed` is told once. */
  add(response: ServerResponse, closed: () => void): void {
    const stream = new EventStream(response, () => {
      this.#viewers.delete(viewer)
      if (this.#viewers.size === 0) this.#stop()
      closed()
    })
    const viewer = { stream, slowTicks: 0 }
    this.#viewers.add(viewer)
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS)
    stream.send('live', JSON.stringify(this.#look()))
  }

  #tick(): void {
    const data = JSON.stringify(this.#look())
    for (const viewer of this.#viewers) {
      const { stream } = viewer
      viewer.slowTicks = stream.unread > 0 ? viewer.slowTicks + 1 : 0
      if (viewer.slowTicks === 0) stream.send('live', data)
      else if (viewer.slowTicks >= SLOW_TICKS_MAX) stream.cutOff()
    }
  }

  #stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}

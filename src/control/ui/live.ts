/**
 * `GET /ui/live`: how it is now, once a second, for all who look. One tick serves them all, each moment is put into words
 * once, and nothing is done while nobody looks. What is sent is a state and no log, so who is slow misses some and is
 * none the worse; a reader that takes nothing at all is cut off.
 */

import type { ServerResponse } from 'node:http'
import type { LiveInfo } from '../../api/page.ts'
import { EventStream } from '../http/event-stream.ts'

/** Ticks that found the one before still unread. */
const SLOW_TICKS_MAX = 10

interface Viewer {
  stream: EventStream
  slowTicks: number
}

export class Live {
  readonly #look: () => LiveInfo
  readonly #viewers = new Set<Viewer>()

  constructor(look: () => LiveInfo) {
    this.#look = look
  }

  /** `closed` is told once. */
  add(response: ServerResponse, closed: () => void): void {
    const stream = new EventStream(response, () => {
      this.#viewers.delete(viewer)
      closed()
    })
    const viewer = { stream, slowTicks: 0 }
    this.#viewers.add(viewer)
    stream.send('live', JSON.stringify(this.#look()))
  }

  /** To be called once a second. */
  tick(): void {
    if (this.#viewers.size === 0) return
    const data = JSON.stringify(this.#look())
    for (const viewer of this.#viewers) {
      const { stream } = viewer
      viewer.slowTicks = stream.unread > 0 ? viewer.slowTicks + 1 : 0
      if (viewer.slowTicks === 0) stream.send('live', data)
      else if (viewer.slowTicks >= SLOW_TICKS_MAX) stream.cutOff()
    }
  }
}

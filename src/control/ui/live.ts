/**
 * `GET /ui/live?parts=`: how it is now, once a second, for all who look. One tick serves them all, each moment is put into
 * words once for all who want the same parts of it, and nothing is done while nobody looks. What is sent is a state and no log, so who is slow misses some and is
 * none the worse; a reader that takes nothing at all is cut off.
 */

import type { ServerResponse } from 'node:http'
import { LIVE_PARTS, type LiveInfo, type LivePart } from '../../api/page.ts'
import { EventStream } from '../http/event-stream.ts'

/** Ticks that found the one before still unread. */
const SLOW_TICKS_MAX = 10

export type LiveParts = ReadonlySet<LivePart>

/** `services,edges`; all without a word. Throws an Error in one line. */
export function livePartsOf(text: string | null): LiveParts {
  if (text === null) return new Set(LIVE_PARTS)
  return new Set(
    text
      .split(',')
      .filter(Boolean)
      .map(word => {
        const part = LIVE_PARTS.find(name => name === word)
        if (part) return part
        throw new Error(`parts: of ${LIVE_PARTS.join(' and ')}, not ${word}`)
      }),
  )
}

interface Viewer {
  stream: EventStream
  parts: LiveParts
  slowTicks: number
}

export class Live {
  readonly #look: (parts: LiveParts) => LiveInfo
  readonly #viewers = new Set<Viewer>()

  constructor(look: (parts: LiveParts) => LiveInfo) {
    this.#look = look
  }

  /** `closed` is told once. */
  add(response: ServerResponse, parts: LiveParts, closed: () => void): void {
    const stream = new EventStream(response, () => {
      this.#viewers.delete(viewer)
      closed()
    })
    const viewer = { stream, parts, slowTicks: 0 }
    this.#viewers.add(viewer)
    stream.send('live', JSON.stringify(this.#look(parts)))
  }

  /** To be called once a second. */
  tick(): void {
    const said = new Map<string, string>()
    for (const viewer of this.#viewers) {
      const { stream, parts } = viewer
      viewer.slowTicks = stream.unread > 0 ? viewer.slowTicks + 1 : 0
      if (viewer.slowTicks === 0) {
        const key = LIVE_PARTS.filter(part => parts.has(part)).join()
        const data = said.get(key) ?? JSON.stringify(this.#look(parts))
        said.set(key, data)
        stream.send('live', data)
      }
      if (viewer.slowTicks >= SLOW_TICKS_MAX) stream.cutOff()
    }
  }
}

/**
 * `GET /ui/moments`: packets and what became of them, for somebody who reads along. What the recorders hold comes first,
 * its newest part, and then what happens, some hundred moments at a time; a person sees no more and a browser draws no
 * more. The number of those left out is told, and a reader that takes nothing at all is cut off.
 */

import type { ServerResponse } from 'node:http'
import type { Moment } from '../../see/moments/moment.ts'
import { momentToJson } from '../../see/moments/moment-json.ts'
import { EventStream } from '../http/event-stream.ts'
import type { Watching } from '../recorder/watching.ts'

/** Between two events. */
const PERIOD_MS = 100
/** Moments in one event; in the first one, which is the past. */
const EACH_MAX = 500
const PAST_MAX = 2000
/** The past is over when the recorders were once read to their end, or after this. */
const PAST_MS = 500
/** Periods that found the event before still unread. */
const SLOW_PERIODS_MAX = 100

/** Of this stream alone. */
export interface Shown {
  wanted: (moment: Moment) => boolean
  /** What is told of one. */
  shown: (moment: Moment) => Moment
}

export class MomentStream {
  readonly #stream: EventStream
  readonly #what: Shown
  readonly #begin = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #stop: () => void
  #waiting: Moment[] = []
  #lost = 0
  #past = true
  #heard = false
  #slowPeriods = 0

  /** `closed` is told once. */
  constructor(
    response: ServerResponse,
    watching: Pick<Watching, 'follow'>,
    what: Shown,
    closed: () => void,
    periodMs = PERIOD_MS,
  ) {
    this.#what = what
    this.#stream = new EventStream(response, () => {
      clearInterval(this.#timer)
      this.#stop()
      closed()
    })
    this.#timer = setInterval(() => this.#send(), periodMs)
    this.#stop = watching.follow({ past: true }, (moments, lost) => this.#hear(moments, lost))
  }

  #hear(moments: readonly Moment[], lost: number): void {
    this.#heard = true
    this.#lost += lost
    for (const moment of moments) if (this.#what.wanted(moment)) this.#waiting.push(moment)
    const max = this.#past ? PAST_MAX : EACH_MAX
    const over = this.#waiting.length - max
    // Of the past, what is older than the newest is not missed.
    if (!this.#past) this.#lost += Math.max(0, over)
    if (over > 0) this.#waiting.splice(0, over)
  }

  #send(): void {
    // A period without a word of the recorders: they have been read to their end.
    if (this.#heard && this.#past && performance.now() - this.#begin < PAST_MS) {
      this.#heard = false
      return
    }
    this.#past = false
    this.#slowPeriods = this.#stream.unread > 0 ? this.#slowPeriods + 1 : 0
    if (this.#slowPeriods >= SLOW_PERIODS_MAX) this.#stream.cutOff()
    if (this.#slowPeriods > 0) return
    if (this.#lost > 0) this.#stream.send('lost', String(this.#lost))
    this.#lost = 0
    if (this.#waiting.length === 0) return
    const { shown } = this.#what
    this.#stream.send(
      'moments',
      JSON.stringify(this.#waiting.map(moment => momentToJson(shown(moment)))),
    )
    this.#waiting = []
  }
}

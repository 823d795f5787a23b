/**
 * The flight recorders of all workers, for all who want to see packets: on while somebody looks or the ring is kept, and
 * their moments in the order of time. Reading is done here, in turns, and costs the workers nothing.
 */

import type { RecorderInfo } from '../../api/commands.ts'
import type { ConfigCapture } from '../../config/capture.ts'
import { copyFlight, FlightReader, Want, wantFlight } from '../../engine/flight.ts'
import { HEADERS_MAX } from '../../engine/frames.ts'
import type { Moment } from '../../see/moments/moment.ts'
import { Moments } from '../../see/moments/moments.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import { Turns } from '../system/turns.ts'
import { type Flight, workerId } from '../threads/memory.ts'

/** Moments of a worker per turn; the control socket is answered between turns. */
const TURN_MOMENTS = 256
/** Between two looks while nothing comes. */
const PERIOD_MS = 20

export interface FollowOptions {
  /** Bytes per frame that are wanted; the config's if left out. Another follower may want more. */
  snaplen?: number
  /** Begin with what the rings hold, and not with what comes. */
  past?: boolean
}

/** A batch in the order of time, and how many records have been overwritten before they were read, since the last one. */
export type Follower = (moments: Moment[], lost: number) => void

export class Watching {
  readonly #flights: readonly Flight[]
  readonly #arms: string[]
  #capture: ConfigCapture
  #ring: boolean
  #follows = 0
  /** Of all who read, so that many together keep nobody waiting longer than one. */
  readonly #turns = new Turns()
  readonly #snaplens = new Map<number, number>()
  readonly #journals = new Set<number>()
  readonly #stops = new Set<() => void>()
  /** Called when the workers shall record something else; they look between two turns, and may be asleep. */
  onWanted = (): void => {}

  /** `arms` are the names by index, that of the health checks included. */
  constructor(flights: readonly Flight[], arms: string[], capture: ConfigCapture) {
    this.#flights = flights
    this.#arms = arms
    this.#capture = capture
    this.#ring = capture.ring
    this.#settle()
  }

  /** Kept on, so that the past is there when somebody asks. */
  get ring(): boolean {
    return this.#ring
  }

  set ring(on: boolean) {
    this.#ring = on
    this.#settle()
  }

  /** Another config runs. */
  set capture(capture: ConfigCapture) {
    if (capture.ring !== this.#capture.ring) this.#ring = capture.ring
    this.#capture = capture
    this.#settle()
  }

  status(): RecorderInfo {
    const { bytes } = this.#capture
    return {
      ring: this.#ring,
      followers: this.#snaplens.size - this.#journals.size,
      snaplen: this.#snaplen,
      bytes,
    }
  }

  /** What the rings hold at this moment, oldest first, in batches between which others get their turn. */
  async *past(): AsyncGenerator<Moment[]> {
    const sources: { moments: Moments; waiting: Moment[] }[] = []
    for (const [index, { memory, cells }] of this.#flights.entries()) {
      const moments = this.#moments(new FlightReader(await this.#copy(memory), cells, true), index)
      sources.push({ moments, waiting: moments.take(TURN_MOMENTS) })
    }
    for (;;) {
      const batch: Moment[] = []
      while (batch.length < TURN_MOMENTS) {
        const oldest = sources.reduce((a, b) => (timeOf(b.waiting) < timeOf(a.waiting) ? b : a))
        const moment = oldest.waiting.shift()
        if (moment === undefined) break
        batch.push(moment)
        if (oldest.waiting.length === 0) oldest.waiting = oldest.moments.take(TURN_MOMENTS)
      }
      if (batch.length === 0) return
      yield batch
      await this.#turns.next()
    }
  }

  async #copy(memory: SharedArrayBuffer): Promise<ArrayBuffer> {
    const copying = copyFlight(memory)
    for (;;) {
      const { done, value } = copying.next()
      if (done) return value
      await this.#turns.next()
    }
  }

  /** Tells `follower` of every moment from now on. => ends it */
  follow(options: FollowOptions, follower: Follower): () => void {
    const id = this.#follows++
    this.#snaplens.set(id, options.snaplen ?? this.#capture.snaplen)
    this.#settle()
    const all = this.#read(options.past === true)
    let lost = 0
    let stopped = false
    let timer: NodeJS.Timeout | undefined
    const again = () => this.#turns.add(turn)
    const turn = () => {
      if (stopped) return
      const batches = all.map(moments => moments.take(TURN_MOMENTS))
      const lostNow = all.reduce((sum, moments) => sum + moments.lost, 0)
      const more = batches.some(batch => batch.length === TURN_MOMENTS)
      // Before the follower is told: it may end itself.
      timer = setTimeout(again, more ? 0 : PERIOD_MS)
      if (batches.some(batch => batch.length > 0) || lostNow > lost) {
        follower(inOrder(batches), lostNow - lost)
      }
      lost = lostNow
    }
    const stop = () => {
      stopped = true
      clearTimeout(timer)
      this.#stops.delete(stop)
      this.#snaplens.delete(id)
      this.#settle()
    }
    this.#stops.add(stop)
    timer = setTimeout(again, 0)
    return stop
  }

  /** Everything that the engines are given is recorded too, for a journal. => ends that */
  journal(): () => void {
    const id = this.#follows++
    this.#snaplens.set(id, HEADERS_MAX)
    this.#journals.add(id)
    this.#settle()
    return () => {
      this.#snaplens.delete(id)
      this.#journals.delete(id)
      this.#settle()
    }
  }

  /** The daemon ends. */
  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #read(past: boolean): Moments[] {
    return this.#flights.map(({ memory, cells }, index) =>
      this.#moments(new FlightReader(memory, cells, past), index),
    )
  }

  #moments(reader: FlightReader, worker: number): Moments {
    return new Moments(reader, { worker: workerId(worker), arms: this.#arms })
  }

  get #snaplen(): number {
    const own = this.#ring || this.#snaplens.size === 0 ? [this.#capture.snaplen] : []
    return Math.max(...own, ...this.#snaplens.values())
  }

  #settle(): void {
    const journal = this.#journals.size > 0
    const moments = this.#ring || this.#snaplens.size > this.#journals.size
    const wanted = (moments ? Want.MOMENTS : 0) | (journal ? Want.JOURNAL : 0)
    for (const { memory } of this.#flights) wantFlight(memory, wanted, this.#snaplen + VNET.BYTES)
    this.onWanted()
  }
}

/** Each list is in order already. */
function inOrder(lists: Moment[][]): Moment[] {
  const [only] = lists
  if (lists.length === 1 && only) return only
  return lists.flat().sort((a, b) => a.atUs - b.atUs)
}

function timeOf([oldest]: Moment[]): number {
  return oldest?.atUs ?? Number.POSITIVE_INFINITY
}

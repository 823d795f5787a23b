/**
 * Moments out of the records of a worker's flight recorder. What a record means on its own is flight-records.ts's; here a
 * frame, what was said about it and the verdict become one moment, and a frame that leaves is compared with the one that
 * came in.
 */

import { countedName, STATE_NAMES } from '../../api/names.ts'
import { DONE, PARKED } from '../../engine/counters.ts'
import type { FlightReader } from '../../engine/flight.ts'
import {
  FlightKind,
  HeadCell,
  InCell,
  JudgedCell,
  OutCell,
  SAID_AT,
} from '../../engine/flight-records.ts'
import { GSO, VNET, VNET_FLAG } from '../../wire/vnet-hdr.ts'
import { type ConnEnds, endsAt } from '../words/ends.ts'
import { fieldsOf, type Names } from '../words/trace-fields.ts'
import { kindOf, lineOf } from '../words/trace-words.ts'
import { changesOf } from './changes.ts'
import type { FrameIn, FrameOut, Happening, Moment, Said, Verdict } from './moment.ts'
import { ownKind, rstKey } from './own.ts'

/** Frames that came in and have not left yet, and RSTs of our own, that are remembered; the oldest are forgotten. */
const REMEMBERED = 8192

/** What is common to the records of one frame in both directions. */
interface Bytes {
  arm: string
  length: number
  bytes: Uint8Array
  gsoSize: number
  partial: boolean
}

export class Moments {
  readonly #reader: FlightReader
  readonly #names: Names
  /** The frame whose verdict is still to come. */
  #arrived: { atUs: number; pair: number; frame: Bytes; said: Said[] } | undefined
  readonly #in = new Map<number, FrameIn>()
  /** Connections whose ends were sent RSTs, and what for, by the tuples of these. */
  readonly #reset = new Map<string, { conn: ConnEnds; own: string }>()

  constructor(reader: FlightReader, names: Names) {
    this.#reader = reader
    this.#names = names
  }

  /** Records that came too fast, since it began. */
  get lost(): number {
    return this.#reader.lost
  }

  /** Up to `limit` of the moments that are there, in order; fewer if there are no more. */
  take(limit: number): Moment[] {
    const moments: Moment[] = []
    while (moments.length < limit && this.#reader.next()) {
      const moment = this.#next()
      if (moment) moments.push(moment)
    }
    return moments
  }

  #next(): Moment | undefined {
    const { record, us } = this.#reader
    switch (record[HeadCell.KIND]) {
      case FlightKind.IN:
        this.#arrived = {
          atUs: us,
          pair: this.#cell(HeadCell.PAIR),
          frame: this.#frame(),
          said: [],
        }
        return undefined
      case FlightKind.JUDGED:
        return this.#judged()
      case FlightKind.OUT:
        return this.#left(us)
      case FlightKind.SAID:
        return this.#said(us)
      default:
        return undefined
    }
  }

  #said(atUs: number): Happening | undefined {
    const cells = this.#reader.record.subarray(SAID_AT)
    const { event } = kindOf(cells)
    const fields = fieldsOf(cells, this.#names)
    const said = { event, text: lineOf(cells, fields, this.#names), fields }
    const conn = endsOf(fields)
    if (event === 'reset' && conn) {
      const reset = { conn, own: fields.why === 'cut' ? 'rst_on_cut' : 'rst_on_expiry' }
      remember(this.#reset, rstKey(conn.vip, conn.client), reset)
      remember(this.#reset, rstKey(conn.lip, conn.rs), reset)
    } else if (event === 'reset_rs' && conn) {
      remember(this.#reset, rstKey(conn.lip, conn.rs), { conn, own: 'rst_on_reuse' })
    }
    // The end of a connection is its own, and not that of the one whose SYN took its place.
    if (this.#arrived && event !== 'conn_del' && event !== 'reset_rs') {
      this.#arrived.said.push(said)
      return undefined
    }
    const pair = event === 'parked_drop' ? (fields.pair as number) : 0
    const parked = this.#in.get(pair)
    const { worker } = this.#names
    return { kind: 'event', atUs, worker, pair, conn: conn ?? parked?.conn ?? null, said: [said] }
  }

  #judged(): FrameIn | undefined {
    const arrived = this.#arrived
    this.#arrived = undefined
    // The ring began behind the frame.
    if (arrived?.pair !== this.#cell(HeadCell.PAIR)) return undefined
    const t = this.#cell(JudgedCell.TUPLE)
    const before = this.#cell(JudgedCell.BEFORE)
    const { atUs, pair, frame, said } = arrived
    const moment: FrameIn = {
      kind: 'in',
      atUs,
      worker: this.#names.worker,
      pair,
      conn: t < 0 ? null : endsAt(this.#reader.record, JudgedCell.ENDS),
      ...frame,
      direction: t < 0 ? null : (t & 1) === 0 ? 'in' : 'out',
      verdict: this.#verdict(this.#cell(JudgedCell.VERDICT)),
      states:
        t < 0
          ? null
          : {
              before: STATE_NAMES[before] ?? null,
              after: STATE_NAMES[this.#cell(JudgedCell.AFTER)] ?? '',
            },
      said,
    }
    const { verdict } = moment
    if ('sent' in verdict || 'parked' in verdict) remember(this.#in, pair, moment)
    return moment
  }

  #left(atUs: number): FrameOut {
    const pair = this.#cell(HeadCell.PAIR)
    const frame = this.#frame()
    const from = this.#in.get(pair)
    this.#in.delete(pair)
    const drop = this.#cell(OutCell.DROP)
    // What has no connection is an answer of our own, made of the frame that asked.
    const translated = from?.conn != null
    const own = pair === 0 || (from && !translated) ? ownKind(frame.bytes) : null
    const rst = own?.tuple === undefined ? undefined : this.#reset.get(own.tuple)
    return {
      kind: 'out',
      atUs,
      worker: this.#names.worker,
      pair,
      conn: from?.conn ?? rst?.conn ?? null,
      ...frame,
      direction: translated ? (from?.direction ?? null) : null,
      changes: translated && from ? changesOf(from.bytes, frame.bytes) : [],
      drop: drop === 0 ? null : countedName(drop),
      own: own === null ? null : (rst?.own ?? own.name),
    }
  }

  #verdict(verdict: number): Verdict {
    if (verdict >= 0) return { sent: this.#names.arms[verdict] ?? `arm ${verdict}` }
    if (verdict === PARKED) return { parked: true }
    if (verdict === DONE) return { done: true }
    return { drop: countedName(-verdict) }
  }

  /** The frame of the record, without its virtio-net header. */
  #frame(): Bytes {
    const { bytes } = this.#reader
    const arm = this.#cell(InCell.ARM)
    const gso = bytes.length >= VNET.BYTES && (bytes[VNET.GSO_TYPE] ?? 0) !== GSO.NONE
    const low = bytes[VNET.GSO_SIZE] ?? 0
    const high = bytes[VNET.GSO_SIZE + 1] ?? 0
    return {
      arm: this.#names.arms[arm] ?? `arm ${arm}`,
      length: this.#cell(InCell.BYTES) - VNET.BYTES,
      bytes: bytes.slice(VNET.BYTES),
      gsoSize: gso ? low | (high << 8) : 0,
      partial: ((bytes[VNET.FLAGS] ?? 0) & VNET_FLAG.NEEDS_CSUM) !== 0,
    }
  }

  /** The record has all its cells; the array's type just cannot say so. */
  #cell(at: number): number {
    return this.#reader.record[at] ?? 0
  }
}

/** The connection that a line is about, if it names all of it. */
function endsOf({ client, vip, lip, rs }: Record<string, unknown>): ConnEnds | undefined {
  const all = [client, vip, lip, rs].every(end => typeof end === 'string')
  return all ? ({ client, vip, lip, rs } as ConnEnds) : undefined
}

/** The oldest goes when there are too many: a Map keeps the order of insertion. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > REMEMBERED) for (const oldest of map.keys()) return void map.delete(oldest)
}

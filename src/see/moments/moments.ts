/**
 * Moments out of the records of a worker's flight recorder. What a record means on its own is flight-records.ts's; here a
 * frame, what was said about it and the verdict become one moment, and a frame that leaves is compared with the one that
 * came in.
 */

import { countedName, stateName } from '../../api/names.ts'
import type { AnyForwarding } from '../../api/words.ts'
import { PROTOCOL_BITS } from '../../engine/conn-layout.ts'
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
import { type ConnEnds, connKey, endsAt } from '../words/ends.ts'
import { forwardingOf } from '../words/forwarding.ts'
import { labelOfCode } from '../words/packet-words.ts'
import { fieldsOf, type Names } from '../words/trace-fields.ts'
import { kindOf, lineOf } from '../words/trace-words.ts'
import { changesOf, tunnelChanges } from './changes.ts'
import type { Change, FrameIn, FrameOut, Happening, Moment, Said, Verdict } from './moment.ts'
import { hasMorePieces, isErrorAbout, isNoSyn, ownKind, proxyKey, tupleKey } from './own.ts'

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
  /** Connections whose ends are sent frames of our own, and what for, by the tuples of these. */
  readonly #own = new Map<string, { conn: ConnEnds; own: string }>()

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
      remember(this.#own, tupleKey(conn.vip, conn.client), reset)
      remember(this.#own, tupleKey(conn.lip, conn.rs), reset)
    } else if (event === 'conn_new' && conn?.protocol === 'UDP') {
      remember(this.#own, tupleKey(conn.lip, conn.rs), { conn, own: 'uoa' })
    } else if (
      event === 'conn_new' &&
      conn &&
      this.#arrived !== undefined &&
      isNoSyn(this.#arrived.frame.bytes)
    ) {
      remember(this.#own, proxyKey(conn.lip, conn.rs), { conn, own: 'syn_proxy' })
    } else if (event === 'reset_rs' && conn) {
      remember(this.#own, tupleKey(conn.lip, conn.rs), { conn, own: 'rst_on_reuse' })
    }
    // The end of a connection is its own, and not of the SYN that took its place; that of a single datagram is the datagram's.
    const ofOther = event === 'conn_del' || event === 'reset_rs'
    if (this.#arrived && (!ofOther || isOpenedBy(this.#arrived.said, conn))) {
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
    const code = this.#cell(JudgedCell.PROTOCOL)
    const once = t < 0 ? onlyPacket(said) : undefined
    const moment: FrameIn = {
      kind: 'in',
      atUs,
      worker: this.#names.worker,
      pair,
      conn: t < 0 ? (once?.conn ?? null) : this.#ends(code),
      ...frame,
      direction: once ? 'in' : t < 0 ? null : (t & 1) === 0 ? 'in' : 'out',
      verdict: this.#verdict(this.#cell(JudgedCell.VERDICT)),
      states:
        t < 0
          ? (once?.states ?? null)
          : {
              before: before < 0 ? null : stateName(before, code),
              after: stateName(this.#cell(JudgedCell.AFTER), code),
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
    // Of a datagram that leaves in pieces, the next one belongs to the same frame.
    if (!hasMorePieces(frame.bytes)) this.#in.delete(pair)
    const drop = this.#cell(OutCell.DROP)
    // What has no connection is an answer of our own, made of the frame that asked; and so is an error about that frame.
    const translated = from?.conn != null && !isErrorAbout(frame.bytes, from.bytes)
    const own = pair === 0 || (from && !translated) ? ownKind(frame.bytes) : null
    const known = own?.tuple === undefined ? undefined : this.#own.get(own.tuple)
    const back = from?.direction === 'in' ? 'out' : 'in'
    return {
      kind: 'out',
      atUs,
      worker: this.#names.worker,
      pair,
      conn: from?.conn ?? known?.conn ?? null,
      ...frame,
      direction: translated || from?.conn == null ? (from?.direction ?? null) : back,
      changes: translated && from ? changesFrom(from, frame.bytes) : [],
      drop: drop === 0 ? null : countedName(drop),
      own: own === null ? null : (known?.own ?? own.name),
    }
  }

  #ends(code: number): ConnEnds {
    const ends = endsAt(this.#reader.record, JudgedCell.ENDS)
    return withForwarding(
      { protocol: labelOfCode(code & PROTOCOL_BITS), ...ends },
      forwardingOf(code),
    )
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

function changesFrom({ bytes, conn, direction }: FrameIn, left: Uint8Array): Change[] {
  const isTunnel = conn?.forwarding === 'tunnel' && direction === 'in'
  return isTunnel ? tunnelChanges(bytes, left) : changesOf(bytes, left)
}

/** FullNAT is not named. */
function withForwarding(ends: ConnEnds, forwarding: unknown): ConnEnds {
  if (forwarding === undefined || forwarding === 'fullnat') return ends
  return { ...ends, forwarding: forwarding as AnyForwarding }
}

/** The connection that a line is about, if it names all of it. */
function endsOf(fields: Record<string, unknown>): ConnEnds | undefined {
  const { protocol, client, vip, lip, rs, forwarding } = fields
  const all = [protocol, client, vip, lip, rs].every(end => typeof end === 'string')
  if (!all) return undefined
  return withForwarding({ protocol, client, vip, lip, rs } as ConnEnds, forwarding)
}

/** What was said is that this connection has been opened. */
function isOpenedBy(said: readonly Said[], conn: ConnEnds | undefined): boolean {
  const opened = said.find(({ event }) => event === 'conn_new')
  const ends = opened && endsOf(opened.fields)
  return ends !== undefined && conn !== undefined && connKey(ends) === connKey(conn)
}

/** The connection of a single datagram, which has begun and ended with it (semantics 4.3): no table has it. */
function onlyPacket(said: readonly Said[]): Pick<FrameIn, 'conn' | 'states'> | undefined {
  const ended = said.find(({ event }) => event === 'conn_del')
  const conn = ended && endsOf(ended.fields)
  if (conn === undefined) return undefined
  return { conn, states: { before: null, after: String(ended?.fields.state) } }
}

/** The oldest goes when there are too many: a Map keeps the order of insertion. */
function remember<K, V>(map: Map<K, V>, key: K, value: V): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > REMEMBERED) for (const oldest of map.keys()) return void map.delete(oldest)
}

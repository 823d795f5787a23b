/**
 * The connections of a journal in another engine, which begins empty: one worker, another config perhaps. What clients send
 * goes in as it was; what RSs sent is addressed to the LIP and lport that the connection has here. Next hops are known
 * without ARP. Connections that were there before the journal began are left out, and so is everything behind a SYN that is
 * refused here.
 */

import { type Change, compare } from '../../config/changes.ts'
import { type Config, configOf } from '../../config/config.ts'
import { PlaceList, type Places } from '../../config/places.ts'
import type { ConfigFile } from '../../config/schema.ts'
import { type Arm, routeOut } from '../../engine/arm.ts'
import { CELL, LIPS_MAX, PROTOCOL_BITS, RECORD } from '../../engine/conn-layout.ts'
import { EndsCell } from '../../engine/ends.ts'
import { FlightKind, HeadCell, InCell, JudgedCell } from '../../engine/flight-records.ts'
import { KeyedIsn } from '../../engine/isn.ts'
import { datagramIn } from '../../see/frame/datagram-notation.ts'
import { segmentIn } from '../../see/frame/notation.ts'
import { endsAt } from '../../see/words/ends.ts'
import { endpointText, ipv4Int, ipv4Text } from '../../wire/address.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import type { Journal } from '../journal/format.ts'
import { isFragment, summed } from '../journal/headers.ts'
import { byTime, bytesOf, cell, changeOf, usOf } from '../journal/records.ts'
import { DEST_PLACES } from '../threads/memory.ts'
import { type Frame, onTheWire, readdressed, toMac } from './adapt.ts'
import { Replaced } from './replaced.ts'
import { Rig, type Sent } from './rig.ts'
import { SPOILT } from './spoilt.ts'

/** As test/kit/stand.ts begins, so that a transcript can be made of it. */
export const STAND = { seed: 7, key: [1, 2, 3, 4], now: 1_000_000, stepMs: 10 } as const
/** Of every next hop. */
const NEXT_HOP_MAC = '52:54:00:00:01:02'

/** A frame that was judged here. */
export interface Judged {
  step: 'frame'
  /** Its number in the journal. */
  number: number
  us: number
  /** Index of the arm in this config. */
  arm: number
  frame: Frame
  recorded: number
  verdict: number
  sent: Sent[]
  /** Of a SYN that opened a connection in the journal: the RS then, and the one here, if any. */
  rs: { recorded: string; here: string | undefined } | undefined
}

export type Step =
  | Judged
  | { step: 'wait'; ms: number; sent: Sent[] }
  | { step: 'change'; change: Change }

/** Frames that were not judged here, and why. */
export interface LeftOut {
  /** Of connections that were there before. */
  older: number
  /** Of connections that were refused or have ended here. */
  gone: number
  /** No TCP, of health checks, of another arm, to a LIP and of no connection. */
  other: number
}

export interface RerunOptions {
  /** Changes of the journal are made as well. */
  changes: boolean
  /** Made before anything else. */
  first?: readonly Change[]
  /** Frames go in without offload, as a transcript can say them. */
  wire: boolean
}

/** With one worker, whose next hops need no ARP. */
export function alone({ file, lists }: Pick<Config, 'file' | 'lists'>): ConfigFile {
  const one = {
    ...file,
    workers: { ...file.workers, count: 1 },
    arms: file.arms.map(({ impair: _, ...arm }) => arm),
  } as ConfigFile
  const config = configOf(one, lists)
  const rig = rigOf(config)
  const arms = one.arms.map(arm => ({ ...arm, neighbours: [...arm.neighbours] }))
  for (const { address } of config.services.flatMap(service => service.realServers)) {
    const out = routeOut(rig.engine.arms, ipv4Int(address))
    const own = arms[out?.arm.index ?? -1]
    const nextHop = ipv4Text(out?.nextHop ?? 0)
    if (own === undefined || own.neighbours.some(other => other.address === nextHop)) continue
    own.neighbours.push({ address: nextHop, mac: NEXT_HOP_MAC })
  }
  return { ...one, arms }
}

export function newPlaces(): Places {
  const quiet = () => true
  return { dests: new PlaceList(DEST_PLACES, quiet), lips: new PlaceList(LIPS_MAX, quiet) }
}

function rigOf(config: Config, places = newPlaces()): Rig {
  const { seed, key, now } = STAND
  const rig = new Rig(config, { seed, isn: new KeyedIsn(Int32Array.from(key)), now })
  for (const change of compare(null, config).changes(places)) rig.setUp(change, now)
  rig.collect()
  return rig
}

export class Rerun {
  readonly leftOut: LeftOut = { older: 0, gone: 0, other: 0 }
  readonly #journal: Journal
  readonly #options: RerunOptions
  readonly #config: Config
  readonly #rig: Rig
  readonly #replaced: Replaced
  readonly #lips: Set<number>
  /** Connections that began in the journal, by what their client sends; true if they were refused here. */
  readonly #opened = new Map<string, boolean>()
  #now: number = STAND.now

  /** `config` is alone(). */
  constructor(journal: Journal, config: Config, options: RerunOptions) {
    this.#journal = journal
    this.#config = config
    this.#options = options
    const places = newPlaces()
    this.#rig = rigOf(config, places)
    this.#replaced = new Replaced(journal, places)
    this.#lips = new Set(journal.images.flatMap(({ setup }) => setup.lips[0] ?? []))
  }

  get engine() {
    return this.#rig.engine
  }

  *run(): Generator<Step> {
    let first: number | undefined
    let number = 0
    const arrived: (Int32Array | undefined)[] = []
    for (const change of this.#options.first ?? []) yield this.#made(change)
    for (const { worker, record } of byTime(this.#journal.records)) {
      const us = usOf(record)
      first ??= us
      const kind = cell(record, HeadCell.KIND)
      if (kind === FlightKind.IN) arrived[worker] = record
      const isChange = kind === FlightKind.CHANGE && worker === 0 && this.#options.changes
      if (kind !== FlightKind.JUDGED && !isChange) continue
      const wait = this.#waitFor(us - first)
      if (wait) yield wait
      if (isChange) {
        yield* this.#change(changeOf(record))
        continue
      }
      number++
      const from = arrived[worker]
      if (from && cell(from, HeadCell.PAIR) === cell(record, HeadCell.PAIR))
        yield* this.#frame(from, record, number)
    }
  }

  #waitFor(elapsedUs: number): Step | undefined {
    const { stepMs } = STAND
    const end = STAND.now + Math.floor(elapsedUs / 1000 / stepMs) * stepMs
    const ms = end - this.#now
    if (ms <= 0) return undefined
    const sent: Sent[] = []
    while (this.#now < end) {
      this.#now += stepMs
      this.#rig.tick(this.#now, 0)
      sent.push(...this.#rig.collect())
    }
    return { step: 'wait', ms, sent }
  }

  *#change(recorded: Change): Generator<Step> {
    const change = this.#replaced.change(recorded)
    if (change === undefined) return
    const all = [change]
    if (change.put === 'rs') {
      const out = routeOut(this.#rig.engine.arms, ipv4Int(change.rs.address))
      const address = ipv4Text(out?.nextHop ?? 0)
      if (out) {
        all.unshift({ put: 'neighbour', arm: out.arm.index, address, mac: NEXT_HOP_MAC })
      }
    }
    for (const one of all) yield this.#made(one)
    this.#rig.collect()
  }

  #made(change: Change): Step {
    this.#rig.change(change, this.#now)
    return { step: 'change', change }
  }

  *#frame(from: Int32Array, judged: Int32Array, number: number): Generator<Step> {
    const name = this.#journal.header.arms[cell(from, InCell.ARM)]
    const arm = this.#config.arms.findIndex(other => other.name === name)
    const bytes = bytesOf(from)
    const ends = endsIn(bytes.subarray(VNET.BYTES))
    // The arm of the health checks stands behind those of the config.
    const ofChecks = cell(from, InCell.ARM) >= this.#journal.header.config.arms.length
    // A transcript's checksums are right.
    const isSpoilt = SPOILT.has(-cell(judged, JudgedCell.VERDICT))
    const isWhole = ends !== undefined && !isFragment(bytes)
    if (arm < 0 || ofChecks || !isWhole || (isSpoilt && this.#options.wire)) {
      this.leftOut.other++
      return
    }
    const frame = this.#fit({ bytes, length: cell(from, InCell.BYTES) }, judged, arm, ends.dst)
    if (frame === undefined) return
    const us = usOf(from)
    const opens = cell(judged, JudgedCell.TUPLE) >= 0 && cell(judged, JudgedCell.BEFORE) < 0
    for (const one of this.#options.wire ? onTheWire(frame) : [frame]) {
      summed(one.bytes, isSpoilt)
      const verdict = this.#rig.input(arm, one, this.#now, us)
      const t = this.#tupleOf(judged)
      if (opens) this.#opened.set(keyOf(judged), t < 0)
      yield {
        step: 'frame',
        number,
        us,
        arm,
        frame: one,
        recorded: cell(judged, JudgedCell.VERDICT),
        verdict,
        sent: this.#rig.collect(),
        rs: opens
          ? {
              recorded: endsAt(judged, JudgedCell.ENDS).rs,
              here: t < 0 ? undefined : this.#rsOf(t),
            }
          : undefined,
      }
    }
  }

  /** The frame as it has to be here; undefined, and counted, if there is no place for it. */
  #fit(frame: Frame, judged: Int32Array, arm: number, dst: string): Frame | undefined {
    const { macHi, macLo } = this.#rig.engine.arms[arm] as Arm
    const here = toMac(frame, macHi, macLo)
    const t = cell(judged, JudgedCell.TUPLE)
    if (t < 0) {
      // To an lport that another connection may have here.
      if (!this.#lips.has(ipv4Int(dst))) return here
      this.leftOut.other++
      return undefined
    }
    const opens = cell(judged, JudgedCell.BEFORE) < 0
    const refused = this.#opened.get(keyOf(judged))
    if (!opens && refused === undefined) {
      this.leftOut.older++
      return undefined
    }
    const isOut = (t & 1) === 1
    const own = this.#tupleOf(judged)
    if (!opens && (refused || (isOut && own < 0))) {
      this.leftOut.gone++
      return undefined
    }
    if (!isOut) return here
    const { cells } = this.#rig.engine.conns.table
    const known = (which: number) => cells[RECORD.of(own) | which] ?? 0
    const delta = known(CELL.DELTA) - cell(judged, JudgedCell.DELTA)
    const [saddr, daddr, ports] = [known(CELL.RIP), known(CELL.LIP), known(CELL.RS_PORTS)]
    return readdressed(here, { saddr, daddr, ports }, delta)
  }

  /** The connection here that has the client of the recorded one; -1 if there is none. */
  #tupleOf(judged: Int32Array): number {
    if (cell(judged, JudgedCell.TUPLE) < 0) return -1
    const { table } = this.#rig.engine.conns
    const [cip, vip, ports] = clientOf(judged)
    return table.find(codeOf(judged), cip, vip, ports)
  }

  #rsOf(t: number): string {
    const { cells } = this.#rig.engine.conns.table
    const at = RECORD.of(t)
    return endpointText(cells[at | CELL.RIP] ?? 0, (cells[at | CELL.RS_PORTS] ?? 0) >>> 16)
  }
}

/** Of a segment or a whole datagram. */
function endsIn(frame: Uint8Array): { dst: string } | undefined {
  return segmentIn(frame) ?? datagramIn(frame)
}

/** One of KEY: the method may be another here. */
function codeOf(judged: Int32Array): number {
  return cell(judged, JudgedCell.PROTOCOL) & PROTOCOL_BITS
}

function keyOf(judged: Int32Array): string {
  return [codeOf(judged), ...clientOf(judged)].join(' ')
}

/** The tuple of its connection as the client's packets carry it. */
function clientOf(judged: Int32Array): [number, number, number] {
  const end = (which: number) => cell(judged, JudgedCell.ENDS + which)
  return [end(EndsCell.CIP), end(EndsCell.VIP), end(EndsCell.CLIENT_PORTS)]
}

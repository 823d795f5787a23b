/**
 * One worker's part of a journal, played again: its engine as it was, each record given to it as it was then, and every
 * verdict, every frame that leaves and all counters compared with what was recorded.
 */

import { countedName } from '../../api/names.ts'
import { deviceOf, isImpaired } from '../../config/arms.ts'
import { ARM_CELLS, ArmCell, Counters, Drop, Event } from '../../engine/counters.ts'
import type { Engine } from '../../engine/engine.ts'
import { type FlightReader, Want } from '../../engine/flight.ts'
import {
  FlightKind,
  HeadCell,
  InCell,
  JudgedCell,
  NoteCell,
  OutCell,
} from '../../engine/flight-records.ts'
import type { EngineImage } from '../../engine/image.ts'
import { VLAN } from '../../wire/ethernet.ts'
import type { JournalHeader } from '../journal/format.ts'
import { filled, headersEnd, sumOfPayloadAt } from '../journal/headers.ts'
import { bytesOf, cell, cellsOf, changeOf, usOf } from '../journal/records.ts'
import { type BareConfig, type Tables, workerId } from '../threads/memory.ts'
import { Rig, type Sent } from './rig.ts'
import { SPOILT } from './spoilt.ts'
import { frameText, judgementOf, verdictText } from './texts.ts'

/** The first thing that a replay did otherwise. */
export interface Difference {
  worker: number
  /** µs since 1970. */
  us: number
  /** Number of the frame that was judged, over all workers; null for what is not about one. */
  frame: number | null
  /** What was looked at. */
  what: string
  recorded: string
  replayed: string
}

interface Waiting extends Sent {
  /** Number of the turn in which it was sent. */
  turn: number
}

/** What the kernel's side counts, or another worker, or the log. */
const NOT_OURS: ReadonlySet<number> = new Set([
  Drop.HAND_OVER_FULL,
  Event.HANDED_OVER,
  Event.TRACE_LOST,
  Event.RX_ERRORS,
  Event.ARM_REATTACHED,
])
/** Counted where a frame is read, which may be another worker than the one that judges it. */
const RX: ReadonlySet<number> = new Set([ArmCell.RX_PACKETS, ArmCell.RX_BYTES, ArmCell.RX_DROPS])

export class Player {
  readonly worker: number
  readonly rig: Rig
  readonly #header: JournalHeader
  readonly #config: BareConfig
  readonly #reader: FlightReader
  #arrived: Int32Array | undefined
  /** By arm: what was sent and has not been seen to leave. */
  readonly #sent: Waiting[][]
  #turn = 0
  /** Every frame that it read it judged, at once. */
  readonly #readsItsOwn: boolean
  /** Comparisons of all counters that were made. */
  checks = 0

  /** `arena` and `templateMemory` are those of all workers. */
  constructor(
    header: JournalHeader,
    config: BareConfig,
    worker: number,
    image: EngineImage,
    memory: { arena: SharedArrayBuffer; tables: Tables; templateMemory: SharedArrayBuffer },
  ) {
    this.#header = header
    this.#config = config
    this.worker = worker
    const impaired = config.arms.some(({ impair }) => isImpaired(impair))
    this.#readsItsOwn = header.workers === 1 && !impaired
    this.rig = new Rig(config, {
      ...memory,
      image,
      worker,
      now: image.now,
      wanted: Want.JOURNAL,
    })
    this.#reader = this.rig.reader()
    this.#sent = header.arms.map(() => [])
  }

  get engine(): Engine {
    return this.rig.engine
  }

  /** `frame` is the number of the frame if the record is a verdict. => What was done otherwise */
  play(record: Int32Array, frame: number): Difference | undefined {
    const { rig, engine } = this
    const now = cell(record, NoteCell.NOW)
    switch (cell(record, HeadCell.KIND)) {
      case FlightKind.IN:
        this.#arrived = record
        return undefined
      case FlightKind.JUDGED:
        return this.#judged(record, frame)
      case FlightKind.OUT:
        return this.#left(record)
      case FlightKind.TICK: {
        const late = this.#neverLeft(record)
        if (late) return late
        this.#turn++
        rig.setFree(cell(record, NoteCell.FREE))
        rig.tick(now, usOf(record))
        break
      }
      case FlightKind.HEARD: {
        const [link = 0, word = 0, macHi = 0, macLo = 0, solicited] = cellsOf(record)
        rig.setFree(cell(record, NoteCell.FREE))
        engine.neighs.hear(link, word, macHi, macLo, solicited === 1, now)
        break
      }
      case FlightKind.CHANGE:
        rig.setFree(cell(record, NoteCell.FREE))
        rig.change(changeOf(record), now)
        break
      case FlightKind.ANNOUNCE: {
        const arm = engine.arms[cellsOf(record)[0] ?? -1]
        rig.setFree(cell(record, NoteCell.FREE))
        if (arm) engine.announce(arm)
        break
      }
      case FlightKind.STOPPING:
        engine.opening.stopping = true
        return undefined
      case FlightKind.CHECK:
        return this.#check(record)
      default:
        return undefined
    }
    this.#collect()
    return undefined
  }

  #judged(record: Int32Array, frame: number): Difference | undefined {
    const arrived = this.#arrived
    this.#arrived = undefined
    if (arrived === undefined || cell(arrived, HeadCell.PAIR) !== cell(record, HeadCell.PAIR))
      return undefined
    const arm = cell(arrived, InCell.ARM)
    const length = cell(arrived, InCell.BYTES)
    const { counters } = this.engine
    const verdict = cell(record, JudgedCell.VERDICT)
    counters.rx(arm, length)
    // The arm that has the device of a VLAN counts its frames, too, with their tags.
    const device = deviceOf(this.#config.arms, arm)
    if (device !== arm) counters.rx(device, length + VLAN.TAG)
    if (verdict === -Drop.IMPAIRED) {
      // Lost before the engine got to see it.
      addTo(counters.events, Drop.IMPAIRED)
      addTo(counters.arms, arm * ARM_CELLS + ArmCell.RX_DROPS)
      return undefined
    }
    const bytes = bytesOf(arrived)
    const isSpoilt = SPOILT.has(-verdict)
    const whole = isSpoilt ? bytes : filled(bytes, length)
    const now = cell(arrived, HeadCell.MS)
    const free = cell(arrived, InCell.FREE)
    const fragment = cell(arrived, InCell.FRAGMENT)
    const given = { bytes: whole, length, free, fragment, isSpoilt }
    this.rig.input(arm, given, now, usOf(arrived))
    this.#collect()
    const replayed = this.#verdict()
    const recorded = judgementOf(record)
    if (recorded.every((c, i) => c === replayed[i])) return undefined
    const names = this.#header.arms
    const on = this.#armName(arm)
    const [was, is] = [recorded, replayed].map(cells => verdictText(cells, names))
    const what = `frame ${frame}, on ${on}: ${frameText(bytes, length)}`
    return this.#difference(arrived, frame, what, was ?? '', is ?? '')
  }

  /** The cells of the verdict that has just been recorded here. */
  #verdict(): Int32Array {
    let cells = judgementOf(new Int32Array(JudgedCell.CELLS))
    while (this.#reader.next()) {
      const { record } = this.#reader
      if (cell(record, HeadCell.KIND) === FlightKind.JUDGED) cells = judgementOf(record).slice()
    }
    return cells
  }

  #left(record: Int32Array): Difference | undefined {
    const arm = cell(record, OutCell.ARM)
    const length = cell(record, OutCell.BYTES)
    const drop = cell(record, OutCell.DROP)
    const { counters } = this.engine
    if (drop === 0) {
      counters.tx(arm, length)
      const device = deviceOf(this.#config.arms, arm)
      if (device !== arm) counters.tx(device, length + VLAN.TAG)
    } else {
      addTo(counters.events, drop)
      addTo(counters.arms, arm * ARM_CELLS + ArmCell.TX_DROPS)
    }
    const bytes = bytesOf(record)
    const sent = this.#sent[arm]?.shift()
    const on = this.#armName(arm)
    const was = frameText(bytes, length)
    if (sent === undefined) {
      return this.#difference(record, null, `what left on ${on}`, was, 'nothing left')
    }
    const end = Math.min(headersEnd(bytes), bytes.length)
    const sum = sumOfPayloadAt(bytes)
    const differs = (byte: number, i: number) =>
      byte !== sent.bytes[i] && i !== sum && i !== sum + 1
    const at = bytes.subarray(0, end).findIndex(differs)
    if (at < 0 && length === sent.length) return undefined
    const is = frameText(sent.bytes, sent.length)
    const where = is === was && at >= 0 ? `, byte ${at} of its headers` : ''
    const byte = (side: Uint8Array) => (where === '' ? '' : ` (0x${side[at]?.toString(16)})`)
    const what = `what left on ${on}${where}`
    return this.#difference(record, null, what, was + byte(bytes), is + byte(sent.bytes))
  }

  /** What was sent two turns ago has left. */
  #neverLeft(record: Int32Array): Difference | undefined {
    for (const [arm, sent] of this.#sent.entries()) {
      const [first] = sent
      if (first === undefined || first.turn >= this.#turn - 1) continue
      const what = `what left on ${this.#armName(arm)}`
      const is = frameText(first.bytes, first.length)
      return this.#difference(record, null, what, 'nothing left', is)
    }
    return undefined
  }

  #collect(): void {
    for (const sent of this.rig.collect()) {
      this.#sent[sent.arm]?.push({ ...sent, turn: this.#turn })
    }
  }

  /** All counters, as they were in the packet thread at this point. */
  #check(record: Int32Array): Difference | undefined {
    this.checks++
    const arms = this.engine.arms.length
    const bytes = bytesOf(record).slice()
    const recorded = new Counters(bytes.buffer, arms)
    const { counters, dests } = this.engine
    const differs = (what: string, was: number, is: number) =>
      this.#difference(record, null, what, `${was}`, `${is}`)
    for (const [number, was] of recorded.events.entries()) {
      const is = counters.events[number] ?? 0
      if (NOT_OURS.has(number) || was === is) continue
      return differs(`counter ${countedName(number)}`, was, is)
    }
    for (const part of ['states', 'neighbours', 'handshakes'] as const) {
      for (const [i, was] of recorded[part].entries()) {
        const is = counters[part][i] ?? 0
        if (was !== is) return differs(`counter ${i} of ${part}`, was, is)
      }
    }
    for (const [at, was] of recorded.arms.entries()) {
      const is = counters.arms[at] ?? 0
      if (was === is || (!this.#readsItsOwn && RX.has(at % ARM_CELLS))) continue
      const name = this.#armName(Math.trunc(at / ARM_CELLS))
      const key = Object.keys(ArmCell)[at % ARM_CELLS]?.toLowerCase() ?? ''
      return differs(`counter ${key} of arm ${name}`, was, is)
    }
    const from = Counters.bytesFor(arms)
    const cells = new Int32Array(bytes.buffer, from, (bytes.length - from) >> 2)
    const at = cells.findIndex((was, i) => was !== dests.cells[i])
    if (at < 0) return undefined
    const what = `numbers of the real server at place ${at >> 4}, cell ${at & 15}`
    return differs(what, cells[at] ?? 0, dests.cells[at] ?? 0)
  }

  #armName(arm: number): string {
    return this.#header.arms[arm] ?? `arm ${arm}`
  }

  #difference(
    record: Int32Array,
    frame: number | null,
    what: string,
    recorded: string,
    replayed: string,
  ): Difference {
    return { worker: workerId(this.worker), us: usOf(record), frame, what, recorded, replayed }
  }
}

/** What the kernel's side counted, of a frame that is in no slot here. */
function addTo(cells: Float64Array, at: number): void {
  cells[at] = (cells[at] ?? 0) + 1
}

/**
 * Journals of the running appliance: an image of each worker's engine, and then everything that the engines are given and
 * what they do with it, taken from the flight recorders. Nobody waits for a reader; a journal that cannot keep up ends, and says so.
 */

import type { Config } from '../../config/config.ts'
import type { ConfigFile } from '../../config/schema.ts'
import { FlightReader } from '../../engine/flight.ts'
import { BODY_AT, FlightKind, HeadCell } from '../../engine/flight-records.ts'
import { counted } from '../../see/text/counted.ts'
import type { Watching } from '../recorder/watching.ts'
import { version } from '../system/version.ts'
import { CHECK_ARM } from '../threads/check-arm.ts'
import type { Flight } from '../threads/memory.ts'
import type { Workers } from '../threads/workers.ts'
import { endBytes, headerBytes, imageBytes, recordBytes } from './format.ts'
import { keptBytes } from './headers.ts'
import { bytesOf, cell } from './records.ts'

/** Between two looks at the recorders. */
const PERIOD_MS = 10
/** That a reader may leave untaken. */
const UNREAD_BYTES_MAX = 32 << 20
/** Between two comparisons of all counters. */
const CHECK_MS = 1000

export interface RecordOptions {
  /** Left out: until the reader goes. */
  seconds?: number | undefined
  /** Bytes of the whole. */
  bytes: number
  /** The reader has gone. */
  signal?: AbortSignal
}

/** Of Workers, what a journal needs. */
export type Recorded = Pick<Workers, 'images' | 'check'>

export class Journals {
  readonly #workers: Recorded
  readonly #flights: readonly Flight[]
  readonly #watching: Pick<Watching, 'journal'>
  readonly #config: () => Config
  readonly #ends = new Set<(why: string) => void>()

  constructor(
    workers: Recorded,
    flights: readonly Flight[],
    watching: Pick<Watching, 'journal'>,
    config: () => Config,
  ) {
    this.#workers = workers
    this.#flights = flights
    this.#watching = watching
    this.#config = config
  }

  /** The bytes of a journal, from now on. Ends with its bounds, when it is behind, or when it is not wanted any more. */
  async *record({ seconds, bytes, signal }: RecordOptions): AsyncGenerator<Uint8Array> {
    const release = this.#watching.journal()
    const reading = new Reading(this.#flights, bytes)
    const end = (why: string) => reading.end(why)
    this.#ends.add(end)
    // One that waits for records cannot be told otherwise.
    signal?.addEventListener('abort', () => reading.end('nobody reads it'))
    const check = setInterval(() => void this.#workers.check(), CHECK_MS)
    let timer: NodeJS.Timeout | undefined
    try {
      const begun = new Date().toISOString()
      const config = this.#config()
      const taken = await this.#workers.images()
      reading.begin(taken.map(({ mark }) => mark))
      yield* headerBytes({
        tapvs: version,
        begun,
        config: withoutSecrets(config.file),
        arms: [...config.arms.map(({ name }) => name), CHECK_ARM],
        workers: taken.length,
      })
      for (const [worker, { image }] of taken.entries()) {
        for (const part of await imageBytes(worker, image)) {
          reading.count(part.length)
          yield part
        }
      }
      if (seconds !== undefined) {
        const finish = async () => {
          await this.#workers.check()
          reading.end(`${counted(seconds, 'second')} ${seconds === 1 ? 'is' : 'are'} over`)
        }
        timer = setTimeout(() => void finish(), seconds * 1000)
      }
      yield* reading.chunks()
    } finally {
      clearTimeout(timer)
      clearInterval(check)
      this.#ends.delete(end)
      reading.stop()
      release()
    }
  }

  /** The daemon ends. */
  stop(): void {
    this.end('the daemon has ended')
  }

  /** All that are being recorded, with what there is at present. */
  end(why: string): void {
    for (const end of this.#ends) end(why)
  }
}

/** What a replay needs none of: where the API listens, and what health checks say. */
function withoutSecrets(file: ConfigFile): ConfigFile {
  const { control: _, log: __, ...rest } = file
  const services = rest.services.map(({ check: _, passive: __, ...service }) => service)
  return { ...rest, services } as ConfigFile
}

/** Reads the recorders at its own pace, into memory that is bounded by what the journal may have. */
class Reading {
  readonly #readers: FlightReader[]
  readonly #queue: Uint8Array[] = []
  readonly #timer: NodeJS.Timeout
  /** Marks of the images by worker. */
  #marks: number[] | undefined
  /** By worker, until its mark has come: everything from the first mark on, whosever it is. */
  readonly #early: (Int32Array[] | undefined)[]
  #bytes = 0
  /** Of #queue. */
  #unread = 0
  readonly #bytesMax: number
  #why: string | undefined
  #lost = 0
  #wake: () => void = () => {}

  constructor(flights: readonly Flight[], bytesMax: number) {
    this.#readers = flights.map(({ memory, cells }) => new FlightReader(memory, cells, false))
    this.#early = flights.map(() => [])
    this.#bytesMax = bytesMax
    this.#timer = setInterval(() => this.#turn(), PERIOD_MS)
  }

  begin(marks: number[]): void {
    this.#marks = marks
  }

  /** Bytes of the whole that are something else. */
  count(bytes: number): void {
    this.#bytes += bytes
  }

  /** Nothing comes after what there is at present. */
  end(why: string): void {
    if (this.#why !== undefined) return
    this.#turn()
    this.#why ??= why
    this.stop()
    this.#wake()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#queue.shift()
      if (chunk !== undefined) {
        this.#unread -= chunk.length
        yield chunk
      } else if (this.#why !== undefined) break
      else
        await new Promise<void>(done => {
          this.#wake = done
        })
    }
    yield* endBytes({ why: this.#why, lost: this.#lost > 0 })
  }

  #turn(): void {
    if (this.#why !== undefined) return
    for (const [worker, reader] of this.#readers.entries()) {
      const early = this.#early[worker]
      const records = this.#records(reader, early?.length === 0)
      if (early === undefined) {
        this.#write(worker, records)
        continue
      }
      early.push(...records)
      const mark = this.#marks?.[worker]
      const at = early.findIndex(record => isMark(record) && cell(record, BODY_AT) === mark)
      if (at < 0) {
        // The mark itself may be among what was overwritten.
        if (mark !== undefined) this.#lost += reader.lost
        continue
      }
      this.#early[worker] = undefined
      this.#write(worker, early.slice(at + 1))
    }
    if (this.#lost > 0)
      this.#why = `${counted(this.#lost, 'record')} came faster than could be read`
    else if (this.#bytes >= this.#bytesMax) this.#why = 'it has the size that it may have'
    else if (this.#unread > UNREAD_BYTES_MAX) this.#why = 'its reader was too slow'
    if (this.#why !== undefined) this.stop()
    this.#wake()
  }

  #write(worker: number, records: readonly Int32Array[]): void {
    if (records.length === 0) return
    for (const part of recordBytes(worker, records)) {
      this.#bytes += part.length
      this.#unread += part.length
      this.#queue.push(part)
    }
  }

  /** All that are there, up to the first that was lost; `fresh`: from the first mark of an image on. */
  #records(reader: FlightReader, fresh: boolean): Int32Array[] {
    const records: Int32Array[] = []
    let before = reader.lost
    while (reader.next()) {
      const { record } = reader
      const begins = fresh && records.length === 0
      if (begins && !isMark(record)) {
        before = reader.lost
        continue
      }
      if (reader.lost > before && !begins) {
        this.#lost += reader.lost - before
        break
      }
      before = reader.lost
      if (cell(record, HeadCell.KIND) !== FlightKind.SAID) records.push(trimmed(record))
    }
    return records
  }
}

function isMark(record: Int32Array): boolean {
  return cell(record, HeadCell.KIND) === FlightKind.IMAGE
}

/** A copy of a record, frames without their payload. */
function trimmed(record: Int32Array): Int32Array {
  const size = cell(record, HeadCell.SIZE)
  const kind = cell(record, HeadCell.KIND)
  const whole = record.subarray(0, size)
  if (kind !== FlightKind.IN && kind !== FlightKind.OUT) return whole.slice()
  const cells = BODY_AT + ((keptBytes(bytesOf(whole)) + 3) >> 2)
  const copy = whole.slice(0, Math.min(size, cells + (cells & 1)))
  copy[HeadCell.SIZE] = copy.length
  return copy
}

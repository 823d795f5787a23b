/**
 * The config that runs, with the edits of the command line and the API, and the places of its RSs and LIPs, in memory that outlives
 * the daemon (io/hold.ts): connections hold places, so the next daemon has to give out the same. Two halves are written by turns, so
 * that one is whole whenever the daemon dies:
 *
 *   sequence   int32 from 1 on, written last: of the whole ones the later counts; 0 for none
 *   bytes      int32
 *   sum        int32, FNV-1a of the bytes and of the two cells above, so that no half passes for a later one
 *   JSON
 */

import { type Config, configOf } from '../../config/config.ts'
import type { Places, SavedPlaces } from '../../config/places.ts'
import { createMemory, mapMemory, sizeOfMemory, sumOf } from '../../io/hold.ts'
import type { Keeping } from '../keeper/keeping.ts'
import { CONFIG_LAYOUT } from '../system/layouts.ts'

/** Of a half: as JSON the largest config that the API takes is not so large. Pages that were never written take no memory. */
const HALF = 32 * 1024 * 1024
const AT = { SEQUENCE: 0, BYTES: 1, SUM: 2 } as const
const HEAD = 64
const NAME = 'config'

/** What an earlier daemon ran. */
export interface Ran {
  config: Config
  /** As they were kept: PlaceList.restore() checks them. */
  places: { dests?: SavedPlaces; lips?: SavedPlaces }
}

export class KeptConfig {
  readonly #halves: Uint8Array[]
  #sequence = 0

  constructor(memory: ArrayBuffer) {
    this.#halves = [0, HALF].map(at => new Uint8Array(memory, at, HALF))
  }

  /** => what was written last, undefined if nothing was. Throws ConfigError, or an Error in one line, if it cannot be used. */
  read(): Ran | undefined {
    const whole = this.#halves.filter(isWhole).sort((a, b) => sequenceOf(b) - sequenceOf(a))
    const [latest] = whole
    if (latest === undefined) {
      if (this.#halves.some(half => sequenceOf(half) !== 0)) throw new Error('it is spoilt')
      return undefined
    }
    this.#sequence = sequenceOf(latest)
    const { layout, file, places } = parsed(latest)
    if (layout !== CONFIG_LAYOUT)
      throw new Error(`it is of another layout (${Number(layout)}, this is ${CONFIG_LAYOUT})`)
    return { config: configOf(file), places: Object(places) }
  }

  /** => false, and what was written last goes on to count, if it has no room */
  write({ file }: Config, { dests, lips }: Places): boolean {
    const places = { dests: dests.save(), lips: lips.save() }
    const text = JSON.stringify({ layout: CONFIG_LAYOUT, file, places })
    const bytes = Buffer.from(text)
    if (bytes.length > HALF - HEAD) return false
    this.#sequence++
    const half = this.#halves[this.#sequence % 2] as Uint8Array
    const head = headOf(half)
    Atomics.store(head, AT.SEQUENCE, 0)
    half.set(bytes, HEAD)
    head[AT.BYTES] = bytes.length
    head[AT.SUM] = sumFor(this.#sequence, bytes)
    Atomics.store(head, AT.SEQUENCE, this.#sequence)
    return true
  }
}

/** Of an earlier daemon, or a new one; without a keeper none. Throws NativeError. */
export function openKeptConfig(keeping: Keeping): KeptConfig | null {
  if (!keeping.kept) return null
  const fd = keeping.take(NAME)?.fds[0] ?? createMemory('tapvs-config', HALF * 2)
  keeping.hold(NAME, { fds: [fd], about: null })
  if (sizeOfMemory(fd) !== HALF * 2) throw new Error('the memory of the config has another size')
  return new KeptConfig(mapMemory(fd, 0, HALF * 2))
}

const headOf = (half: Uint8Array) => new Int32Array(half.buffer, half.byteOffset, HEAD / 4)
const sequenceOf = (half: Uint8Array) => headOf(half)[AT.SEQUENCE] as number

function bytesOf(half: Uint8Array): Buffer {
  const bytes = headOf(half)[AT.BYTES] as number
  return Buffer.from(half.buffer, half.byteOffset + HEAD, bytes)
}

function isWhole(half: Uint8Array): boolean {
  const { [AT.SEQUENCE]: sequence = 0, [AT.BYTES]: bytes = -1, [AT.SUM]: sum } = headOf(half)
  if (sequence < 1 || bytes < 0 || bytes > HALF - HEAD) return false
  return sum === sumFor(sequence, bytesOf(half))
}

function sumFor(sequence: number, bytes: Uint8Array): number {
  return sumOf(Int32Array.of(sequence, bytes.length, sumOf(bytes)))
}

/** That the bytes are those which were written says nothing of who wrote them. */
function parsed(half: Uint8Array): { layout?: unknown; file?: unknown; places?: unknown } {
  try {
    return Object(JSON.parse(bytesOf(half).toString()))
  } catch {
    throw new Error('it is no JSON')
  }
}

/**
 * The start image: what packet threads need to go on when the daemon has died, in memory that outlives it, so that the next one starts
 * them before it has loaded anything that reads a config. The daemon writes it anew whenever that changes. It goes with one config
 * that was kept (its generation) and one layout, and is of no use to any other.
 */

import type { Change } from '../../config/changes.ts'
import { mapMemory, sizeOfMemory } from '../../io/hold.ts'
import { CONFIG, type Keeping, START } from '../keeper/keeping.ts'
import { KEPT_JSON_BYTES, KeptJson, takeKeptJson } from '../keeper/kept-json.ts'
import { START_LAYOUT } from '../system/layouts.ts'
import type { BareConfig } from './memory.ts'

/** All that packet threads are set up with; arrays and objects of what JSON has. */
export interface SetUp {
  config: BareConfig
  changes: readonly Change[]
}

interface Written extends SetUp {
  layout: number
  generation: number
}

export class StartImage {
  readonly #json: KeptJson
  readonly #keep: () => void

  /** Of an earlier daemon, or a new one; without a keeper null. Throws NativeError. */
  static open(keeping: Keeping): StartImage | null {
    if (!keeping.kept) return null
    const { fd, memory } = takeKeptJson(keeping, START)
    return new StartImage(memory, () => keeping.hold(START, { fds: [fd], about: null }))
  }

  /** `keep` is called when it was written. */
  constructor(memory: ArrayBuffer, keep = () => {}) {
    this.#json = new KeptJson(memory)
    this.#keep = keep
  }

  /** `generation` is that of the config that was kept. => false, and there is none for it, if it has no room */
  write({ config, changes }: SetUp, generation: number): boolean {
    const written: Written = { layout: START_LAYOUT, generation, config, changes }
    if (!this.#json.write(written)) return false
    // Who stands by learns by that that it is another one.
    this.#keep()
    return true
  }

  /** => what was written for that generation, undefined if it is of another one, or nothing is there. Throws an Error in one line. */
  read(generation: number): SetUp | undefined {
    const read = this.#json.read()
    if (read === undefined) return undefined
    const written = Object(read) as Written
    if (written.layout !== START_LAYOUT)
      throw new Error(`it is of layout ${Number(written.layout)}, this is ${START_LAYOUT}`)
    return written.generation === generation ? written : undefined
  }
}

/** What an earlier daemon has left. */
export interface LeftImage extends SetUp {
  /** Of the config that was kept, and the descriptor of its memory. */
  generation: number
  memory: number
}

/** Descriptors stay where they are. => undefined if there is none that goes with the config that was kept. Throws an Error in one line. */
export function leftImage(keeping: Keeping): LeftImage | undefined {
  const [start, memory] = [START, CONFIG].map(name => keeping.look(name)?.fds[0])
  if (start === undefined || memory === undefined) return undefined
  const [image, kept] = [start, memory].map(fd => {
    if (sizeOfMemory(fd) !== KEPT_JSON_BYTES) throw new Error('it has another size')
    return mapMemory(fd, 0, KEPT_JSON_BYTES)
  }) as [ArrayBuffer, ArrayBuffer]
  const generation = new KeptJson(kept).sequence
  const setUp = new StartImage(image).read(generation)
  return setUp && { ...setUp, generation, memory }
}

/** Whether two values of what JSON has are the same, their keys in the same order. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Exceptions that workers have mended, by their place in the code: the first ones and the last ones, each with its frame. */

import type { DropInfo } from '../../api/commands.ts'
import type { Fault } from '../../io/mending.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import { workerId } from '../threads/memory.ts'

const FIRST = 2
const LAST = 3
/** More places than this one bug has; the others are only in the log. */
const PLACES = 32

type FaultInfo = NonNullable<DropInfo['faults']>[0]
type SampleInfo = FaultInfo['samples'][0]

interface Place {
  first: SampleInfo[]
  last: SampleInfo[]
  /** By worker: what its thread has counted last, and what those before it have. */
  counts: Map<number, { now: number; before: number }>
}

export class Faults {
  readonly #places = new Map<string, Place>()

  /** `worker` is an index, `arms` are names by index. => how often it was thrown at its place so far */
  keep(worker: number, fault: Fault, arms: readonly string[]): number {
    let place = this.#places.get(fault.place)
    if (place === undefined) {
      if (this.#places.size === PLACES) return fault.count
      place = { first: [], last: [], counts: new Map() }
      this.#places.set(fault.place, place)
    }
    const counted = place.counts.get(worker) ?? { now: 0, before: 0 }
    // Another thread begins anew.
    if (fault.count <= counted.now) counted.before += counted.now
    counted.now = fault.count
    place.counts.set(worker, counted)
    const sample = sampleOf(worker, fault, arms)
    if (place.first.length < FIRST) place.first.push(sample)
    else place.last.push(sample)
    if (place.last.length > LAST) place.last.shift()
    return countOf(place)
  }

  /** The place with the most first. */
  list(): FaultInfo[] {
    return [...this.#places]
      .map(([place, kept]) => ({
        place,
        count: countOf(kept),
        samples: [...kept.first, ...kept.last],
      }))
      .sort((a, b) => b.count - a.count)
  }
}

function countOf({ counts }: Place): number {
  return [...counts.values()].reduce((sum, { now, before }) => sum + now + before, 0)
}

function sampleOf(
  worker: number,
  { at, doing, message, stack, arm, bytes, length }: Fault,
  arms: readonly string[],
): SampleInfo {
  const head = bytes.length === 0 ? 0 : VNET.BYTES
  const hex = (from: number, to?: number) => Buffer.from(bytes.slice(from, to)).toString('hex')
  return {
    at_ms: at,
    worker: workerId(worker),
    doing,
    message,
    stack,
    arm: arm < 0 ? null : (arms[arm] ?? `arm ${arm}`),
    length: Math.max(0, length - head),
    bytes: hex(head),
    vnet: hex(0, head),
  }
}

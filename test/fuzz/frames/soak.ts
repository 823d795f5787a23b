/** Frames for as long as one likes: every variant in turn, one seed after the other, and the heap stays as it is. */

import { fuzzFrames } from './frames.ts'
import { VARIANTS } from './variants.ts'

/** Frames at one appliance. */
const EPISODE = 1_000_000
/** Bytes that the heap may grow by, once every variant has run. */
const HEAP_GROWTH = 24 << 20
/** Every so many seeds each appliance has a twin. */
const TWINS_EVERY = 8

export function soakFrames(end: number, first: number, say: (line: string) => void): void {
  const began = performance.now()
  let total = 0
  let warm = 0
  for (let seed = first; performance.now() < end; seed++) {
    for (const variant of VARIANTS) {
      const left = end - performance.now()
      if (left <= 0) break
      const twins = seed % TWINS_EVERY === 0
      const result = fuzzFrames({ variant, seed, frames: EPISODE, twins, end })
      total += result.frames
      const heap = heapBytes()
      if (seed === first) warm = Math.max(warm, heap)
      else if (heap > warm + HEAP_GROWTH)
        throw new Error(`the heap has grown from ${warm} to ${heap} bytes`)
      const rate = Math.round(total / ((performance.now() - began) / 1000))
      say(
        `${total}, ${rate} a second; seed ${seed}, ${variant.name}: ${result.sent} left, ${result.signatures} ways, heap ${heap >> 20} MiB`,
      )
    }
  }
  say(`${total} frames, no fault`)
}

function heapBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

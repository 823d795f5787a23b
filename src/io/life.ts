/**
 * Whether the threads of another process live (native/life.c): each holds the lock of its slot in memory that both have, and the
 * kernel passes the lock of a thread that was killed on before it has taken the process apart, which takes tens of ms. All
 * calls are synchronous and wait for nobody. Wrong argument types throw TypeError, a slot that there is not RangeError.
 */

import { loadAddon } from './addon.ts'

declare const life: unique symbol
/** Of the thread that has it. */
export interface Life {
  readonly [life]: true
}

interface Addon {
  createLives(slots: number): number
  live(fd: number, slot: number): Life
  resign(life: Life): void
  handOver(life: Life): void
  watchLives(fd: number): number
}

const addon = loadAddon<Addon>()

/** Slot of the main thread. */
export const MAIN_SLOT = 0

/** => a descriptor of memory with `slots` (1 to 256), one for each thread of a process, close-on-exec, the caller's. Throws NativeError. */
export const createLives: Addon['createLives'] = addon.createLives

/**
 * The calling thread has the slot until it ends, in whatever way, or resigns. Throws NativeError: EBUSY if another has it, EINVAL
 * for other memory.
 */
export const live: Addon['live'] = addon.live

/** From the thread that has it, before it ends as it was meant to: whoever watches is not told. Throws NativeError. */
export const resign: Addon['resign'] = addon.resign

/**
 * The same from the main thread, and whoever watches is told as if it had died: it ends later, and touches nothing that others go on with.
 * Throws NativeError, RangeError for another slot.
 */
export const handOver: Addon['handOver'] = addon.handOver

/**
 * => a descriptor, the caller's, that can be read from (POLLIN) once the main thread has died without resigning, and no thread that
 * had a slot runs any more. A thread of the addon's waits for that; the kernel then takes apart what has died at the lowest priority, where this
 * user may ask for that. Throws NativeError.
 */
export const watchLives: Addon['watchLives'] = addon.watchLives

/** The io_uring of a packet thread, which all its ports use. */

import { BURST } from '../engine/frames.ts'
import { type NativeError, openRing, type Ring } from './native.ts'

/**
 * Frames of a burst from which io_uring pays: a submit costs about 0.5 us more than a read or a write. With one
 * connection (a frame a burst) going by the ring always took 10 % of the requests per second, from four on it adds.
 */
const RING_LEAST = 4

/** => an io_uring for the ports of this thread, or null when the machine allows none, which `warn` is told. */
export function ringIfAllowed(warn: (text: string) => void): Ring | null {
  try {
    return openRing(BURST, RING_LEAST)
  } catch (error) {
    const { code, message } = error as NativeError
    warn(`no io_uring (${code}: ${message}): each frame takes a system call`)
    return null
  }
}

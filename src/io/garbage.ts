/** Garbage of this thread, collected when nobody waits for it. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Collects all of it, and ends what has been begun of that, which would else go on between packets (V8 marks in steps, and beside with
 * threads of its own). A V8 that lets nobody ask for it does nothing.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('globalThis.gc')
  if (typeof collect === 'function') collect()
}

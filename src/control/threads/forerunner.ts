/** A packet thread that stands by: it has loaded all that it needs, and sleeps until the daemon before it has died. */

import { type MessagePort, parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { mapMemory } from '../../io/hold.ts'
import { drainWaker, POLLIN, wait } from '../../io/native.ts'
import { KEPT_JSON_BYTES, KeptJson } from '../keeper/kept-json.ts'
import type { Forerunner, ToWorker } from './protocol.ts'

/** Until getting ready was of use it does it again. */
const AGAIN_MS = 10_000
/** And from then on so often: what has been made ready has a clock, which has to hear of the time before half of int32 has passed. */
const LATER_MS = 12 * 3600 * 1000

/** A process that exits waits for its threads, and they hear of it between two sleeps. */
const LOOK_MS = 500

/** `getReady` says whether that was of use; it is to come back as soon as the daemon does not live any more. => false if it is not to follow: it was told to stop, or the config is another one now, which control finds out as well */
export function outlives(
  { died, config, generation }: Forerunner,
  port: MessagePort,
  waker: number,
  getReady: (lives: () => boolean) => boolean,
): boolean {
  const [end, ended] = [Int32Array.of(died), new Int32Array(1)]
  const lives = () => {
    wait(end, ended, 1, 0)
    return ended[0] === 0
  }
  let ready = getReady(lives)
  parentPort?.postMessage('stands')
  const kept = new KeptJson(mapMemory(config, 0, KEPT_JSON_BYTES))
  // Half of what a takeover took was the sum of that.
  if (kept.sequence !== generation) return false
  const fds = Int32Array.of(died, waker)
  const revents = new Int32Array(fds.length)
  const next = () => performance.now() + (ready ? LATER_MS : AGAIN_MS)
  let again = next()
  for (;;) {
    wait(fds, revents, fds.length, LOOK_MS)
    if (revents[0] === POLLIN) return kept.isStill(generation)
    if (revents[1] === 0) {
      if (performance.now() < again) continue
      ready = getReady(lives) || ready
      again = next()
      continue
    }
    drainWaker(waker)
    const message = receiveMessageOnPort(port)?.message as ToWorker | undefined
    if (message?.do === 'stop') return false
  }
}

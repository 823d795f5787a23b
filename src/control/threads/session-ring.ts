/** The ring of ended connections, from both sides: what control makes, and what a worker does with it. */

import { SessionRing, type Sessions } from '../../engine/sessions.ts'

/** Records of a worker's ring: half a second of connections at its best. */
const RECORDS = 16_384
/** How long a worker that stops waits for control to read of its connections; it is asked to be gone in two seconds. */
const STOP_LIMIT_MS = 1000

export function newSessionRing(): SharedArrayBuffer {
  return new SharedArrayBuffer(SessionRing.bytesFor(RECORDS))
}

export function sessionRing(memory: SharedArrayBuffer): SessionRing {
  return new SessionRing(memory, RECORDS)
}

/** The clock that all threads share, ms. */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** For the worker: tells the reader how far the engine's clock, which is `now` now, is behind the shared one. */
export function setSessionClock(ring: SessionRing, now: number): void {
  ring.clock = sharedClockMs() - now
}

/** Records of the connections that are left when a worker stops; what control does not read in time is counted as lost. */
export function tellTheLiving(sessions: Sessions, ring: SessionRing, now: number): void {
  const nobody = new Int32Array(new SharedArrayBuffer(4))
  const end = performance.now() + STOP_LIMIT_MS
  let conn = sessions.stop(0, now)
  while (conn >= 0 && performance.now() < end) {
    Atomics.wait(nobody, 0, 0, 1)
    conn = sessions.stop(conn, now)
  }
  if (conn >= 0) ring.countLost(sessions.left(conn))
}

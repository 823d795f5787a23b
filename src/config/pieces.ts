/** Long work of control, in pieces: others get their turn in between. A yield costs next to nothing, so there may be many. */

/** What is to be done, and what comes of it; each yield is a place to pause at. */
export type Pieces<T> = Generator<void, T>

const PIECE_MS = 5

/** Without a pause: before there is anybody to wait, or in a thread of its own. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next()
    if (done) return value
  }
}

/** Some milliseconds of it in each turn of the event loop. Rejects with what `work` throws. */
export async function inPieces<T>(work: Pieces<T>): Promise<T> {
  for (;;) {
    const end = performance.now() + PIECE_MS
    do {
      const { done, value } = work.next()
      if (done) return value
    } while (performance.now() < end)
    await new Promise(setImmediate)
  }
}

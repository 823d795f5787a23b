/** A journal of stands, written by the daemon's own code while a test drives them. */

import { Journals } from '../../src/control/journal/journals.ts'
import type { WorkerImage } from '../../src/control/threads/protocol.ts'
import { Want } from '../../src/engine/flight.ts'
import { FlightKind } from '../../src/engine/flight-records.ts'
import { toldWord } from '../../src/engine/neigh-word.ts'
import type { Hear } from '../../src/io/exchange.ts'
import type { Stand } from './stand.ts'

/** Turns the recorders of the stands on, one worker each, and writes down what `work` does with them. => the file */
export async function journaled(stands: readonly Stand[], work: () => void): Promise<Uint8Array> {
  for (const [worker, stand] of stands.entries())
    if (!stand.flight) stand.record(worker + 1, stands.length, undefined, Want.JOURNAL)
  let mark = 0
  const workers = {
    images: async () => stands.map(stand => markedImage(stand, ++mark)),
    check: async () => {},
  }
  const flights = stands.map(stand => stand.flight as NonNullable<Stand['flight']>)
  const [{ model }] = stands
  const journals = new Journals(workers, flights, { journal: () => () => {} }, () => model.config)
  const bytes = journals.record({ bytes: 2 ** 30 })
  const { value: begin } = await bytes.next()
  work()
  for (const stand of stands) {
    stand.watch?.noteCounters(stand.now | 0)
    stand.watch?.settle(stand.now)
  }
  journals.stop()
  const parts = [begin as Uint8Array]
  for await (const part of bytes) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

/** An image of the engine, and its place in a journal. */
function markedImage(stand: Stand, mark: number): WorkerImage {
  stand.watch?.note(FlightKind.IMAGE, stand.now | 0, Int32Array.of(mark))
  stand.watch?.settle(stand.now)
  return { mark, image: stand.image() }
}

/** What another worker has heard by ARP, as a loop takes it in. */
export function hear(
  stand: Pick<Stand, 'engine' | 'now' | 'watch'>,
  ...said: Parameters<Hear>
): void {
  const [link, address, macHi, macLo, solicited] = said
  const word = toldWord(stand.engine, link, address)
  const cells = Int32Array.of(link, word, macHi, macLo, solicited ? 1 : 0)
  stand.watch?.note(FlightKind.HEARD, stand.now | 0, cells)
  stand.engine.neighs.hear(link, word, macHi, macLo, solicited, stand.now | 0)
}

/** No connection is opened any more. */
export function stopOpening(stand: Stand): void {
  stand.watch?.note(FlightKind.STOPPING, stand.now | 0)
  stand.engine.opening.stopping = true
}

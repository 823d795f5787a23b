/** A journal of stands, written by the daemon's own code while a test drives them. */

import { Journals } from '../../src/control/journal/recorder.ts'
import { Want } from '../../src/engine/flight.ts'
import type { Stand } from './stand.ts'

/** Turns the recorders of the stands on, one worker each, and writes down what `work` does with them. => the file */
export async function journaled(stands: readonly Stand[], work: () => void): Promise<Uint8Array> {
  for (const [worker, stand] of stands.entries())
    stand.record(worker + 1, stands.length, undefined, Want.JOURNAL)
  let mark = 0
  const workers = {
    images: async () => stands.map(stand => stand.markedImage(++mark)),
    check: async () => {},
  }
  const flights = stands.map(stand => stand.flight as NonNullable<Stand['flight']>)
  const [{ model }] = stands
  const journals = new Journals(workers, flights, { journal: () => () => {} }, () => model.config)
  const bytes = journals.record({ bytes: 2 ** 30 })
  const { value: begin } = await bytes.next()
  work()
  for (const stand of stands) stand.noteCounters()
  journals.stop()
  const parts = [begin as Uint8Array]
  for await (const part of bytes) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

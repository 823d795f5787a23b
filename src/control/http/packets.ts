/** What the streams of packets have in common: queries, how many there may be, and how they wait for a slow reader. */

import type { ServerResponse } from 'node:http'
import { HttpError } from '../../api/errors.ts'
import { booleanText, text, wholeText } from '../../api/fields.ts'
import { FilterError, parseFilter } from '../../see/moments/filter.ts'
import type { Moment } from '../../see/moments/moment.ts'

/** Of what a reader has not taken; more is left out. */
export const UNREAD_BYTES_MAX = 4 << 20
/** Each of them has the recorder's moments made for itself. */
export const STREAMS_MAX = 8
/** Of these, the ones that read a copy of the recorders, which is as large as they are. */
export const COPIES_MAX = 4

/** `past` and `follow` have defaults of their own in each stream. */
export const packetQuery = (past: boolean, follow: boolean) => ({
  past: booleanText.default(past),
  follow: booleanText.default(follow),
  snaplen: wholeText(64, 65_535).exactOptional(),
  filter: text('words of a filter', 4096).exactOptional(),
})

/** Throws HttpError. */
export function filterOf(words: string | undefined): (moment: Moment) => boolean {
  try {
    return parseFilter(words ?? '')
  } catch (error) {
    if (error instanceof FilterError) throw new HttpError(400, error.message)
    throw error
  }
}

/** The streams of packets that are open, whatever their format. */
export class PacketStreams {
  /** What ends one, and whether it has a copy. */
  readonly #open = new Map<() => void, boolean>()

  /** One more, until its `response` is over. Throws HttpError if there are too many. */
  add(
    response: ServerResponse,
    { past, follow }: { past: boolean; follow: boolean },
    end: () => void,
  ): void {
    const copies = [...this.#open.values()].filter(Boolean).length
    const isCopy = past && !follow
    if (this.#open.size >= STREAMS_MAX)
      throw new HttpError(503, `more than ${STREAMS_MAX} streams of packets; close one`)
    if (isCopy && copies >= COPIES_MAX)
      throw new HttpError(503, `more than ${COPIES_MAX} readers of the past; try again later`)
    this.#open.set(end, isCopy)
    response.once('close', () => this.#open.delete(end))
  }

  end(): void {
    for (const end of this.#open.keys()) end()
  }
}

/**
 * Writes all batches, as fast as the reader takes what `write` gives it. => false if the answer has ended before, or the
 * reader is gone
 */
export async function writeAll(
  response: ServerResponse,
  batches: AsyncIterable<Moment[]> | Iterable<Moment[]>,
  write: (moments: Moment[]) => void,
): Promise<boolean> {
  for await (const moments of batches) {
    write(moments)
    if (response.writableNeedDrain) await drained(response)
    if (response.writableEnded || response.destroyed) return false
  }
  return true
}

/** The reader has taken what there was, or is gone. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise(done => {
    const end = () => {
      response.off('drain', end).off('close', end)
      done()
    }
    response.on('drain', end).on('close', end)
  })
}

/**
 * Connections that have ended, in memory and, if the config names one, in a file. It is told of them by the drain of the
 * session rings, and asked for those of a key and a time; it says as well what it does not know.
 */

import type { WhoisGap } from '../../api/commands.ts'
import type { ConfigHistory } from '../../config/log.ts'
import type { SessionConsumer } from '../sessions/drain.ts'
import type { SessionReading } from '../sessions/words.ts'
import { endedOf, type Found, type Search, whoisOf } from './ended.ts'
import { HistoryFile } from './file.ts'
import { EndedRing } from './ring.ts'

export class History implements SessionConsumer {
  /** A log that is behind keeps nobody from knowing. */
  readonly behind = false
  readonly #begunMs: number
  readonly #ring: EndedRing | null
  readonly #file: HistoryFile | null
  #lost = 0
  #lostMs = 0
  #closed: Promise<void> | undefined

  /** `complain` gets a line when the file goes wrong or right again. */
  constructor(
    { connections, file, keep, size }: ConfigHistory,
    begunMs: number,
    complain: (text: string) => void,
  ) {
    this.#begunMs = begunMs
    this.#ring = connections > 0 ? new EndedRing(connections) : null
    this.#file =
      file === null
        ? null
        : new HistoryFile({ path: file, begunMs, keepDays: keep, maxBytes: size }, complain)
  }

  take(reading: SessionReading, worker: number, wallOf: (ms: number) => number): void {
    // A flood of SYNs would push out all that were connections. What a client cannot have sent data by, nobody asks for; by UDP
    // it always has.
    if (!reading.stood) return
    const ended = endedOf(reading, worker, wallOf)
    this.#ring?.add(ended)
    this.#file?.add(ended)
  }

  lost(records: number): void {
    this.#lost += records
    this.#lostMs = Date.now()
    this.#file?.lost(records)
  }

  /**
   * Out of memory if that reaches back far enough, else out of the file; while the file is damaged, memory has to do. Rejects
   * in one line if there is none.
   */
  async find(search: Search): Promise<Found> {
    const { fromMs } = search
    const inFile = fromMs < this.#memoryMs ? await this.#inFile(search) : null
    if (inFile) return inFile
    return { conns: this.#remembered(search), gaps: this.#gaps(fromMs), since_ms: this.#memoryMs }
  }

  /** The last known holder of the key; rejects as `find` does. */
  async last({ key, rs }: Pick<Search, 'key' | 'rs'>): Promise<Found> {
    const [fromMs, toMs] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    const ever = { key, rs, fromMs, toMs, limit: 1 }
    const conns = this.#remembered(ever)
    const inFile = conns.length === 0 ? await this.#inFile(ever) : null
    return inFile ?? { conns, gaps: [], since_ms: this.#memoryMs }
  }

  close(): void {
    this.#closed = this.#file?.close()
  }

  /** After close(): resolves when the file is in order. */
  async closed(): Promise<void> {
    await this.#closed
  }

  /** ms since 1970 from which on memory knows all; Infinity if there is none. */
  get #memoryMs(): number {
    if (!this.#ring) return Number.POSITIVE_INFINITY
    return Math.max(this.#begunMs, this.#ring.forgottenMs + 1)
  }

  async #inFile(search: Search): Promise<Found | null> {
    if (!this.#file || !this.#ring) return this.#file?.find(search) ?? null
    // The log has said what is wrong with it.
    return this.#file.find(search).catch(() => null)
  }

  #remembered(search: Search): Found['conns'] {
    return (this.#ring?.find(search) ?? []).map(whoisOf)
  }

  #gaps(fromMs: number): WhoisGap[] {
    const gaps: WhoisGap[] = []
    const sinceMs = this.#memoryMs
    if (fromMs < sinceMs) gaps.push({ why: 'unknown', from_ms: null, to_ms: sinceMs, records: 0 })
    if (this.#lost > 0 && fromMs <= this.#lostMs) {
      gaps.push({ why: 'lost', from_ms: this.#begunMs, to_ms: this.#lostMs, records: this.#lost })
    }
    return gaps
  }
}

/** The session log: a line for each connection that has ended. */

import type { LogFileOptions } from '../../config/log.ts'
import { LogFile } from '../log/file.ts'
import { type Entry, jsonLine, textLine } from '../log/format.ts'
import type { Log } from '../log/log.ts'
import type { SessionConsumer } from './drain.ts'
import { type SessionReading, sessionText } from './words.ts'

export class SessionLog implements SessionConsumer {
  readonly #log: Log
  readonly #file: LogFile | null

  /** A path of `-` means the log itself. */
  constructor(options: LogFileOptions, log: Log) {
    this.#log = log
    this.#file =
      options.path === '-'
        ? null
        : new LogFile(options, text => log.of('log').warn(text, 'session_file'))
  }

  get behind(): boolean {
    return this.#file === null && this.#log.behind
  }

  take(reading: SessionReading, worker: number, wallOf: (ms: number) => number): void {
    const session = reading.session(wallOf)
    const entry: Entry = {
      level: 'info',
      module: 'session',
      event: 'conn_ended',
      worker,
      fields: session,
      text: sessionText(session, worker),
    }
    if (this.#file === null) {
      this.#log.put(entry)
      return
    }
    const time = new Date(wallOf(reading.ended))
    this.#file.write((this.#log.format === 'json' ? jsonLine : textLine)(entry, time))
  }

  /** The drain has said it. */
  lost(): void {}

  reopen(): void {
    this.#file?.reopen()
  }

  close(): void {
    this.#file?.close()
  }
}

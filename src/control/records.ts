/** Connections that have ended, for those who want to know of them: the session log and the history, as the config says. */

import type { Config } from '../config/config.ts'
import type { Log } from './log/log.ts'
import { SessionDrain } from './sessions/drain.ts'
import { SessionLog } from './sessions/log.ts'
import { History } from './whois/history.ts'

export class Records {
  readonly history: History | null
  readonly #sessions: SessionLog | null
  readonly #drain: SessionDrain

  readonly #isOn: boolean

  /** `rings` are what the workers write into, by worker; empty if nobody wants to know (wantsSessions). */
  constructor(
    { log: { sessions }, history }: Config,
    log: Log,
    rings: readonly SharedArrayBuffer[],
  ) {
    this.#sessions = sessions && new SessionLog(sessions, log)
    const complain = (text: string) => log.of('log').warn(text, 'history_file')
    const isOn = history.connections > 0 || history.file !== null
    this.history = isOn ? new History(history, Date.now(), complain) : null
    const consumers = [this.#sessions, this.history].filter(consumer => consumer !== null)
    this.#isOn = rings.length > 0
    this.#drain = new SessionDrain(rings, consumers, log)
  }

  start(): void {
    if (this.#isOn) this.#drain.start()
  }

  /** Everybody knows what has ended until now. */
  catchUp(): void {
    this.#drain.catchUp()
  }

  /** The files of the log were renamed. */
  reopen(): void {
    this.#sessions?.reopen()
  }

  /** Passes on the last records of workers that have ended. */
  async stop(): Promise<void> {
    this.#drain.stop()
    await this.history?.closed()
  }
}

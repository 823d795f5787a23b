/** What becomes of connections while lports or records run short, in a line when it begins and one now and then while it goes on. */

import { counted } from '../../see/text/counted.ts'
import type { ModuleLog } from './log.ts'

const PERIOD_MS = 1000
/** Seconds from one line to the next while it goes on. */
const PAUSE = 10

/** Drops, and why: what the line says of them. */
const REFUSED = {
  client_share: 'whose clients have their share',
  lport_exhausted: 'for want of an lport',
  conn_table_full: 'for want of a record',
} as const
type Refusal = keyof typeof REFUSED
const REFUSALS = Object.keys(REFUSED) as Refusal[]

type Counts = Readonly<Record<string, number>>

export class Shortage {
  readonly #counts: () => Counts
  readonly #log: ModuleLog
  #told: Counts
  /** Looks since the last line. */
  #since = PAUSE
  #timer: NodeJS.Timeout | undefined

  /** `counts`: drops and events by name. */
  constructor(counts: () => Counts, log: ModuleLog) {
    this.#counts = counts
    this.#log = log
    this.#told = counts()
  }

  start(): void {
    this.#timer = setInterval(() => this.look(), PERIOD_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** To be called once a second. */
  look(): void {
    this.#since = Math.min(PAUSE, this.#since + 1)
    if (this.#since < PAUSE) return
    const now = this.#counts()
    const before = this.#told
    const more = (name: string) => (now[name] ?? 0) - (before[name] ?? 0)
    const evicted = more('half_open_evicted')
    const refusals = REFUSALS.filter(name => more(name) > 0)
    this.#told = now
    if (evicted === 0 && refusals.length === 0) return
    const parts = refusals.map(name => `${more(name)} refused ${REFUSED[name]}`)
    if (evicted > 0)
      parts.unshift(`${counted(evicted, 'half-open connection')} made room for new ones`)
    const names = ['half_open_evicted', ...refusals]
    const fields = Object.fromEntries(names.map(name => [name, more(name)]))
    this.#log.warn(`TAPVS: lports or records are short: ${parts.join(', ')}`, 'shortage', fields)
    this.#since = 0
  }
}

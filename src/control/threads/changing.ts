/** Changes of the config on their way to the workers: what the kernel brings them is what they know how to take, before and after. */

import type { Change } from '../../config/changes.ts'
import type { Arms } from './arms.ts'
import { LeavingLips } from './leaving-lips.ts'
import type { Own } from './own.ts'
import type { Ways } from './ways.ts'

/** How often it is looked whether the connections of LIPs and RSs that leave are gone. */
const LOOK_MS = 1000

/** What may change where an address leads. */
const LEADING: ReadonlySet<Change['put']> = new Set(['route', 'no-route', 'address', 'no-address'])

type OfArms = Pick<Arms, 'steer' | 'readdress' | 'readdressMore' | 'takeWays'>
/** In all workers. Rejects if one could not. */
type Tell = (changes: readonly Change[]) => Promise<void>

export class Changing {
  readonly #leaving: LeavingLips
  readonly #ways: Ways
  readonly #arms: OfArms
  readonly #tell: Tell
  readonly #lookMs: number
  /** What is ours by the config. */
  #own: Own
  #timer: NodeJS.Timeout | undefined

  /** `isQuiet` says that no connection holds the place of a LIP; `ways` are those that workers have been told. */
  constructor(
    own: Own,
    { isQuiet, ways }: { isQuiet: (place: number) => boolean; ways: Ways },
    arms: OfArms,
    tell: Tell,
    lookMs = LOOK_MS,
  ) {
    this.#own = own
    this.#leaving = new LeavingLips(isQuiet)
    this.#ways = ways
    this.#arms = arms
    this.#tell = tell
    this.#lookMs = lookMs
  }

  /** `own` is what is ours then, if they change that. Rejects if a worker could not. */
  async change(changes: readonly Change[], own = this.#own): Promise<void> {
    this.#own = own
    const now = this.#leaving.sifted(changes)
    // What comes back to an RS's client, too.
    const isOther = this.#ways.note(changes)
    if (isOther) this.#steer()
    if (isOther || changes.some(({ put }) => LEADING.has(put))) this.#takeWays()
    if (this.#leaving.some || this.#ways.some)
      this.#timer ??= setInterval(() => this.#look(), this.#lookMs)
    await this.#carryOut(now, changes)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** `of` are those that they come of. */
  async #carryOut(changes: readonly Change[], of = changes): Promise<void> {
    const arms = this.#arms
    const has = (...puts: Change['put'][]) => of.some(({ put }) => puts.includes(put))
    // Before a LIP is used, what comes back to it must find its way to the worker.
    if (has('lip', 'no-lip')) this.#steer()
    // And an address is the host's again when nobody has it any more.
    if (has('address')) arms.readdressMore(this.#own.addresses)
    await this.#tell(changes)
    if (has('no-address')) arms.readdress(this.#leaving.with(this.#own).addresses)
  }

  #steer(): void {
    this.#arms.steer(this.#leaving.with(this.#own).lips, this.#ways.all)
  }

  #takeWays(): void {
    this.#arms.takeWays(this.#own.arms, this.#ways.all)
  }

  /** Takes the addresses away of LIPs whose last connection is gone. */
  #look(): void {
    const due = this.#leaving.due()
    const fewer = this.#ways.forget()
    if (!this.#leaving.some && !this.#ways.some) this.stop()
    if (due.length > 0 || fewer) this.#steer()
    if (fewer) this.#takeWays()
    if (due.length === 0) return
    // A thread that does not answer is started again with what it was to be told.
    this.#carryOut(due).catch(() => {})
  }
}

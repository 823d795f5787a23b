/**
 * The daemon's side of its keeper (keeper.ts): descriptors are given there to be held, under a name and with what a successor
 * has to know of them, and a daemon that follows another one takes back what that had given. Without a keeper nothing is held.
 *
 * Messages are JSON, each with its descriptors. To the keeper:
 *
 *   { hold, about }, { drop }     descriptors, by name
 *   { stands }                    of a standby: its packet threads go on by themselves when those before them have ended
 *   { standing, version }         of a standby: it has loaded everything
 *   { ready }                     it is the daemon, with everything
 *   { notify }                    words for the service manager
 *   { ask, upgrade }              how an upgrade goes; with `upgrade` one is to begin. The answer has the number of `ask`
 *   { quiet }                     it has let go of packets and state
 *
 * From it `{ hold, about }` for each that is held, to a standby also `{ hold, about }` and `{ drop }` when its forerunner has given something
 * else to be held, and `{ begin, afresh, stored }`: be the daemon now. Then `{ hush }`, another one is to follow, and `{ answer, ok }` or
 * `{ answer, error }`. It rings when it has said something.
 */

import { Refused } from '../../api/refused.ts'
import type { UpgradeBody, UpgradeInfo } from '../../api/upgrade.ts'

/** Descriptors of a daemon that a keeper has started: of the messages, and of the stream that rings when there is one. */
export const MESSAGES_FD = 3
export const BELL_FD = 4
/** Tells a daemon that it has them; as STANDBY, that it is to make itself ready and wait. */
export const KEPT = 'TAPVS_KEPT'
export const STANDBY = 'standby'
/** What the name of a piece of state begins with: a daemon may be started without what is held under such names. */
export const STATE = 'state '
/** As what is held the config that runs (model/kept-config.ts), what packet threads of it start with (threads/start-image.ts), and whether its daemon lives (io/life.ts). */
export const CONFIG = 'config'
export const START = `${STATE}start`
export const LIVES = 'lives'

export interface Held {
  fds: readonly number[]
  /** Any JSON. */
  about: unknown
}

/** hush: another daemon is to follow at once. gone: the keeper has ended, and nobody knows who follows, and when. */
export type Leave = 'hush' | 'gone'

export interface Keeping {
  /** Whether there is a keeper that starts another daemon after this one. */
  readonly kept: boolean
  /** Whether a service manager stores what is held, so that connections go on after an end of everything. */
  readonly stored: boolean
  /** Whether the file is to be begun with, although there is what ran: somebody has stopped and started it. */
  readonly afresh: boolean
  /** Resolves when this daemon is to let go at once; connections go on. */
  readonly leave: Promise<Leave>
  /** Whether a forerunner has given something under this name that nobody has taken yet. */
  has(name: string): boolean
  /** The same, and it stays to be taken: the descriptors are nobody's. */
  look(name: string): Held | undefined
  /** What a forerunner has given under this name, once; the descriptors are the caller's. */
  take(name: string): Held | undefined
  /** Has copies of these held, in place of what was held under the name before. */
  hold(name: string, held: Held): void
  /** Nothing is held under the name any more. */
  drop(name: string): void
  /** Names that a forerunner has given, and that nobody has taken yet, are dropped: this daemon has what it needs. */
  ready(): void
  /** Nothing of this daemon touches packets or state any more: the next one may begin. */
  quiet(): void
  /** How an upgrade goes; with `upgrade`, one begins. Rejects with Refused. */
  ask(upgrade?: UpgradeBody): Promise<UpgradeInfo>
  /** Words for the service manager, which hears the keeper alone. */
  notify(text: string): void
}

export const NO_KEEPER: Keeping = {
  kept: false,
  stored: false,
  afresh: false,
  leave: new Promise(() => {}),
  has: () => false,
  look: () => undefined,
  take: () => undefined,
  hold: () => {},
  drop: () => {},
  ready: () => {},
  quiet: () => {},
  ask: () => {
    const text = 'this daemon has no keeper (tapvs run --no-keeper), which an upgrade takes'
    return Promise.reject(new Refused('invalid', text))
  },
  notify: () => {},
}

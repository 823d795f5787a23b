/** What a keeper begins with: what the one before it in this process has left, what the service manager has stored, or nothing. */

import { Holdings } from './holdings.ts'
import type { Left } from './renew.ts'
import { passedFds, restored, Store } from './store.ts'

export interface Beginning {
  holdings: Holdings
  /** A stop that was wanted came before, so the config file counts. */
  afresh: boolean
  /** Why what was stored is of no use, in words. */
  problem?: string | undefined
}

/** Takes what a service manager has said out of `environment`. `manager` is its socket, '' for none. */
export function beginning(
  environment: NodeJS.ProcessEnv,
  manager: string,
  left: Left | undefined,
): Beginning {
  const passed = passedFds(environment, process.pid)
  if (left) {
    const store = left.index === null ? null : new Store(manager, left.index)
    const holdings = new Holdings(new Map(left.held), store)
    store?.note(holdings.all)
    return { holdings, afresh: false }
  }
  if (!manager) return { holdings: new Holdings(), afresh: false }
  const { store, held, stopped, problem } = restored(passed, manager)
  return { holdings: new Holdings(held, store), afresh: stopped, problem }
}

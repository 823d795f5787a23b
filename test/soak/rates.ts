/** How much of everything. On two cores half a machine is free beside it, with RSs and clients on the same one. */

import type { Plan } from './clients/plan.ts'

export const RATES = { bulk: { mib: 64, pauseMs: 5000 }, pauseMs: 20_000 }

/** A second each, of the long form; `share` of them. */
export const ratesOf = (share: number): Plan['rates'] => ({
  redis: 400 * share,
  http: 200 * share,
  new: 1000 * share,
  dns: 100 * share,
})

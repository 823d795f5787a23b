/** How long the lports of a LIP will last. */

import type { NumbersInfo } from '../../api/commands.ts'
import { SUB_POOLS } from '../../engine/sa-pool.ts'
import { hostText } from '../../wire/ip-address.ts'
import { subPoolOfRs } from '../words/ends.ts'

export interface LipRow {
  lip: string
  arm: string
  used: number
  /** Of the pools that the RSs draw from; the others are of no use to them. */
  room: number
  misses: number
  missesPerSecond: number
  /** Seconds until `room` is gone if `used` goes on growing as it does; null if it does not grow. */
  exhaustedInSec: number | null
}

/** `before` is a sample of some seconds ago. */
export function lipRows(now: NumbersInfo, before: NumbersInfo): LipRow[] {
  const seconds = (now.at_ms - before.at_ms) / 1000
  const earlier = new Map(before.addresses.map(address => [address.address, address.lports]))
  const pools = poolsInUse(now)
  return now.addresses.flatMap(({ address, arm, lports }) => {
    if (!lports) return []
    const { used, free, misses } = lports
    const was = earlier.get(address) ?? lports
    const room = Math.max(0, Math.floor(((used + free) * pools) / SUB_POOLS) - used)
    const growth = seconds > 0 ? (used - was.used) / seconds : 0
    return [
      {
        lip: address,
        arm,
        used,
        room,
        misses,
        missesPerSecond: seconds > 0 ? Math.max(0, misses - was.misses) / seconds : 0,
        exhaustedInSec: growth > 0 ? room / growth : null,
      },
    ]
  })
}

/** An RS draws from one of the 16 pools that each LIP has. */
function poolsInUse({ services }: NumbersInfo): number {
  const rss = services.flatMap(({ real_servers: realServers }) =>
    realServers.map(({ address, port }) => `${hostText(address)}:${port}`),
  )
  // Of those of IPv6 nobody knows which pool it is: each may have its own.
  const pools = new Set(rss.map(rs => subPoolOfRs(rs) ?? rs))
  return Math.min(pools.size, SUB_POOLS)
}

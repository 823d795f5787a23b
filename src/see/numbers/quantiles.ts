/** Quantiles of a histogram, as Prometheus's histogram_quantile takes them: straight lines inside of a bucket. */

import type { HandshakeInfo } from '../../api/commands.ts'
import { HANDSHAKE_BOUNDS } from '../../engine/handshake-cells.ts'

/** ms. Above the last bound there is only the bound to say. */
export interface Quantiles {
  count: number
  p50: number
  p95: number
  p99: number
}

/** => null of nothing */
export function quantiles({ buckets }: HandshakeInfo): Quantiles | null {
  const count = buckets.reduce((sum, own) => sum + own, 0)
  if (count === 0) return null
  const at = (part: number) => quantile(buckets, count * part)
  return { count, p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}

function quantile(buckets: readonly number[], rank: number): number {
  let below = 0
  let lower = 0
  for (const [i, upper] of HANDSHAKE_BOUNDS.entries()) {
    const own = buckets[i] ?? 0
    if (own > 0 && below + own >= rank) return lower + ((upper - lower) * (rank - below)) / own
    below += own
    lower = upper
  }
  return lower
}

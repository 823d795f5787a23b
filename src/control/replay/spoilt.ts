import { Drop } from '../../engine/counters.ts'

/** Verdicts on frames whose checksum was wrong, over bytes that are not recorded. */
export const SPOILT: ReadonlySet<number> = new Set([
  Drop.ICMP_CHECKSUM,
  Drop.TCP_CHECKSUM,
  Drop.UDP_CHECKSUM,
])

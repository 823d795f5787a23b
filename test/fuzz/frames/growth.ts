/** How far what leaves may reach into the room in front of what came. */

/** The most that a frame grows towards the headroom: IP and ICMP, in front of one that had grown by TOA, and a tag. */
const GROWTH = 28 + 8 + 4
/** A header of PROXY v1 with two addresses of IPv6, and a tag. */
const GROWTH_PROXY = 104 + 4
/** Of IPv6, whose errors stand in front of what came. */
const GROWTH6 = 48 + 4

/** Bytes, in an appliance of this config. */
export function growthOf(config: string): number {
  if (config.includes('proxy_protocol')) return GROWTH_PROXY
  return config.includes('2001:') ? GROWTH6 : GROWTH
}

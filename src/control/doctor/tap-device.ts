/** What is there where a TAP is to be. */

import type { ConfigArm } from '../../config/arms.ts'
import { ipIn } from '../network/netns.ts'
import { holdersOf, holderWords, tunInfo } from '../network/tun-info.ts'
import { type Finding, fail, ok } from './finding.ts'
import type { Link } from './links.ts'

export const where = (netns: string | null) => (netns === null ? '' : ` in ${netns}`)

/** `link` is what has the arm's name there, `daemon` the pid of a daemon that runs with this config, if one does. */
export function tapDevice(
  { name, netns }: ConfigArm,
  link: Link | undefined,
  daemon: number | undefined,
): Finding {
  const check = `TAP ${name}`
  const switchOn = `${ipIn(netns)} link set ${name} up`
  if (!link) return ok(check, `will be made${where(netns)}; switch it on then: ${switchOn}`)
  const remove = `${ipIn(netns)} link del ${name}`
  const tun = tunInfo(link.info)
  if (!tun.isTap)
    return fail(check, `a device of that name is there${where(netns)} and is no TAP`, remove)
  if (!tun.multiQueue) {
    const mend = `${remove}; ${ipIn(netns)} tuntap add dev ${name} mode tap multi_queue`
    return fail(check, `was made without multi_queue${where(netns)}`, mend)
  }
  const holders = tun.queues === 0 ? [] : holdersOf(name, netns)
  const ours = holders.find(({ pid }) => pid === daemon)
  // The kernel would let both have it, and deal the packets out between them.
  if (tun.queues > 0 && !ours) {
    const text = `is in use${where(netns)}: ${holderWords(holders)}`
    return fail(check, text, 'stop that, or rename the arm')
  }
  if (!link.up) return fail(check, `is down${where(netns)}: it carries nothing`, switchOn)
  if (!ours) return ok(check, `is there${where(netns)}, and free`)
  if (link.running) return ok(check, `is held by the running daemon, pid ${ours.pid}`)
  const mend = `${ipIn(netns)} link set ${name} carrier on`
  return fail(check, `has no carrier${where(netns)}: it carries nothing`, mend)
}

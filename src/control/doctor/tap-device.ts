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
  const tun = tunInfo(link.info)
  // It may be how the host is reached: nothing here may ask for its end.
  if (!tun.isTap)
    return fail(
      check,
      `a device of that name is there${where(netns)} and is no TAP`,
      'add kind: nic to the arm, or rename the arm',
    )
  // Of one without multi_queue the kernel does not say whether it is held.
  const holders = tun.multiQueue && tun.queues === 0 ? [] : holdersOf(name, netns)
  const ours = holders.find(({ pid }) => pid === daemon)
  // The kernel would let both have it, and deal the packets out between them.
  if (!ours && (tun.multiQueue ? tun.queues : holders.length) > 0) {
    const text = `is in use${where(netns)}: ${holderWords(holders)}`
    return fail(check, text, 'stop that, or rename the arm')
  }
  if (!tun.multiQueue) {
    const mend = `${ipIn(netns)} link del ${name}; ${ipIn(netns)} tuntap add dev ${name} mode tap multi_queue`
    return fail(check, `was made without multi_queue${where(netns)}`, mend)
  }
  if (!link.up) return fail(check, `is down${where(netns)}: it carries nothing`, switchOn)
  if (!ours) return ok(check, `is there${where(netns)}, and free`)
  if (link.running) return ok(check, `is held by the running daemon, pid ${ours.pid}`)
  const mend = `${ipIn(netns)} link set ${name} carrier on`
  return fail(check, `has no carrier${where(netns)}: it carries nothing`, mend)
}

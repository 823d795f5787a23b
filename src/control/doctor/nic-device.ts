/** What is there where a NIC is to be an arm. */

import { type ConfigArm, deviceOf } from '../../config/arms.ts'
import type { NativeError } from '../../io/native.ts'
import { ipIn, netnsPath } from '../network/netns.ts'
import { factsOf, problemOf, tapBehind } from '../network/nic.ts'
import { nicRemarks } from '../network/nic-remarks.ts'
import { holdersOf, holderWords, linkIn } from '../network/tun-info.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import type { Link } from './links.ts'
import { where } from './tap-device.ts'

/** `link` is what has the arm's name there, `daemon` the pid of a daemon that runs with this config, if one does. */
export function nicDevice(
  arm: ConfigArm,
  link: Link | undefined,
  daemon: number | undefined,
): Finding[] {
  const { name, netns } = arm
  const check = `nic ${name}`
  const here = where(netns)
  try {
    const facts = factsOf(arm)
    if (!link || !facts)
      return [fail(check, `is not there${here}`, `${ipIn(netns)} link shows what is`)]
    if (linkIn(netnsPath(netns), name)?.tun.isTap)
      return [fail(check, `is a TAP${here}`, 'leave kind: nic out, or name a NIC')]
    const problem = problemOf(arm, facts)
    if (problem) return [fail(check, problem.text, problem.mend)]
    const { finding, isOurs } = tapFinding(arm, tapBehind(facts.index), daemon)
    if (finding) return [finding]
    const remarks = nicRemarks(arm, facts, isOurs ? 1 : 0)
    return [
      stateFinding(arm, link, isOurs ? daemon : undefined),
      ...remarks.map(({ text, mend }) => warn(check, `${text}${here}`, mend)),
    ]
  } catch (error) {
    return [warn(check, (error as NativeError).message, 'run the doctor as root')]
  }
}

/** What an arm that shares the NIC of another asks of it, if it cannot be had; nothing if the NIC itself is not as it should be. */
export function sharedNic(arms: readonly ConfigArm[], arm: ConfigArm): Finding[] {
  const owner = arms[deviceOf(arms, arms.indexOf(arm))] as ConfigArm
  try {
    const facts = factsOf(owner)
    if (!facts || problemOf(owner, facts)) return []
    const problem = problemOf(arm, facts, owner)
    return problem ? [fail(`nic ${owner.name}`, problem.text, problem.mend)] : []
  } catch {
    return []
  }
}

/** The TAP that is to be behind it. */
function tapFinding({ name, netns }: ConfigArm, tap: string, daemon: number | undefined) {
  const check = `nic ${name}`
  const link = linkIn(netnsPath(netns), tap)
  if (!link) return { isOurs: false }
  if (!link.tun.isTap) {
    const text = `a device ${tap} is there${where(netns)}, the name of the TAP behind it`
    const mend = `${ipIn(netns)} link set ${tap} name other0`
    return { finding: fail(check, text, mend), isOurs: false }
  }
  const holders = link.tun.queues === 0 ? [] : holdersOf(tap, netns)
  const isOurs = holders.some(({ pid }) => pid === daemon)
  if (link.tun.queues === 0 || isOurs) return { isOurs }
  const text = `is in use${where(netns)}: ${tap} behind it ${holderWords(holders)}`
  return { finding: fail(check, text, 'stop that, or take another nic'), isOurs }
}

function stateFinding(
  { name, netns }: ConfigArm,
  { up, running }: Link,
  daemon: number | undefined,
): Finding {
  const check = `nic ${name}`
  const here = where(netns)
  if (!up)
    return fail(check, `is down${here}: it carries nothing`, `${ipIn(netns)} link set ${name} up`)
  if (!running) return warn(check, `has no carrier${here}: it carries nothing`, 'plug it in')
  if (daemon === undefined) return ok(check, `is there${here}, and free`)
  return ok(check, `is an arm of the running daemon, pid ${daemon}`)
}

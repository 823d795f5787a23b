/** What is there where a NIC is to be an arm. */

import type { ConfigArm } from '../../config/arms.ts'
import { ipIn } from '../network/netns.ts'
import { type Finding, fail, ok } from './finding.ts'
import type { Link } from './links.ts'
import { where } from './tap-device.ts'

/** `link` is what has the arm's name there. */
export function nicDevice({ name, netns }: ConfigArm, link: Link | undefined): Finding {
  const check = `nic ${name}`
  if (!link) return fail(check, `is not there${where(netns)}`, `${ipIn(netns)} link shows what is`)
  if (!link.up)
    return fail(
      check,
      `is down${where(netns)}: it carries nothing`,
      `${ipIn(netns)} link set ${name} up`,
    )
  return ok(check, `is there${where(netns)}, and up`)
}

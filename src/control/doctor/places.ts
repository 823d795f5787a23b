/** Where the arms are to be: their namespaces, devices of their names, and addresses that the kernel has too. */

import type { Config, ConfigArm } from '../../config/config.ts'
import type { NativeError } from '../../io/native.ts'
import { ipIn, netnsPath } from '../network/netns.ts'
import { holdersOf, holderWords } from '../network/tun-info.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { lookInto, type Seen } from './links.ts'

/** `daemon` is the pid of a daemon that runs with this config, if one does. */
export async function places({ arms }: Config, daemon: number | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const netns of new Set(arms.map(arm => arm.netns))) {
    const seen = await look(netns, findings)
    if (!seen) continue
    for (const arm of arms.filter(other => other.netns === netns)) {
      findings.push(device(arm, seen, daemon), ...addresses(arm, seen))
    }
  }
  return findings
}

const where = (netns: string | null) => (netns === null ? '' : ` in ${netns}`)

async function look(netns: string | null, findings: Finding[]): Promise<Seen | undefined> {
  const check = `namespace ${netns ?? '(own)'}`
  try {
    const seen = await lookInto(netnsPath(netns))
    if (netns !== null) findings.push(ok(check, 'is there'))
    return seen
  } catch (error) {
    const { code, message } = error as NativeError
    if (code === 'ENOENT') findings.push(fail(check, 'is not there', `ip netns add ${netns}`))
    else if (code === 'EINVAL') {
      const mend = `ip netns del ${netns}; ip netns add ${netns}`
      findings.push(fail(check, `/run/netns/${netns} is no namespace`, mend))
    } else if (code === 'EPERM')
      findings.push(
        warn(check, 'not looked into: it takes CAP_SYS_ADMIN', 'run the doctor as root'),
      )
    else findings.push(warn(check, `not looked into: ${message}`, 'run the doctor as root'))
    return undefined
  }
}

function device({ name, netns }: ConfigArm, { links }: Seen, daemon: number | undefined): Finding {
  const check = `TAP ${name}`
  const link = links.get(name)
  const switchOn = `${ipIn(netns)} link set ${name} up`
  if (!link) return ok(check, `will be made${where(netns)}; switch it on then: ${switchOn}`)
  const remove = `${ipIn(netns)} link del ${name}`
  if (!link.isTap)
    return fail(check, `a device of that name is there${where(netns)} and is no TAP`, remove)
  if (!link.multiQueue) {
    const mend = `${remove}; ${ipIn(netns)} tuntap add dev ${name} mode tap multi_queue`
    return fail(check, `was made without multi_queue${where(netns)}`, mend)
  }
  const holders = link.queues === 0 ? [] : holdersOf(name, netns)
  const ours = holders.find(({ pid }) => pid === daemon)
  // The kernel would let both have it, and deal the packets out between them.
  if (link.queues > 0 && !ours) {
    const text = `is in use${where(netns)}: ${holderWords(holders)}`
    return fail(check, text, 'stop that, or rename the arm')
  }
  if (!link.up) return fail(check, `is down${where(netns)}: it carries nothing`, switchOn)
  if (!ours) return ok(check, `is there${where(netns)}, and free`)
  if (link.running) return ok(check, `is held by the running daemon, pid ${ours.pid}`)
  const mend = `${ipIn(netns)} link set ${name} carrier on`
  return fail(check, `has no carrier${where(netns)}: it carries nothing`, mend)
}

function addresses(arm: ConfigArm, { addresses: taken }: Seen): Finding[] {
  const own = [...arm.addresses.map(({ address }) => address), ...arm.localAddresses]
  const clashes = own.filter(address => taken.has(address))
  if (clashes.length === 0) return [ok(`addresses of ${arm.name}`, "are not the kernel's as well")]
  return clashes.map(address => {
    const device = taken.get(address)
    const text = `${device}${where(arm.netns)} has it too, so the kernel keeps its packets`
    return fail(`address ${address}`, text, `${ipIn(arm.netns)} addr del ${address} dev ${device}`)
  })
}

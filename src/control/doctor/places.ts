/** Where the arms are to be: their namespaces, devices of their names, and addresses that the kernel has too. */

import type { ArmKindName, ConfigArm } from '../../config/arms.ts'
import type { Config } from '../../config/config.ts'
import type { NativeError } from '../../io/native.ts'
import { onlyOne } from '../network/host-addresses.ts'
import { netnsPath } from '../network/netns.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { type Held, lookInto, type Seen } from './links.ts'
import { nicDevice, sharedNic } from './nic-device.ts'
import { tapDevice, where } from './tap-device.ts'

/** `daemon` is the pid of a daemon that runs with this config, if one does. */
export async function places({ arms }: Config, daemon: number | undefined): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const netns of new Set(arms.map(arm => arm.netns))) {
    const seen = await look(netns, findings)
    if (!seen) continue
    for (const arm of arms.filter(other => other.netns === netns)) {
      if (!arm.vlan) findings.push(...DEVICE[arm.kind](arm, seen.links.get(arm.name), daemon))
      else if (arm.kind === 'nic') findings.push(...sharedNic(arms, arm))
      findings.push(...addresses(arm, seen))
    }
  }
  return findings
}

/** What is there in an arm's place, by the kind that it is to be. */
const DEVICE: Record<ArmKindName, typeof nicDevice> = {
  tap: (...of) => [tapDevice(...of)],
  nic: nicDevice,
}

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

function addresses(arm: ConfigArm, { addresses: taken }: Seen): Finding[] {
  const own = [...arm.addresses.map(({ address }) => address), ...arm.localAddresses]
  const clashes = own.filter(address => taken.has(address))
  if (clashes.length === 0) return [ok(`addresses of ${arm.name}`, "are not the kernel's as well")]
  return clashes.map(address => {
    const { device, first } = taken.get(address) as Held
    const check = `address ${address}`
    const mend = onlyOne(address, device, arm.netns)
    const too = `${device}${where(arm.netns)} has it too`
    if (arm.kind !== 'nic') return fail(check, `${too}, so the kernel keeps its packets`, mend)
    // A VIP that came here from the host is one more address of a device. The first is that by which one logs in.
    if (first) return fail(check, `${too}, as its first: the host is cut off from it`, mend)
    return warn(check, `${too}: it works, and nobody reaches the host by it`, mend)
  })
}

/** Where the arms are to be: their namespaces, devices of their names, and addresses that the kernel has too. */

import type { NativeError } from '../../io/native.ts'
import type { Config, ConfigArm } from '../config.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { type Holder, holdersOf, lookInto, type Seen } from './links.ts'

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
/** Words for a command that has to be run in the namespace. */
const ip = (netns: string | null) => (netns === null ? 'ip' : `ip -n ${netns}`)

async function look(netns: string | null, findings: Finding[]): Promise<Seen | undefined> {
  const check = `namespace ${netns ?? '(own)'}`
  try {
    const seen = await lookInto(netns === null ? '' : `/run/netns/${netns}`)
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
  if (!link) return ok(check, `will be made${where(netns)}`)
  const remove = `${ip(netns)} link del ${name}`
  if (!link.isTap)
    return fail(check, `a device of that name is there${where(netns)} and is no TAP`, remove)
  if (!link.multiQueue) {
    const mend = `${remove}; ${ip(netns)} tuntap add dev ${name} mode tap multi_queue`
    return fail(check, `was made without multi_queue${where(netns)}`, mend)
  }
  if (link.queues === 0) return ok(check, `is there${where(netns)}, and free`)
  const holders = holdersOf(name)
  const ours = holders.find(({ pid }) => pid === daemon)
  if (ours) return ok(check, `is held by the running daemon, pid ${ours.pid}`)
  // The kernel would let both have it, and deal the packets out between them.
  return fail(check, `is in use${where(netns)}: ${names(holders)}`, 'stop that, or rename the arm')
}

/** A name may be that of TAPs in several namespaces, and so have several candidates. */
function names(holders: Holder[]): string {
  if (holders.length === 0) return 'by a process that this user cannot see'
  return `by ${holders.map(({ pid, program }) => `${program} (pid ${pid})`).join(' or ')}`
}

function addresses(arm: ConfigArm, { addresses: taken }: Seen): Finding[] {
  const own = [...arm.addresses.map(({ address }) => address), ...arm.localAddresses]
  const clashes = own.filter(address => taken.has(address))
  if (clashes.length === 0) return [ok(`addresses of ${arm.name}`, "are not the kernel's as well")]
  return clashes.map(address => {
    const device = taken.get(address)
    const text = `${device}${where(arm.netns)} has it too, so the kernel keeps its packets`
    return fail(`address ${address}`, text, `${ip(arm.netns)} addr del ${address} dev ${device}`)
  })
}

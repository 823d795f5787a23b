/** What this process may do. The daemon may do the same if it is started in the same way. */

import { readFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Bits of capabilities(7). */
const NET_ADMIN = 12n
const SYS_ADMIN = 21n
const BPF = 39n

const START = 'start it as root, or as systemd/tapvs.service does'

/** `status` is what /proc/self/status says. Without a config everything that a config can ask for is wanted. */
export function rights(
  config: Config | undefined,
  status = readFileSync('/proc/self/status', 'utf8'),
  bpfRestricted = sysctl('kernel.unprivileged_bpf_disabled') !== '0',
): Finding[] {
  const effective = BigInt(`0x${/^CapEff:\t(\w+)$/m.exec(status)?.[1] ?? 0}`)
  const has = (bit: bigint) => ((effective >> bit) & 1n) === 1n
  const netns = config?.arms.find(arm => arm.netns !== null)
  const findings = [
    has(NET_ADMIN)
      ? ok('CAP_NET_ADMIN', 'to make and attach TAPs')
      : fail('CAP_NET_ADMIN', 'missing; TAPs cannot be made or attached', START),
  ]
  if (has(SYS_ADMIN)) findings.push(ok('CAP_SYS_ADMIN', 'to open TAPs in other namespaces'))
  else if (netns)
    findings.push(
      fail('CAP_SYS_ADMIN', `missing; arm ${netns.name} is in namespace ${netns.netns}`, START),
    )
  else if (config?.services.some(({ check }) => check.type !== 'none'))
    findings.push(
      fail('CAP_SYS_ADMIN', 'missing; real servers are checked in a namespace of its own', START),
    )
  else if (config) findings.push(ok('CAP_SYS_ADMIN', 'missing, and nothing takes a netns'))
  else findings.push(warn('CAP_SYS_ADMIN', 'missing; arms with a netns cannot be opened', START))

  const hasNic = config?.arms.some(({ kind }) => kind === 'nic') === true
  const wantsBpf =
    !config || hasNic || (config.workers.count > 1 && config.workers.steering === 'bpf')
  if (has(BPF) || has(SYS_ADMIN))
    findings.push(ok('CAP_BPF', 'to load programs that steer, and those of NICs'))
  else if (hasNic) findings.push(fail('CAP_BPF', 'missing; NICs take programs', START))
  else if (!wantsBpf) findings.push(ok('CAP_BPF', 'missing, and nothing is to be steered'))
  else if (bpfRestricted)
    findings.push(
      warn('CAP_BPF', 'missing; workers will hand over instead of being steered to', START),
    )
  // Programs that steer are socket filters, which alone are for everybody then; a classifier never is.
  else if (config) findings.push(ok('CAP_BPF', 'missing, and everybody may load what steers'))
  else findings.push(warn('CAP_BPF', 'missing; arms of kind nic take it', START))
  return findings
}

/** => the value, '' if this kernel has no such key */
export function sysctl(key: string): string {
  try {
    return readFileSync(`/proc/sys/${key.replaceAll('.', '/')}`, 'utf8').trim()
  } catch {
    return ''
  }
}

/** Which addresses are ours, and by what the kernel deals out packets to the workers. */

import { Steering } from '../../engine/steering.ts'
import { steeringProgram } from '../../io/steering-bpf.ts'
import { ipAddress } from '../../wire/ip-address.ts'
import type { BareConfig } from './memory.ts'
import type { WaysOf } from './ways.ts'

/** What is ours of all arms, as text. */
export interface Own {
  lips: readonly string[]
  /** LIPs included. */
  addresses: readonly string[]
  /** With their routes. */
  arms: BareConfig['arms']
}

export function ownOf({ arms }: BareConfig): Own {
  const lips = arms.flatMap(arm => arm.localAddresses)
  const addresses = arms.flatMap(arm => arm.addresses.map(({ address }) => address))
  return { lips, addresses: [...addresses, ...lips], arms }
}

/** => what steers to these LIPs, and from these RSs of NAT as far as they fit in, or why nothing does */
export function programFor(
  { workers }: Pick<BareConfig, 'workers'>,
  lips: readonly string[],
  servers: WaysOf['servers'] = [],
): Uint8Array | string {
  if (workers.steering === 'handover') return 'workers.steering is handover'
  const known = servers.map(({ address, port }) => ({ address: ipAddress(address), port }))
  try {
    return steeringProgram(new Steering(workers.count), lips.map(ipAddress), known)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // What it does not know of is handed over.
    if (servers.length > 0) return programFor({ workers }, lips)
    return `${lips.length} LIPs are too many for one program`
  }
}

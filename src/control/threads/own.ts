/** Which addresses are ours, and by what the kernel deals out packets to the workers. */

import { Steering } from '../../engine/steering.ts'
import { steeringProgram } from '../../io/steering-bpf.ts'
import { ipAddress } from '../../wire/ip-address.ts'
import type { BareConfig } from './memory.ts'

/** What is ours of all arms, as text. */
export interface Own {
  lips: readonly string[]
  /** LIPs included. */
  addresses: readonly string[]
}

export function ownOf({ arms }: BareConfig): Own {
  const lips = arms.flatMap(arm => arm.localAddresses)
  const addresses = arms.flatMap(arm => arm.addresses.map(({ address }) => address))
  return { lips, addresses: [...addresses, ...lips] }
}

/** => what steers to these LIPs, or why nothing does */
export function programFor({ workers }: BareConfig, lips: readonly string[]): Uint8Array | string {
  if (workers.steering === 'handover') return 'workers.steering is handover'
  try {
    return steeringProgram(new Steering(workers.count), lips.map(ipAddress))
  } catch (error) {
    if (error instanceof RangeError) return `${lips.length} LIPs are too many for one program`
    throw error
  }
}

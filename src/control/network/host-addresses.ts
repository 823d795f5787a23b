/**
 * Addresses of ours that the kernel has too. A NIC brings them to us, and the host is not reached by them any more: that is
 * meant where a VIP came here from the host, and the end of ssh where it was the host's own.
 */

import { kernelAddresses } from '../../io/addresses.ts'
import { ipIn, netnsPath } from './netns.ts'
import { insideNetns } from './rtnetlink.ts'

/** The kernel's own, => the device, which may be down. Throws NativeError as enterNetns does. */
export function hostAddresses(netns: string | null): Map<string, string> {
  const found = insideNetns(netnsPath(netns), kernelAddresses)
  const held = new Map<string, string>()
  for (let i = 0; i < found.length; i += 2) held.set(found[i] as string, found[i + 1] as string)
  return held
}

/** How to end it, whoever it is to be of: only the user knows which. */
export function onlyOne(address: string, device: string, netns: string | null): string {
  const remove = `${ipIn(netns)} addr del ${address} dev ${device}`
  return `if it is the host's own, take it out of arms[], and if it is to be ours alone: ${remove}`
}

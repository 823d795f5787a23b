/** ARP requests that the appliance sends: for a next hop, and gratuitous ones for its own addresses. */

import { writeArpRequest } from '../wire/arp.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { type Frames, NO_SLOT } from './frames.ts'

const { BYTES: VNET_BYTES } = VNET

/** Puts a broadcast ARP request into the arm's outbox; false when the arena has no slot left. */
export function sendArp(frames: Frames, arm: Arm, sender: number, target: number): boolean {
  const slot = frames.take()
  if (slot === NO_SLOT) return false
  const start = frames.start[slot]
  clearVnetHdr(frames.pkt, start)
  const bytes = writeArpRequest(
    frames.pkt,
    start + VNET_BYTES,
    arm.macHi,
    arm.macLo,
    sender,
    target,
  )
  frames.length[slot] = VNET_BYTES + bytes
  arm.send(slot)
  return true
}

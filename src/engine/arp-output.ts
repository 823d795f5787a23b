/** ARP requests that the appliance sends: for a next hop, and gratuitous ones for its own addresses. */

import { writeArpRequest } from '../wire/arp.ts'
import { clearVnetHdr, VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { type Counters, Event } from './counters.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import type { Parts } from './parts.ts'
import type { Resolver } from './resolver.ts'

const { BYTES: VNET_BYTES } = VNET

export class ArpOutput implements Resolver {
  readonly #frames: Frames
  readonly #counters: Counters

  constructor({ frames, counters }: Pick<Parts, 'frames' | 'counters'>) {
    this.#frames = frames
    this.#counters = counters
  }

  ask(arm: Arm, address: number): void {
    if (this.#send(arm, arm.sourceFor(address), address))
      this.#counters.countOn(arm.index, Event.ARP_REQUESTS)
  }

  announce(arm: Arm, address: number): void {
    if (this.#send(arm, address, address)) this.#counters.countOn(arm.index, Event.ARP_GRATUITOUS)
  }

  /** Puts a broadcast request into the arm's outbox; false when the arena has no slot left. */
  #send(arm: Arm, sender: number, target: number): boolean {
    const frames = this.#frames
    const slot = frames.take()
    if (slot === NO_SLOT) return false
    const start = frames.start[slot]
    const eth = start + VNET_BYTES
    clearVnetHdr(frames.pkt, start)
    const bytes = writeArpRequest(frames.pkt, eth, arm.macHi, arm.macLo, sender, target)
    frames.length[slot] = VNET_BYTES + bytes
    arm.send(slot)
    return true
  }
}

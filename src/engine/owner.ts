/** Whose a packet is, of several workers. */

import { familyOfKey, KEY } from './conn-layout.ts'
import { clientOf, type Parsed } from './parsed.ts'
import type { Peers } from './peers.ts'
import type { Setup } from './setup.ts'

/** The worker that a packet without a connection belongs to; the own one if it belongs to nobody. */
export function ownerOf(p: Parsed, { steering, self }: Peers, setup: Setup): number {
  if (!setup.isLip(p.daddr, familyOfKey(p.key))) {
    // What goes to a LIP is of FullNAT, though the same RS may answer others by NAT.
    const isTo = setup.services.natServers.has(p.saddr) && p.key < KEY.IPV6
    if (isTo) return steering.clientWorker(p.daddr, p.ports & 0xffff)
    return steering.clientWorker(clientOf(p), p.ports >>> 16)
  }
  const owner = steering.lportWorker(p.ports & 0xffff)
  return owner < 0 ? self : owner
}

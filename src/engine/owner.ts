/** Whose a packet is, of several workers. */

import { ADDRESS6_BYTES, IPV6 } from '../wire/ipv6.ts'
import { familyOfKey } from './conn-layout.ts'
import { Family } from './family.ts'
import { clientOf, type Parsed } from './parsed.ts'
import type { Peers } from './peers.ts'
import type { Setup } from './setup.ts'

/** The worker that a packet without a connection belongs to; the own one if it belongs to nobody. `pkt` is what p speaks of. */
export function ownerOf(p: Parsed, { steering, self }: Peers, setup: Setup, pkt: DataView): number {
  const family = familyOfKey(p.key)
  if (!setup.isLip(p.daddr, family)) {
    const client = clientOf(p)
    // What goes to a LIP is of FullNAT, though the same RS may answer others by NAT.
    if (setup.services.natServers.answers(client, p.ports >>> 16, family))
      return steering.clientWorker(destinationOf(p, family, pkt), p.ports & 0xffff)
    return steering.clientWorker(client, p.ports >>> 16)
  }
  const owner = steering.lportWorker(p.ports & 0xffff)
  return owner < 0 ? self : owner
}

/** As clientOf, of the other end. What an error quotes went out from where the error goes to. */
function destinationOf({ ip, daddr }: Parsed, family: number, pkt: DataView): number {
  if (family === Family.IPV4) return daddr
  const at = ip + IPV6.DST
  let sum = pkt.getInt32(at)
  for (let i = 4; i < ADDRESS6_BYTES; i += 4) sum ^= pkt.getInt32(at + i)
  return sum
}

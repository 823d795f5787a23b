/** What an RS answers to the question for its MAC. */

import { ARP, ARP_OP } from '../wire/arp.ts'
import { ETH } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import { macOf } from './frames.ts'

const ARP_AT = VNET.BYTES + ETH.HEADER
const MAC = 6

/** `request` is a question of the balancer, from the virtio-net header on. */
export function arpAnswer(request: Uint8Array): Uint8Array {
  const answer = request.slice()
  const ours = macOf('rs')
    .split(':')
    .map(byte => Number.parseInt(byte, 16))
  const asker = request.slice(ARP_AT + ARP.SHA, ARP_AT + ARP.SHA + MAC + 4)
  answer.set(asker.subarray(0, MAC), VNET.BYTES + ETH.DST)
  answer.set(ours, VNET.BYTES + ETH.SRC)
  answer[ARP_AT + ARP.OP + 1] = ARP_OP.REPLY
  answer.set(ours, ARP_AT + ARP.SHA)
  answer.copyWithin(ARP_AT + ARP.SPA, ARP_AT + ARP.TPA, ARP_AT + ARP.TPA + 4)
  answer.set(asker, ARP_AT + ARP.THA)
  return answer
}

/** Questions for MACs, and what hosts answer. */

import { ipv4Text } from '../wire/address.ts'
import { ARP, ARP_OP, turnIntoReply } from '../wire/arp.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import { MAC_HIGH, MACS } from './frames.ts'

const ARP_AT = VNET.BYTES + ETH.HEADER

/** Whose MAC is asked for, by a frame from the virtio-net header on; undefined if it asks for none. */
export function askedFor(frame: Uint8Array): string | undefined {
  if (frame.length < ARP_AT + ARP.BYTES) return undefined
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  const isArp = view.getUint16(VNET.BYTES + ETH.TYPE) === ETHERTYPE.ARP
  if (!isArp || view.getUint16(ARP_AT + ARP.OP) !== ARP_OP.REQUEST) return undefined
  return ipv4Text(view.getInt32(ARP_AT + ARP.TPA))
}

/** `request` is such a question. */
export function arpAnswer(side: 'client' | 'rs', request: Uint8Array): Uint8Array {
  const answer = request.slice(0, ARP_AT + ARP.BYTES)
  turnIntoReply(new DataView(answer.buffer), VNET.BYTES, MAC_HIGH, MACS[side])
  return answer
}

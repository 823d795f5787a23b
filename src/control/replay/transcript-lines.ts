/** Lines of a transcript for test/transcripts: packets, what leaves for them, what they were refused for. */

import { DONE, Drop, HAND_OVER } from '../../engine/counters.ts'
import { datagramIn, printUdp } from '../../see/frame/datagram-notation.ts'
import { printTcp, segmentIn } from '../../see/frame/notation.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import type { Sent } from './rig.ts'

const DROPS = new Map<number, string>(Object.entries(Drop).map(([name, number]) => [number, name]))

/** Why a frame was refused; null for one that was not. */
export function dropOf(verdict: number): string | null {
  return verdict < DONE && verdict > HAND_OVER ? (DROPS.get(-verdict) ?? null) : null
}

/** Behind the `<`: the arm and the packet. */
export function sentLine({ arm, bytes }: Sent, names: readonly string[]): string {
  const frame = bytes.subarray(VNET.BYTES)
  const isArp =
    frame[ETH.TYPE] === ETHERTYPE.ARP >> 8 && frame[ETH.TYPE + 1] === (ETHERTYPE.ARP & 255)
  return `${names[arm]} | ${packetLine(frame) ?? (isArp ? 'arp' : 'icmp')}`
}

/** From the Ethernet header on; undefined for what is neither TCP nor UDP. */
export function packetLine(frame: Uint8Array): string | undefined {
  const segment = segmentIn(frame)
  if (segment) return printTcp(segment)
  const datagram = datagramIn(frame)
  return datagram && printUdp(datagram)
}

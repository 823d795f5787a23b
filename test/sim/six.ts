/**
 * IPv6 as a codec of frames: hosts speak IPv4 among themselves, and on an arm of IPv6 what they say is written over, ARP into neighbour
 * discovery and ICMP into ICMPv6 too; back it is the same. It shares nothing with the product.
 */

import {
  arpFrame,
  folded,
  frame,
  get16,
  get32,
  IP_AT,
  macAt,
  put16,
  putMac,
  sum,
} from './packet.ts'
import { icmp4Of, icmp6Of } from './six-icmp.ts'
import { hasPrefix, ICMPV6, packetToFour, packetToSix, putSix, SIX } from './six-packet.ts'

const ALL = 0xffff_ffff_ffff
const ALL_NODES_MAC = 0x3333_0000_0001
const [SOLICIT, ADVERTISE] = [135, 136]

export function isSix(bytes: Uint8Array): boolean {
  return get16(bytes, 22) === 0x86dd
}

/** Sum of the pseudo header and everything from `at` on: 0xffff if the checksum there is right. */
function sumOfSix(bytes: Uint8Array, at: number, next: number): number {
  const length = bytes.length - at
  return folded(sum(bytes, IP_AT + 8, IP_AT + SIX) + next + length + sum(bytes, at, bytes.length))
}

/** A frame as an arm of IPv6 has it; undefined if there is none. */
export function toSix(bytes: Uint8Array): Uint8Array | undefined {
  if (get16(bytes, 22) === 0x0806) return advertisement(bytes)
  const packet = bytes.subarray(IP_AT, IP_AT + get16(bytes, IP_AT + 2))
  const six = packet[9] === 1 ? icmp6Of(packet) : packetToSix(packet)
  if (six === undefined) return undefined
  const out = frame(macAt(bytes, 10), macAt(bytes, 16), 0x86dd, six.length)
  out.set(six, IP_AT)
  if (packet[9] === 1) resum(out)
  else if (packet[9] === 17 && out[IP_AT + 6] === 17 && get16(out, IP_AT + SIX + 6) === 0) {
    // Over IPv6 nobody leaves it out.
    put16(out, IP_AT + SIX + 6, ~sumOfSix(out, IP_AT + SIX, 17) & 0xffff || 0xffff)
  }
  return out
}

function resum(out: Uint8Array): void {
  const at = IP_AT + SIX
  put16(out, at + 2, ~sumOfSix(out, at, ICMPV6))
}

/** What an answer or an announcement of ARP is there. */
function advertisement(arp: Uint8Array): Uint8Array {
  const isToAll = macAt(arp, 10) === ALL
  const [mac, ip] = [macAt(arp, IP_AT + 8), get32(arp, IP_AT + 14)]
  const out = frame(isToAll ? ALL_NODES_MAC : macAt(arp, 10), mac, 0x86dd, SIX + 32)
  const at = IP_AT + SIX
  out[IP_AT] = 0x60
  put16(out, IP_AT + 4, 32)
  out[IP_AT + 6] = ICMPV6
  out[IP_AT + 7] = 255
  putSix(out, IP_AT + 8, ip)
  if (isToAll) {
    put16(out, IP_AT + 24, 0xff02)
    out[IP_AT + SIX - 1] = 1
  } else putSix(out, IP_AT + 24, get32(arp, IP_AT + 24))
  out[at] = ADVERTISE
  out[at + 4] = isToAll ? 0x20 : 0x60
  putSix(out, at + 8, ip)
  out[at + 24] = 2
  out[at + 25] = 1
  putMac(out, at + 26, mac)
  resum(out)
  return out
}

/** A frame of IPv6 as hosts read it; as it is if it says nothing to them, or is not whole. */
export function toFour(bytes: Uint8Array): Uint8Array {
  const end = IP_AT + SIX + get16(bytes, IP_AT + 4)
  if (bytes.length < IP_AT + SIX + 8 || end > bytes.length) return bytes
  const exact = bytes.subarray(0, end)
  const isIcmp = exact[IP_AT + 6] === ICMPV6
  if (isIcmp && sumOfSix(exact, IP_AT + SIX, ICMPV6) !== 0xffff) return bytes
  if (isIcmp && [SOLICIT, ADVERTISE].includes(exact[IP_AT + SIX] as number)) return arpOf(exact)
  const packet = exact.subarray(IP_AT)
  const four = isIcmp ? icmp4Of(packet) : packetToFour(packet)
  // A datagram without a checksum is none.
  if (four === undefined || (four[9] === 17 && isBare(four))) return bytes
  const group = get16(bytes, 10) === 0x3333
  const out = frame(group ? ALL : macAt(bytes, 10), macAt(bytes, 16), 0x0800, four.length)
  out.set(four, IP_AT)
  return out
}

function isBare(packet: Uint8Array): boolean {
  return (get16(packet, 6) & 0x1fff) === 0 && get16(packet, 26) === 0
}

function arpOf(bytes: Uint8Array): Uint8Array {
  const at = IP_AT + SIX
  if (bytes.length < at + 32 || !hasPrefix(bytes, at + 8) || !hasPrefix(bytes, IP_AT + 8))
    return bytes
  const sender = { mac: macAt(bytes, at + 26), ip: get32(bytes, IP_AT + 20) }
  const target = { mac: 0, ip: get32(bytes, at + 20) }
  const dst = get16(bytes, 10) === 0x3333 ? ALL : macAt(bytes, 10)
  return arpFrame(bytes[at] === SOLICIT ? 1 : 2, sender, target, dst)
}

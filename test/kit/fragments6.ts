/** IPv6 packets in fragments and put together again, without the product's own code. */

import assert from 'node:assert/strict'
import { body, sentWhole } from './fragments.ts'
import { concat, fragmentHeader, icmpv6, ip, ipv6 } from './frame.ts'
import type { Out } from './stand.ts'

const IP_HEADER = 40
const FRAGMENT_HEADER = 8
const word = (bytes: Uint8Array, at: number) => bytes[at] * 256 + bytes[at + 1]

/** A fragment of the packet, which has no extension headers: `bytes` bytes behind its header from `offset` on. */
export function piece6(
  packet: Uint8Array,
  offset: number,
  bytes: number,
  more?: boolean,
  id = 77,
): Uint8Array {
  const from = IP_HEADER + offset
  const follows = more ?? from + bytes < packet.length
  const { rest } = fragmentHeader(offset, follows, id)
  const header = concat(packet.subarray(0, IP_HEADER), packet.subarray(6, 7), rest)
  const made = concat(header, packet.subarray(from, from + bytes))
  made.set([(made.length - IP_HEADER) >> 8, (made.length - IP_HEADER) & 255], 4)
  made[6] = 44
  return made
}

/** All of it, in fragments of at most `mtu` bytes. */
export function pieces6(packet: Uint8Array, mtu: number, id = 77): Uint8Array[] {
  const step = (mtu - IP_HEADER - FRAGMENT_HEADER) & ~7
  const end = packet.length - IP_HEADER
  const all: Uint8Array[] = []
  for (let at = 0; at < end; at += step)
    all.push(piece6(packet, at, Math.min(step, end - at), undefined, id))
  return all
}

/** The packet whose fragments these are, in any order; fails if they are not all there, or not of one datagram. */
export function whole6(fragments: readonly Uint8Array[]): Uint8Array {
  const offset = (fragment: Uint8Array) => word(fragment, 42) & 0xfff8
  const sorted = [...fragments].sort((a, b) => offset(a) - offset(b))
  const [first] = sorted
  let end = 0
  for (const [i, fragment] of sorted.entries()) {
    assert.deepEqual([fragment[6], fragment[41]], [44, 0], 'a fragment header')
    assert.equal(fragment.length, IP_HEADER + word(fragment, 4), 'payload length')
    assert.deepEqual(fragment.subarray(8, 41), first.subarray(8, 41), 'addresses, what is inside')
    assert.deepEqual(fragment.subarray(44, 48), first.subarray(44, 48), 'ID')
    assert.equal(offset(fragment), end, 'offset')
    assert.equal(word(fragment, 42) & 7, i < sorted.length - 1 ? 1 : 0, 'more fragments')
    end += fragment.length - IP_HEADER - FRAGMENT_HEADER
  }
  const header = concat(first.subarray(0, 6), first.subarray(40, 41), first.subarray(7, 40))
  const made = concat(header, ...sorted.map(fragment => fragment.subarray(48)))
  made.set([end >> 8, end & 255], 4)
  return made
}

/** As sentWhole() of fragments.ts. */
export const sentWhole6 = (out: readonly Out[], arm: string) => sentWhole(out, arm, whole6)

/** The packet of a ping of our VIP in SEED6_CONFIG. */
export function echo6(bytes = 3000, src = '2001:db8:10::2', trafficClass = 0): Uint8Array {
  const ends = { src, dst: '2001:db8:10::1' }
  const message = concat(Uint8Array.of(0x12, 0x34, 0, 1), body(bytes))
  return ipv6({ ...ends, next: 58, trafficClass }, icmpv6(ends, 128, 0, message))
}

/** The addresses of a packet. */
export const endsOf = (packet: Uint8Array) => [packet.subarray(8, 24), packet.subarray(24, 40)]
export const bytesOf = (...addresses: string[]) => addresses.map(text => Uint8Array.from(ip(text)))

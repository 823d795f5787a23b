/** Fragments of IPv6 that are refused for themselves, or for those before them. */

import { LAN } from './connection.ts'
import { type Case, type DropName, frame } from './drop.ts'
import { echo6, piece6 } from './fragments6.ts'
import { concat, fragmentHeader, ipv6, tcp, vnetHeader } from './frame.ts'
import { SEED6_CONFIG } from './nd.ts'

const ENDS = { src: '2001:db8:10::2', dst: '2001:db8:10::1' }
const PING = echo6()
const SYN = { ...ENDS, sport: 33_896, dport: 6379, flags: 'S', seq: 1 }
const SIX = 0x86dd
const six = (packet: Uint8Array, arm?: string) => frame(packet, arm, SIX)

const ping = (
  name: string,
  drop: DropName,
  packet: Uint8Array,
  more: Partial<Case> = {},
): Case => ({
  name: `IPv6: ${name}`,
  drop,
  config: SEED6_CONFIG,
  bytes: six(packet),
  ...more,
})

/** The second is refused for the first. */
const second = (name: string, drop: DropName, first: Uint8Array, packet: Uint8Array): Case =>
  // What it held is free again with it.
  ping(name, drop, packet, { before: stand => void stand.inputRaw('dpdk0', six(first)), held: 1 })

/** With another address as its destination. */
function to(packet: Uint8Array, last: number): Uint8Array {
  const copy = packet.slice()
  copy[39] = last
  return copy
}

/** A fragment header in front of so many bytes of what says to be TCP. */
const segment = (offset: number, more: boolean, bytes: Uint8Array) =>
  ipv6({ ...ENDS, next: 6, extensions: [fragmentHeader(offset, more, 3)] }, bytes)

/** One with offset `eights` * 8, whatever is there. */
function at(eights: number, bytes: number, more: boolean): Uint8Array {
  const { rest } = fragmentHeader(eights * 8, more, 3)
  return ipv6({ ...ENDS, next: 58, extensions: [{ kind: 44, rest }] }, new Uint8Array(bytes))
}

export const FRAGMENT6_CASES: Case[] = [
  ping('fragment to a stranger', 'IP_FRAGMENT', to(piece6(PING, 0, 1448), 9)),
  ping('fragment without reassembly', 'IP_FRAGMENT', piece6(PING, 0, 1448), {
    config: `${SEED6_CONFIG}fragments: { datagrams: 0 }\n`,
  }),
  {
    ...ping("fragment of a client's address on the RSs' arm", 'IP_SOURCE', PING),
    arm: LAN,
    bytes: six(piece6(PING, 0, 1448), LAN),
  },
  {
    ...ping('fragment with a partial checksum', 'VNET_HEADER', PING),
    bytes: concat(
      vnetHeader({ flags: 1, csumStart: 62, csumOffset: 16 }),
      six(piece6(PING, 0, 1448)).subarray(10),
    ),
  },
  ping(
    'fragment of another protocol',
    'IP_PROTOCOL',
    ipv6({ ...ENDS, next: 47, extensions: [fragmentHeader(0, true, 3)] }, new Uint8Array(16)),
  ),
  ping('fragment of 0 bytes', 'FRAGMENT_LENGTH', at(9, 0, true)),
  ping('fragment of 1445 bytes before others', 'FRAGMENT_LENGTH', piece6(PING, 0, 1445)),
  ping('fragment that ends at 65,536', 'FRAGMENT_PAST_END', at(8191, 8, false)),
  ping(
    'first fragment without all of its header of TCP',
    'FRAGMENT_TINY',
    segment(0, true, tcp(SYN).subarray(0, 16)),
  ),
  ping('fragment at offset 16 of TCP', 'FRAGMENT_TINY', segment(16, false, new Uint8Array(24))),
  ping(
    'first fragment that ends among its extension headers',
    'FRAGMENT_TINY',
    ipv6(
      { ...ENDS, next: 60, extensions: [fragmentHeader(0, true, 3)] },
      Uint8Array.of(6, 2, 1, 4, 0, 0, 0, 0),
    ),
  ),
  second('overlap', 'FRAGMENT_OVERLAP', piece6(PING, 0, 1448), piece6(PING, 1440, 1000)),
  second('two last ones', 'FRAGMENT_MISFIT', at(100, 80, false), at(200, 80, false)),
  {
    ...ping('129 of one datagram', 'FRAGMENT_TOO_MANY', at(129, 8, true)),
    before: stand => {
      for (let i = 1; i <= 128; i++) stand.inputRaw('dpdk0', six(at(i, 8, true)))
    },
    held: 1,
  },
]

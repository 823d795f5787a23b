/** Fragments that are refused for themselves, or for those before them. */

import { LAN, SYN } from './connection.ts'
import { type Case, type DropName, frame, packet, patched } from './drop.ts'
import { echo, piece } from './fragments.ts'
import { concat, vnetHeader } from './frame.ts'
import { SEED_CONFIG, type Stand } from './stand.ts'

const MORE = 0x2000
const PING = echo({ bytes: 3000 })

/** The SYN, or what of it the flags and the offset say. */
const syn = (name: string, drop: DropName, word: number, bytes = packet()): Case => ({
  name: `fragment of TCP: ${name}`,
  drop,
  bytes: frame(patched(bytes, 6, word >> 8, word & 255)),
})

/** The second is refused for the first. */
const second = (name: string, drop: DropName, first: Uint8Array, bytes: Uint8Array): Case => ({
  name,
  drop,
  // What it held is free again with it.
  before: stand => void stand.inputRaw('dpdk0', frame(first)),
  held: 1,
  bytes: frame(bytes),
})

const ping = (name: string, drop: DropName, bytes: Uint8Array, more: Partial<Case> = {}): Case => ({
  name,
  drop,
  bytes: frame(bytes),
  ...more,
})

const to = (bytes: Uint8Array, ...address: number[]) => patched(bytes, 16, ...address)

/** 128 fragments of 8 bytes, of which none is the first. */
function many(stand: Stand): void {
  for (let i = 1; i <= 128; i++) stand.inputRaw('dpdk0', frame(piece(PING, i * 8, 8)))
}

export const FRAGMENT_CASES: Case[] = [
  ping('fragment to a stranger', 'IP_FRAGMENT', to(piece(PING, 0, 1480), 202, 108, 10, 9)),
  ping('fragment without reassembly', 'IP_FRAGMENT', piece(PING, 0, 1480), {
    config: `${SEED_CONFIG}fragments: { datagrams: 0 }\n`,
  }),
  {
    name: "fragment of a client's address on the RSs' arm",
    drop: 'IP_SOURCE',
    arm: LAN,
    bytes: frame(to(piece(PING, 0, 1480), 192, 168, 168, 7), LAN),
  },
  {
    name: 'fragment with a partial checksum',
    drop: 'VNET_HEADER',
    bytes: concat(
      vnetHeader({ flags: 1, csumStart: 34, csumOffset: 16 }),
      frame(piece(PING, 0, 1480)).subarray(10),
    ),
  },
  {
    name: 'fragment to be segmented',
    drop: 'VNET_HEADER',
    bytes: concat(
      vnetHeader({ gsoType: 1, gsoSize: 1460 }),
      frame(piece(PING, 0, 1480)).subarray(10),
    ),
  },
  ping('fragment of another protocol', 'IP_PROTOCOL', patched(piece(PING, 0, 1480), 9, 47)),
  ping('fragment of 0 bytes', 'FRAGMENT_LENGTH', piece(PING, 1480, 0, true)),
  ping('last fragment of 0 bytes', 'FRAGMENT_LENGTH', piece(PING, 1480, 0, false)),
  ping('fragment of 1477 bytes before others', 'FRAGMENT_LENGTH', piece(PING, 0, 1477)),
  ping('ping of death', 'FRAGMENT_PAST_END', patched(piece(PING, 0, 1480), 6, 0x1f, 0xff)),
  ping(
    'fragment that ends at 65,536',
    'FRAGMENT_PAST_END',
    patched(piece(PING, 0, 36), 6, 0x1f, 0xf9),
  ),
  syn('the first, without all of its header', 'FRAGMENT_TINY', MORE, piece(packet(), 0, 16)),
  syn(
    'the first, without its options',
    'FRAGMENT_TINY',
    MORE,
    piece(packet({ options: new Uint8Array(40).fill(1) }), 0, 24),
  ),
  syn('at offset 8', 'FRAGMENT_TINY', 0x0001),
  syn(
    'at offset 16, others follow',
    'FRAGMENT_TINY',
    MORE | 2,
    piece(packet({ payload: new Uint8Array(4) }), 0, 24),
  ),
  second('Teardrop', 'FRAGMENT_OVERLAP', piece(PING, 0, 1480), piece(PING, 8, 16, false)),
  second(
    'fragment that overlaps by 8 bytes',
    'FRAGMENT_OVERLAP',
    piece(PING, 0, 1480),
    piece(PING, 1472, 1000, true),
  ),
  second(
    'fragment behind the last one',
    'FRAGMENT_MISFIT',
    piece(PING, 1480, 80, false),
    piece(PING, 1560, 80, true),
  ),
  second(
    'two last fragments',
    'FRAGMENT_MISFIT',
    piece(PING, 1480, 80, false),
    piece(PING, 2000, 80, false),
  ),
  second(
    'last fragment before another',
    'FRAGMENT_MISFIT',
    piece(PING, 1480, 80),
    piece(PING, 800, 80, false),
  ),
  ping('the 129th fragment', 'FRAGMENT_TOO_MANY', piece(PING, 2000, 8), { before: many, held: 1 }),
  second(
    'congestion, and a fragment that cannot be told of it',
    'FRAGMENT_MISFIT',
    piece(echo({ bytes: 2000, tos: 3 }), 0, 1480),
    piece(echo({ bytes: 2000, tos: 0 }), 1480, 528),
  ),
  ping('fragment while slots are scarce', 'NO_BUFFER', piece(PING, 0, 1480), {
    before: ({ engine: { frames } }) => {
      while (!frames.scarce) frames.take()
    },
  }),
  {
    name: 'to be cut while slots are scarce',
    drop: 'NO_BUFFER',
    config: SEED_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 576'),
    before: ({ engine: { frames } }) => {
      while (frames.free > frames.slots >> 4) frames.take()
    },
    bytes: frame(packet({ ...SYN, payload: new Uint8Array(1000) }, { fragment: 0 })),
  },
]

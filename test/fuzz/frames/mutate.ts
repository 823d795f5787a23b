/** One thing wrong with a frame: a lie about a length, an option, an offload, an address, a tag; or any byte. */

import type { Chance } from '../chance.ts'

export interface Mutable {
  bytes: Uint8Array
  pkt: DataView
  length: number
}

const HEAD = 24
const MOST = 65_559 + 5
const OURS = [0xca6c_0a01, 0xc0a8_a803, 0xc0a8_a807, 0xc0a8_a808, 0xc0a8_a802, 0xe000_0001]

type Change = (frame: Mutable, chance: Chance) => void

const put = ({ bytes, length }: Mutable, at: number, value: number) => {
  if (at < length) bytes[at] = value
}

const CHANGES: readonly Change[] = [
  // A bit anywhere.
  (frame, chance) => {
    const at = chance.below(frame.length)
    put(frame, at, (frame.bytes[at] as number) ^ (1 << chance.below(8)))
  },
  // Any byte of the headers.
  (frame, chance) => put(frame, 10 + chance.below(54), chance.below(256)),
  // Cut.
  (frame, chance) => {
    frame.length = Math.max(10, chance.below(frame.length))
  },
  // Padded.
  (frame, chance) => {
    const more = Math.min(MOST - frame.length, chance.once(30) ? chance.edge() : chance.below(60))
    frame.bytes.fill(chance.below(256), frame.length, frame.length + Math.max(0, more))
    frame.length += Math.max(0, more)
  },
  // Lies about lengths: IHL, total length, data offset, length of UDP.
  (frame, chance) => put(frame, HEAD, 0x40 | chance.below(16)),
  ({ pkt, length }, chance) => {
    if (length < HEAD + 4) return
    const right = length - HEAD
    pkt.setUint16(
      HEAD + 2,
      (chance.below(2) ? chance.edge() : right + chance.below(9) - 4) & 0xffff,
    )
  },
  (frame, chance) => put(frame, HEAD + 32, chance.below(16) << 4),
  ({ pkt, length }, chance) => {
    if (length >= HEAD + 26) pkt.setUint16(HEAD + 24, chance.edge())
  },
  // Garbage where options are.
  (frame, chance) => {
    for (let i = HEAD + 40; i < HEAD + 80; i++)
      if (chance.below(3) === 0) put(frame, i, chance.below(12))
    put(frame, HEAD + 32, (5 + chance.below(11)) << 4)
  },
  // An option, somewhere: TOA of somebody, SACK, MSS, of any length.
  (frame, chance) => {
    const at = HEAD + 40 + chance.below(20)
    put(frame, at, chance.pick([0, 1, 2, 3, 4, 5, 8, 14, 253, 254]))
    put(frame, at + 1, chance.pick([0, 1, 2, 4, 8, 10, 18, 255]))
  },
  // A virtio-net header at random, and one that is nearly right.
  (frame, chance) => {
    for (let i = 0; i < 10; i++) if (chance.below(2)) put(frame, i, chance.below(256))
  },
  (frame, chance) => {
    const values = [chance.below(4), chance.below(6), 0, 0, chance.below(256), chance.below(8)]
    for (const [i, value] of [...values, 34, 0, chance.pick([16, 6, 2]), 0].entries())
      put(frame, i, value)
  },
  // Other ends.
  ({ pkt, length }, chance) => {
    const at = HEAD + 12 + 4 * chance.below(2)
    if (length >= at + 4) pkt.setUint32(at, chance.pick(OURS))
  },
  (frame, chance) => put(frame, HEAD + 20 + chance.below(4), chance.below(256)),
  (frame, chance) => put(frame, HEAD + 33, chance.below(64)),
  // Another protocol, another TTL, other fragment bits.
  (frame, chance) => put(frame, HEAD + 9, chance.pick([1, 6, 17, 47, 58, 248])),
  (frame, chance) => put(frame, HEAD + 8, chance.below(3)),
  ({ pkt, length }, chance) => {
    const bits =
      chance.pick([0, 0x2000, 0x4000, 0x8000]) | (chance.below(3) ? 0 : chance.edge() >> 3)
    if (length >= HEAD + 8) pkt.setUint16(HEAD + 6, bits)
  },
  // A tag, or several.
  ({ bytes, pkt, length }, chance) => {
    if (length < 22 || length + 4 > MOST) return
    bytes.copyWithin(26, 22, length)
    pkt.setUint32(
      22,
      (chance.pick([0x8100, 0x8100, 0x88a8]) << 16) | chance.pick([0, 100, 200, 0xe000, 4095]),
    )
  },
  ({ pkt, length }, chance) => {
    if (length >= HEAD) pkt.setUint16(22, chance.pick([0x0800, 0x0806, 0x86dd, 0x8100, 0x88a8, 5]))
  },
  // ARP: what it asks and who says so.
  (frame, chance) => {
    put(frame, HEAD + 7, chance.below(4))
    put(frame, HEAD + 14 + chance.below(14), chance.below(256))
  },
]

export function mutate(frame: Mutable, chance: Chance): void {
  chance.pick(CHANGES)(frame, chance)
}

/** A fragment of a frame, from its virtio-net header on. */

import type { Chance } from '../chance.ts'
import type { Mutable } from './mutate.ts'
import type { Given } from './seeds.ts'
import { mendIp, mendL4 } from './sums.ts'

const HEAD = 24
const IP6_HEADER = 40

/** Of `bytes` bytes from `offset` on behind the IP header, which has `header` bytes; less, where the packet ends. */
export function piece(
  whole: Uint8Array,
  header: number,
  offset: number,
  bytes: number,
): Uint8Array {
  const from = HEAD + header + offset
  const to = Math.min(whole.length, from + bytes)
  const made = new Uint8Array(HEAD + header + to - from)
  made.set(whole.subarray(0, HEAD + header))
  made.set(whole.subarray(from, to), HEAD + header)
  const pkt = new DataView(made.buffer)
  pkt.setUint16(HEAD + 2, made.length - HEAD)
  const df = pkt.getUint16(HEAD + 6) & 0x4000
  pkt.setUint16(HEAD + 6, df | (to < whole.length ? 0x2000 : 0) | (offset >> 3))
  mendIp(pkt, HEAD)
  return made
}

/** More than the engine takes of one datagram. */
const PIECES_MOST = 140

/** All fragments of a frame whose IP header has `header` bytes, and not always in order or once. */
function piecesOf(
  chance: Chance,
  whole: Uint8Array,
  header: number,
  side: number,
  make = (offset: number, bytes: number) => piece(whole, header, offset, bytes),
): Given[] {
  const count = chance.once(20) ? PIECES_MOST : 2 + chance.below(4)
  const step = Math.max(8, ((whole.length - HEAD - header) / count) & ~7)
  const list: Given[] = []
  for (
    let offset = 0;
    offset < whole.length - HEAD - header && list.length < PIECES_MOST;
    offset += step
  )
    list.push({ side, bytes: make(offset, step) })
  if (chance.once(3)) list.reverse()
  if (chance.once(6)) list.push(chance.pick(list))
  if (chance.once(6)) list.splice(chance.below(list.length), 1)
  if (chance.once(8)) list.push({ side, bytes: make(8, step) })
  return list
}

/** The same of a packet of IPv6 without extension headers; its ID is another one each few. */
export function piece6(whole: Uint8Array, offset: number, bytes: number): Uint8Array {
  const from = HEAD + IP6_HEADER + offset
  const to = Math.min(whole.length, from + bytes)
  const at = HEAD + IP6_HEADER
  const made = new Uint8Array(at + 8 + to - from)
  made.set(whole.subarray(0, at))
  made.set(whole.subarray(from, to), at + 8)
  const pkt = new DataView(made.buffer)
  pkt.setUint16(HEAD + 4, made.length - at)
  made[at] = whole[HEAD + 6] as number
  made[HEAD + 6] = 44
  pkt.setUint16(at + 2, offset | (to < whole.length ? 1 : 0))
  pkt.setUint32(at + 4, (whole[HEAD + 3] as number) & 3)
  return made
}

/** Those of the packet at hand, summed up; none of what is too short, or is a fragment. */
export function anyPieces(frame: Mutable, chance: Chance, side: number): Given[] {
  const { pkt, bytes, length } = frame
  if (pkt.getUint16(22) === 0x86dd) return anyPieces6(frame, chance, side)
  const header = ((bytes[HEAD] as number) & 15) * 4
  const total = pkt.getUint16(HEAD + 2)
  const isPlain = pkt.getUint16(22) === 0x0800 && length === HEAD + total && header >= 20
  if (!isPlain || total - header < 24 || (pkt.getUint16(HEAD + 6) & 0x1fff) !== 0) return []
  bytes.fill(0, 0, 10)
  mendL4(pkt, 0, length)
  return piecesOf(chance, bytes.slice(0, length), header, side)
}

function anyPieces6(frame: Mutable, chance: Chance, side: number): Given[] {
  const { pkt, bytes, length } = frame
  const payload = pkt.getUint16(HEAD + 4)
  if (length !== HEAD + IP6_HEADER + payload || payload < 24) return []
  bytes.fill(0, 0, 10)
  mendL4(pkt, 0, length)
  const whole = bytes.slice(0, length)
  const make = (offset: number, step: number) => piece6(whole, offset, step)
  return piecesOf(chance, whole, IP6_HEADER, side, make)
}

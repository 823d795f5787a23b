/** A fragment of a frame, from its virtio-net header on. */

import { mendIp } from './sums.ts'

const HEAD = 24

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

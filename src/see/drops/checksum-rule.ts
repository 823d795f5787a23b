/** What a wrong checksum of TCP or UDP says, and should have said. */

import { fold, pseudoSum, sumWords } from '../../wire/checksum.ts'
import { ipAddress } from '../../wire/ip-address.ts'
import type { Refused } from './drop-context.ts'
import { hex } from './drop-row.ts'

/**
 * `at` is the field's place in the header of `protocol`. Of a packet that is longer than what was kept of it nobody can say
 * any more what the checksum should be.
 */
export function checksumRule(frame: Refused, name: string, protocol: number, at: number): string {
  const { ip, l4 } = frame.headers
  const bytes = ip === null ? 0 : ip.total - ip.header
  const has = `the ${name} checksum is 0x${hex(u16(frame.bytes, l4 + at))}`
  if (ip === null || l4 + bytes > frame.bytes.length)
    return `${has}, and its ${bytes} bytes have another`
  const copy = frame.bytes.slice(0, l4 + bytes)
  copy.fill(0, l4 + at, l4 + at + 2)
  const view = new DataView(copy.buffer)
  const pseudo = pseudoOf(frame, protocol, bytes)
  return `${has}, would be 0x${hex(~fold(pseudo + sumWords(view, l4, bytes)))}`
}

/** Unfolded, of either family (RFC 9293 section 3.1, RFC 8200 section 8.1). */
function pseudoOf(frame: Refused, protocol: number, bytes: number): number {
  const [src, dst] = [ipAddress(frame.src), ipAddress(frame.dst)]
  if (typeof src === 'number' && typeof dst === 'number')
    return pseudoSum(src, dst, protocol, bytes)
  const words = [src, dst].flat()
  return words.reduce((sum, word) => sum + (word >>> 16) + (word & 0xffff), protocol + bytes)
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

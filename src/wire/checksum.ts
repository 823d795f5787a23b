/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3). Read RFC 1624 before
 * changing this file.
 *
 * A *difference* is an unfolded one's complement sum `~old + new` over everything that changed. Differences
 * of several fields are added up as plain integers and applied once, so a packet pays for one fold. They stay
 * far below 2^31: a whole translation adds less than a hundred 16-bit words.
 */

/** Sum of the big-endian 16-bit words of `bytes` bytes at `at`, unfolded; an odd last byte counts as the high one. */
export function sumWords(pkt: DataView, at: number, bytes: number): number {
  let sum = 0
  const end = at + (bytes & ~1)
  // 64 KiB of 0xffff words add up to less than 2^31, so there is no fold inside the loop.
  let i = at
  for (; i + 4 <= end; i += 4) {
    const two = pkt.getInt32(i)
    sum += (two >>> 16) + (two & 0xffff)
  }
  if (i < end) sum += pkt.getUint16(i)
  if (bytes & 1) sum += pkt.getUint8(end) << 8
  return sum
}

/** Folds a non-negative sum to 16 bits with end-around carry. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16)
  return (once & 0xffff) + (once >>> 16)
}

/** Difference of a 16-bit field. */
export function diff16(before: number, after: number): number {
  return (~before & 0xffff) + (after & 0xffff)
}

/** Difference of a 32-bit field that starts at an even offset from the start of what is summed. */
export function diff32(before: number, after: number): number {
  return (~before >>> 16) + (~before & 0xffff) + (after >>> 16) + (after & 0xffff)
}

/** A complete checksum with a difference applied: HC' = ~(~HC + ~m + m'); its low 16 bits count. */
export function adjusted(checksum: number, difference: number): number {
  return ~fold((~checksum & 0xffff) + difference)
}

/** Applies a difference to the complete checksum at `at`. */
export function adjust(pkt: DataView, at: number, difference: number): void {
  pkt.setUint16(at, adjusted(pkt.getUint16(at), difference))
}

/**
 * Applies a difference to a partial checksum: with VIRTIO_NET_HDR_F_NEEDS_CSUM the field holds the folded sum of
 * the pseudo header, *not* complemented, so only pseudo-header changes belong in the difference.
 */
export function adjustPartial(pkt: DataView, at: number, difference: number): void {
  pkt.setUint16(at, fold(pkt.getUint16(at) + difference))
}

/** Unfolded sum of the pseudo header of TCP, UDP over IPv4 (RFC 9293 section 3.1). `l4Bytes` counts header and payload. */
export function pseudoSum(src: number, dst: number, protocol: number, l4Bytes: number): number {
  return (src >>> 16) + (src & 0xffff) + (dst >>> 16) + (dst & 0xffff) + protocol + l4Bytes
}

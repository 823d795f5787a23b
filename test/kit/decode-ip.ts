/** The IP header of a frame, of either family, for decode.ts. */

import { checksum, pseudoHeader } from './frame.ts'

/** IPv6 as a URL has it. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return [...bytes].join('.')
  const hex = Array.from({ length: 8 }, (_, i) =>
    (bytes[2 * i] * 256 + bytes[2 * i + 1]).toString(16),
  )
  return new URL(`http://[${hex.join(':')}]`).hostname.slice(1, -1)
}

/** The IP header of either family: what is inside begins at `l4` of the frame. */
export interface Network {
  src: Uint8Array
  dst: Uint8Array
  ttl: number
  tos: number
  /** 0 and false of IPv6, which has them in fragments only. */
  id: number
  df: boolean
  isFragment: boolean
  /** With options or extension headers. */
  header: number
  total: number
  protocol: number
}

export function ipv4Of(frame: Uint8Array): Network {
  const header = (frame[14] & 15) * 4
  if (checksum(frame.subarray(14, 14 + header)) !== 0) throw new Error('bad IP checksum')
  return {
    src: frame.subarray(26, 30),
    dst: frame.subarray(30, 34),
    ttl: frame[22],
    tos: frame[15],
    id: frame[18] * 256 + frame[19],
    df: (frame[20] & 0x40) !== 0,
    isFragment: (frame[20] & 0x3f) !== 0 || frame[21] !== 0,
    header,
    total: frame[16] * 256 + frame[17],
    protocol: frame[23],
  }
}

/** Reads over extension headers; behind that of a fragment nothing is looked at. */
export function ipv6Of(frame: Uint8Array): Network {
  if (frame[14] >>> 4 !== 6) throw new Error('no IPv6')
  const found: Network = {
    src: frame.subarray(22, 38),
    dst: frame.subarray(38, 54),
    ttl: frame[21],
    tos: ((frame[14] & 15) << 4) | (frame[15] >>> 4),
    id: 0,
    df: false,
    isFragment: false,
    header: 40,
    total: 40 + frame[18] * 256 + frame[19],
    protocol: frame[20],
  }
  while ([0, 43, 44, 60].includes(found.protocol) && !found.isFragment) {
    const at = 14 + found.header
    if (at + 8 > frame.length) throw new Error('an extension header that is cut short')
    found.isFragment = found.protocol === 44
    found.header += found.isFragment ? 8 : 8 + frame[at + 1] * 8
    found.protocol = frame[at]
  }
  return found
}

export function pseudoOf({ src, dst }: Network, protocol: number, bytes: number): Uint8Array {
  return pseudoHeader([...src], [...dst], protocol, bytes)
}

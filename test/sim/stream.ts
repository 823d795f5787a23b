/**
 * What conversations are made of: of each attempt of a client, and each direction, bytes of their own, so that one that is lost,
 * doubled, or another's is seen. The first four of a client say which attempt it is; a server that speaks first cannot know, and says
 * the same to all.
 */

import { mix } from './random.ts'

export const ID_BYTES = 4
export const BANNER_BYTES = 16

/** The byte at `offset` of what an attempt's client (0) or server (1) says. */
export function byteOf(attempt: number, dir: number, offset: number, banner: boolean): number {
  if (dir === 0 && offset < ID_BYTES) return (attempt >>> (24 - offset * 8)) & 255
  if (dir === 1 && banner && offset < BANNER_BYTES) return 64 + offset
  return (mix(attempt, dir, offset >> 2) >>> ((offset & 3) << 3)) & 255
}

export function bytesOf(
  attempt: number,
  dir: number,
  from: number,
  to: number,
  banner: boolean,
): Uint8Array {
  const out = new Uint8Array(to - from)
  for (let at = from; at < to; at++) out[at - from] = byteOf(attempt, dir, at, banner)
  return out
}

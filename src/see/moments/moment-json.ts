/** A moment as a line of JSON and back: the bytes of its frame are hex, and keys are in snake case, as in all of the API. */

import type { Moment } from './moment.ts'

/** JSON.parse of a line. */
export type MomentJson = object

export function momentToJson(moment: Moment): MomentJson {
  const { atUs: at_us } = moment
  if (!('bytes' in moment)) {
    const { atUs: _, ...rest } = moment
    return { ...rest, at_us }
  }
  const { atUs: _, gsoSize: gso_size, bytes, ...rest } = moment
  return { ...rest, at_us, gso_size, bytes: hexOf(bytes) }
}

/** Throws TypeError if momentToJson has not made it. */
export function momentFromJson(json: MomentJson): Moment {
  const { at_us: atUs, gso_size: gsoSize, bytes, ...rest } = json as Record<string, unknown>
  if (bytes === undefined) return { ...rest, atUs } as Moment
  if (typeof bytes !== 'string') throw new TypeError('bytes of a moment are hex')
  return { ...rest, atUs, gsoSize, bytes: bytesOf(bytes) } as Moment
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function hexOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += HEX[byte]
  return text
}

/** Throws TypeError on anything but pairs of hexadecimal digits. */
export function bytesOf(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || /[^0-9a-f]/i.test(hex)) throw new TypeError('not hexadecimal')
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  }
  return bytes
}

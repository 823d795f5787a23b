/** The client that a packet tells its RS of: UOA of a datagram, TOA of a segment. */

import { ipText, type Network } from './decode-ip.ts'

/** Version (1 of an IPv4 client, 2 of IPv6), next protocol 17, 12 or 24 bytes; then the same option as in IP. */
export function uoaHeader(frame: Uint8Array, at: number): { bytes: number; client: string } {
  const head = frame.subarray(at, at + 4).join()
  if (head !== '16,17,0,12' && head !== '32,17,0,24') throw new Error('header of UOA')
  const bytes = frame[at + 3]
  return { bytes, client: `opp ${uoaClient(frame.subarray(at + 4, at + bytes))}` }
}

export function uoaInOption(frame: Uint8Array, ip: Network): string | null {
  if (ip.src.length !== 4 || ip.header < 28 || frame[34] !== 31) return null
  return `ipo ${uoaClient(frame.subarray(34, 34 + frame[35]))}`
}

/** Kind 31, 8 or 20 bytes, port, address. */
function uoaClient(option: Uint8Array): string {
  if (option[0] !== 31 || option[1] !== option.length || ![8, 20].includes(option.length))
    throw new Error('option of UOA')
  return `${ipText(option.slice(4))}.${option[2] * 256 + option[3]}`
}

/** The client that a TOA option (kind 254, 8 or 20 bytes) among those of TCP names, `ADDRESS.PORT`; null without. */
export function toaOf(options: Uint8Array): string | null {
  for (let at = 0; at < options.length; at += options[at] < 2 ? 1 : options[at + 1] || 64) {
    const bytes = options[at + 1]
    if (options[at] !== 254 || (bytes !== 8 && bytes !== 20)) continue
    if (at + bytes > options.length) throw new Error('option of TOA')
    const port = options[at + 2] * 256 + options[at + 3]
    return `${ipText(options.slice(at + 4, at + bytes))}.${port}`
  }
  return null
}

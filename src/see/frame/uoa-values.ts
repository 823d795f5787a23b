/** The client that a datagram tells its RS of, and where it does; and the one that TOA names. */

import { endpointText } from '../../wire/address.ts'
import { hostText, ipv6TextAt } from '../../wire/ip-address.ts'
import { UOA } from '../../wire/uoa.ts'

export interface Uoa {
  place: 'option' | 'header'
  client: string
}

/** Among options at [from, end), which may have ends of list and NOPs of one byte (RFC 791). */
export function uoaOption(view: DataView, from: number, end: number): Uoa | null {
  for (let at = from; at + UOA.BYTES <= end; ) {
    const kind = view.getUint8(at)
    if (kind === 0) return null
    const bytes = kind === 1 ? 1 : view.getUint8(at + 1)
    const isClient = bytes === UOA.BYTES || bytes === UOA.BYTES6
    if (kind === UOA.KIND && isClient && at + bytes <= end)
      return { place: 'option', client: clientText(view, at, bytes) }
    if (bytes === 0) return null
    at += bytes
  }
  return null
}

/** Of an option of kind, length, port and address, as UOA and TOA are: of 20 bytes the address is one of IPv6. */
export function clientText(view: DataView, at: number, bytes: number): string {
  const port = view.getUint16(at + UOA.PORT)
  if (bytes === UOA.BYTES6) return `${hostText(ipv6TextAt(view, at + UOA.ADDRESS))}:${port}`
  return endpointText(view.getInt32(at + UOA.ADDRESS), port)
}

/** A frame that was sent, in a line. */

import { printTcp } from '../../src/see/frame/notation.ts'
import { printDatagram } from './datagram.ts'
import type { Decoded } from './decode.ts'
import { isIcmpError, printEcho, printIcmp } from './icmp-notation.ts'

export function printed({ tunnel, ...decoded }: Decoded): string {
  return tunnel ? `${tunnel.src} > ${tunnel.dst}: IP ${inner(decoded)}` : inner(decoded)
}

function inner(decoded: Decoded): string {
  if (decoded.kind === 'tcp') return printTcp(decoded)
  if (decoded.kind === 'udp') return printDatagram(decoded)
  if (decoded.kind !== 'icmp' && decoded.kind !== 'icmpv6') return decoded.kind
  return isIcmpError(decoded) ? printIcmp(decoded) : (printEcho(decoded) ?? decoded.kind)
}

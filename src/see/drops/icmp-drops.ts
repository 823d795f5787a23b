/** ICMP errors that go on to nobody. */

import { ICMP } from '../../wire/icmp.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { type HeaderValues, headerValues } from '../frame/header-values.ts'
import type { Refused } from './drop-context.ts'
import type { DropTable } from './drop-row.ts'

const { IPIP } = PROTO

export const ICMP_DROPS = {
  icmp_quote: {
    says: 'ICMP error that quotes nothing that we can have sent',
    explain: frame => ({
      rule: quoteRule(frame),
      advice: `nothing to be done here; ${frame.src} sends it`,
    }),
  },

  icmp_no_conn: {
    says: 'ICMP error about a packet of no connection',
    explain: frame => ({
      rule: `it quotes ${quotedEnds(frame)}, and an answer to that would be of no connection`,
      advice: `nothing, if that has just ended; else ${frame.src}, behind ${frame.srcMac}, makes it up`,
    }),
  },

  icmp_sequence: {
    says: 'ICMP error that quotes a number its connection has not come to',
    explain: frame => ({
      rule: `it quotes seq ${quotedSeq(frame)} of ${quotedEnds(frame)}, more than 16 MiB from what that connection has come to`,
      advice: `whoever guesses numbers sends this (RFC 5927): find ${frame.src}, from ${frame.srcMac}`,
    }),
  },
} satisfies DropTable

function quoteRule(frame: Refused): string {
  const { ip } = quoted(frame)
  if (ip === null)
    return `${frame.behindEthernet - 28} bytes of a packet are quoted, too few for its ports`
  if (ip.version !== 4 || ip.header < 20) return 'what is quoted begins with no IPv4 header'
  if (ip.src !== frame.dst) {
    return `it is to ${frame.dst}, and quotes a packet of ${ip.src}`
  }
  if (ip.offset > 0) return `it quotes a fragment from byte ${ip.offset} on, which has no ports`
  if (ip.protocol === IPIP)
    return 'it quotes the header of a tunnel, and too little of a packet of TCP (6) or UDP (17) behind that'
  if (ip.protocol !== 6 && ip.protocol !== 17)
    return `it quotes protocol ${ip.protocol}; only TCP (6) and UDP (17) are translated`
  return `it quotes too little of ${ip.src} > ${ip.dst} for its ports`
}

function quotedEnds(frame: Refused): string {
  const { ip, l4 } = headerValues(inside(frame))
  if (ip === null) return 'nothing'
  const view = viewOf(inside(frame))
  const port = (at: number) => (l4 + at + 2 <= view.byteLength ? view.getUint16(l4 + at) : '?')
  return `${ip.src}:${port(0)} > ${ip.dst}:${port(2)}`
}

function quotedSeq(frame: Refused): number | string {
  const { l4 } = headerValues(inside(frame))
  const view = viewOf(inside(frame))
  return l4 + 8 <= view.byteLength ? view.getUint32(l4 + 4) : '?'
}

/** The quoted packet, behind an Ethernet header of IPv4. */
function quote({ bytes, headers: { l4 } }: Refused): Uint8Array {
  return behindEthernet(bytes.subarray(l4 + ICMP.HEADER))
}

/** The same without the header of a tunnel in front of it. */
function inside({ bytes, headers: { l4 } }: Refused): Uint8Array {
  const packet = bytes.subarray(l4 + ICMP.HEADER)
  const [first = 0] = packet
  return behindEthernet(packet[IPV4.PROTOCOL] === IPIP ? packet.subarray((first & 15) * 4) : packet)
}

function behindEthernet(packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + packet.length)
  frame[12] = 8
  frame.set(packet, 14)
  return frame
}

function quoted(frame: Refused): HeaderValues {
  return headerValues(quote(frame))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** ICMP errors that go on to nobody, and pings that nobody takes out. */

import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP } from '../../wire/icmp.ts'
import { hostText } from '../../wire/ip-address.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { NEXT } from '../../wire/ipv6.ts'
import { echoOf } from '../frame/echo.ts'
import { headerValues } from '../frame/header-values.ts'
import { tunnelled } from '../frame/tunnelled.ts'
import type { Refused } from './drop-context.ts'
import type { DropTable } from './drop-row.ts'
import { noAddressOutside } from './match-drops.ts'

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

  icmp_no_rs: {
    says: 'ping of a host inside to a match service without an address of weight above 0',
    explain: frame => {
      const { match } = frame
      const told = match && noAddressOutside(frame, match)
      return {
        rule: `${told?.rule ?? `the match service that takes the ping of ${frame.src} to ${frame.dst} has no address of weight above 0`}; and more ICMP errors than leave at a time were due`,
        advice: told?.advice ?? 'give it one, or the one that it has a weight: snat[].addresses',
      }
    },
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
  const { ip } = headerValues(quote(frame))
  const version = frame.headers.ip?.version ?? 4
  if (ip === null)
    return `${quotedBytes(frame).length} bytes of a packet are quoted, too few for its ports`
  if (ip.version !== version || ip.header < 20)
    return `what is quoted begins with no IPv${version} header`
  if (ip.src !== frame.dst) {
    return `it is to ${frame.dst}, and quotes a packet of ${ip.src}`
  }
  if (ip.offset > 0) return `it quotes a fragment from byte ${ip.offset} on, which has no ports`
  if (ip.protocol === IPIP || ip.protocol === NEXT.IPV6)
    return 'it quotes the header of a tunnel, and too little of a packet of TCP (6) or UDP (17) behind that'
  if (ip.protocol !== 6 && ip.protocol !== 17)
    return `it quotes protocol ${ip.protocol}; only TCP (6), UDP (17) and echoes of ICMP (1) are translated`
  return `it quotes too little of ${ip.src} > ${ip.dst} for its ports`
}

function quotedEnds(frame: Refused): string {
  const packet = inside(frame)
  const values = headerValues(packet)
  const { ip, l4 } = values
  if (ip === null) return 'nothing'
  const echo = echoOf(values)
  if (echo !== null)
    return `the echo ${echo.isRequest ? 'request' : 'reply'} ${ip.src} > ${ip.dst}, id ${echo.id}`
  const view = viewOf(packet)
  const port = (at: number) => (l4 + at + 2 <= view.byteLength ? view.getUint16(l4 + at) : '?')
  return `${hostText(ip.src)}:${port(0)} > ${hostText(ip.dst)}:${port(2)}`
}

function quotedSeq(frame: Refused): number | string {
  const packet = inside(frame)
  const { l4 } = headerValues(packet)
  const view = viewOf(packet)
  return l4 + 8 <= view.byteLength ? view.getUint32(l4 + 4) : '?'
}

/** Its first bytes, as far as they are there. */
function quotedBytes({ bytes, headers: { l4 } }: Refused): Uint8Array {
  return bytes.subarray(l4 + ICMP.HEADER)
}

/** The quoted packet, behind an Ethernet header of the error's family. */
function quote(frame: Refused): Uint8Array {
  const packet = quotedBytes(frame)
  const whole = new Uint8Array(ETH.HEADER + packet.length)
  const isIpv6 = frame.headers.ip?.version === 6
  viewOf(whole).setUint16(ETH.TYPE, isIpv6 ? ETHERTYPE.IPV6 : ETHERTYPE.IPV4)
  whole.set(packet, ETH.HEADER)
  return whole
}

/** The same without the header of a tunnel in front of it. */
function inside(frame: Refused): Uint8Array {
  const whole = quote(frame)
  return tunnelled(whole, whole.length)?.bytes ?? whole
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

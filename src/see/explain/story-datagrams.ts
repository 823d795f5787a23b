/** What is told of a connection of UDP or of a ping alone, and of ICMP errors about any. */

import { listed } from '../drops/drop-context.ts'
import { frameText } from '../frame/frame-text.ts'
import type { FrameIn, FrameOut } from '../moments/moment.ts'
import { counted } from '../text/counted.ts'
import type { Facts } from './story.ts'

export function uoaText({ toa, ends }: Facts): string {
  const missing = [...new Set(toa.failed)].join(', ')
  const failed = toa.failed.length > 0 ? `; ${toa.failed.length} times not: ${missing}` : ''
  return toa.added > 0
    ? `${counted(toa.added, 'datagram')} told the real server of ${ends.client}${failed}`
    : `the real server does not know ${ends.client}${failed || ': no datagram has carried it (udp.uoa)'}`
}

export function answerText({ handshake: { synAckUs } }: Facts): string {
  return synAckUs === null
    ? 'the real server has not answered'
    : `the real server answered after ${spanText(synAckUs)}`
}

/** The identifier of a ping is another one outside (RFC 5508 3). */
export function identifierText({ ends }: Facts): string {
  const [own, outside] = [ends.client, ends.lip].map(end => end.slice(end.lastIndexOf(':') + 1))
  return `${own} of the client is ${outside} outside; replies with ${outside} come back to it with ${own}`
}

/** In the order in which they were asked. */
export function unansweredText({ unanswered }: Facts): string[] {
  if (unanswered.size === 0) return []
  const all = [...unanswered.keys()].map(String)
  return [`without a reply: ${counted(all.length, 'request')}, seq ${listed(all)}`]
}

/** An error of our own about a packet of one of the ends. */
export function toldHappened({ atUs, direction, bytes, length }: FrameOut) {
  const end = direction === 'out' ? 'client' : 'real server'
  return {
    atUs,
    what: `the ${end} is told by an ICMP error of our own`,
    frame: frameText(bytes, length),
  }
}

/** An ICMP error quotes a packet that we have sent, which says whose it is. */
export function errorHappened(frame: FrameIn) {
  const { atUs, direction, verdict } = frame
  const side = direction === 'in' ? "client's" : "real server's"
  const end = direction === 'in' ? 'real server' : 'client'
  const fate =
    'sent' in verdict
      ? `goes on to the ${end}, about the packet that it knows`
      : 'drop' in verdict
        ? `is dropped, ${verdict.drop}`
        : 'parked' in verdict
          ? `waits for the MAC of the next hop`
          : 'goes no further'
  return {
    atUs,
    what: `an ICMP error from the ${side} side quotes a packet of it, and ${fate}`,
    frame: frameText(frame.bytes, frame.length),
  }
}

/** `0.3 ms`, `8.12 s`. */
export function spanText(us: number): string {
  if (us < 1000) return `${us} us`
  if (us < 1_000_000) return `${(us / 1000).toFixed(1)} ms`
  return `${(us / 1_000_000).toFixed(2)} s`
}

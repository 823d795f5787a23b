/** Fragments that are refused, and datagrams that never become whole. */

import { PROTO } from '../../wire/ipv4.ts'
import { FRAGMENT6, IPV6 } from '../../wire/ipv6.ts'
import { TCP } from '../../wire/tcp.ts'
import type { Refused } from './drop-context.ts'
import type { DropTable } from './drop-row.ts'

const TOTAL_MAX = 65_535

export const FRAGMENT_DROPS = {
  ip_fragment: {
    says: 'fragment that is not put together: for no address of ours, or fragments.datagrams is 0',
    explain: frame => {
      const ours = frame.ours(frame.dst)
      return {
        rule: `${fragmentText(frame)}; ${ours === undefined ? `${frame.dst} is no address of ours` : `${frame.dst} is ${ours}, and fragments.datagrams is 0`}`,
        advice:
          ours === undefined
            ? `nothing, or find out why ${frame.srcMac} sends it here`
            : 'fragments.datagrams: 64 lets them be put together',
      }
    },
  },

  fragment_length: {
    says: 'fragment of no bytes, or with more to follow and not a multiple of 8',
    explain: frame => ({
      rule: `${fragmentText(frame)} has ${bytesOf(frame)} bytes of payload`,
      advice: attack(frame),
    }),
  },

  fragment_tiny: {
    says: 'fragments so small that the header inside is not whole in the first one',
    explain: frame => ({
      rule: tinyRule(frame),
      advice: attack(frame),
    }),
  },

  fragment_past_end: {
    says: 'fragment that reaches behind the largest datagram (ping of death)',
    explain: frame => ({
      rule: `${fragmentText(frame)} ends at ${endOf(frame)}, and a datagram has at most ${TOTAL_MAX} bytes ${frame.headers.ip?.version === 6 ? 'behind its first header' : 'with its header'}`,
      advice: attack(frame),
    }),
  },

  fragment_overlap: {
    says: 'fragments that overlap (Teardrop); all of their datagram is dropped',
    explain: frame => ({
      rule: `${fragmentText(frame)}, of ${bytesOf(frame)} bytes, overlaps what had come of the datagram, or came behind one that did`,
      advice: attack(frame),
    }),
  },

  fragment_misfit: {
    says: 'fragments that contradict each other; all of their datagram is dropped',
    explain: frame => ({
      rule: `${fragmentText(frame)} ends at ${endOf(frame)}: another one says that the datagram ends elsewhere, or it has come through congestion (CE) and another one cannot be told of any (RFC 3168 5.3)`,
      advice: attack(frame),
    }),
  },

  fragment_too_many: {
    says: 'datagram in more than 128 fragments',
    explain: frame => ({
      rule: `${fragmentText(frame)} is one too many: a datagram may have 128`,
      advice: `the path from ${frame.src} has a very small MTU somewhere, or it is an attack`,
    }),
  },

  fragment_no_room: {
    says: 'datagram given up half-way for a newer one',
    explain: frame => ({
      rule: `${fragmentText(frame)} was of the oldest datagram, and fragments.datagrams are as many as there may be; one source may have half of them`,
      advice: `if one source sends most of them it is a flood: find out who sends with the MAC ${frame.srcMac}; else a larger fragments.datagrams or a shorter fragments.timeout`,
    }),
  },

  fragment_timeout: {
    says: 'datagram that was not whole in time',
    explain: frame => ({
      rule: `${fragmentText(frame)} has waited for the others for longer than fragments.timeout`,
      advice: `others were lost on the way from ${frame.src}, or a firewall lets only first ones pass`,
    }),
  },
} satisfies DropTable

function fragmentText(frame: Refused): string {
  const { id, offset, more } = frame.headers.ip ?? { id: 0, offset: 0, more: false }
  return `a fragment (id ${id}, offset ${offset}, ${more ? 'more follow' : 'the last one'}) of ${frame.src} > ${frame.dst}`
}

function tinyRule(frame: Refused): string {
  const { ip, tcp } = frame.headers
  const fragment = fragmentText(frame)
  if (bytesOf(frame) < 0) return `${fragment} ends among its extension headers (RFC 7112)`
  if (ip?.protocol !== PROTO.TCP)
    return `${fragment} has ${bytesOf(frame)} bytes of payload, 8 are needed`
  if (ip.offset > 0)
    return `${fragment} begins inside of the TCP header, which has at least ${TCP.HEADER} bytes`
  return `${fragment} has ${bytesOf(frame)} bytes of payload, and the TCP header ${Math.max(TCP.HEADER, tcp?.header ?? 0)}`
}

function bytesOf({ headers: { ip } }: Refused): number {
  return ip === null ? 0 : ip.total - ip.header
}

function endOf(frame: Refused): number {
  const { ip } = frame.headers
  if (ip === null) return 0
  // Of IPv6 what counts is behind the first header, and the fragment's own is none of the datagram's.
  const before = ip.version === 6 ? IPV6.HEADER + FRAGMENT6.HEADER : 0
  return ip.header - before + ip.offset + bytesOf(frame)
}

function attack({ srcMac }: Refused): string {
  return `no honest sender does that; find out who it is: ${srcMac}`
}

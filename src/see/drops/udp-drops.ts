/** Datagrams that are refused, and those that open no connection. */

import { PROTO } from '../../wire/ipv4.ts'
import { UDP } from '../../wire/udp.ts'
import { checksumRule } from './checksum-rule.ts'
import type { DropTable } from './drop-row.ts'
import { answersHere, noLip, noRs, noService } from './tcp-drops.ts'

export const UDP_DROPS = {
  udp_header: {
    says: 'malformed UDP header',
    explain: frame => {
      const { ip, l4 } = frame.headers
      const bytes = ip === null ? 0 : ip.total - ip.header
      const at = l4 + UDP.LENGTH
      const says = ((frame.bytes[at] ?? 0) << 8) | (frame.bytes[at + 1] ?? 0)
      return {
        rule:
          bytes < UDP.HEADER
            ? `${bytes} bytes of UDP, its header alone has 8`
            : `the length says ${says} bytes; the packet has ${bytes}, the least are 8`,
        advice: `nothing to be done here; ${frame.src} sends it`,
      }
    },
  },

  udp_checksum: {
    says: 'wrong UDP checksum, and it would have moved something',
    explain: frame => ({
      rule: checksumRule(frame, 'UDP', PROTO.UDP, UDP.CHECKSUM),
      advice: `the datagram was spoilt on its way, or ${frame.srcMac} leaves checksums to a card that has none: ethtool -K DEVICE tx off there; impair.corrupt of ${frame.arm} does it too`,
    }),
  },

  udp_no_service: {
    says: 'UDP to an address and port without a service',
    explain: frame => {
      if (frame.isLip(frame.dst)) {
        return {
          rule: `${frame.to} is an lport of ours, and no connection from it to ${frame.from} is left`,
          advice: `a real server that answers after udp.timeouts, or to a service with one_packet, whose answers nobody forwards: tapvs explain conn ${frame.to}`,
        }
      }
      if (frame.isPast) return answersHere(frame)
      return noService(frame, 'udp', known => `is no service of UDP; those are ${known}`)
    },
  },

  udp_no_rs: {
    says: 'datagram to a service without a real server of weight above 0',
    explain: frame => noRs(frame, '-u', '; when_down: reject tells clients at once'),
  },

  udp_no_lip: {
    says: 'datagram to a service without a LIP',
    explain: frame => noLip(frame, '-u'),
  },
} satisfies DropTable

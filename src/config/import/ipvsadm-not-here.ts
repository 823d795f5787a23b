/** What lines of ipvsadm have that is not carried over, and why. */

import type { Forwarding } from '../../api/words.ts'
import { byWord } from '../../see/text/by-word.ts'

/** Why an option is not carried over; the rest of its line is. */
export const NOT_HERE: Readonly<Record<string, string>> = byWord({
  ops: 'one-packet scheduling is for UDP',
  pe: 'persistence engines are not supported',
  'expire-quiescent': 'connections of a real server with weight 0 live on here',
  'dest-check': 'passive checks are set by hand, see config/lab.yaml',
  quic: 'QUIC is of UDP',
  'limit-proportion': 'packets are not dropped by chance',
  bps: 'bandwidth is not limited (nor is it by DPVS)',
})

/** Ways to a real server but FullNAT. */
export const MODES: Readonly<Record<string, { letter: string; forwarding: Forwarding }>> = byWord({
  masquerading: { letter: '-m', forwarding: 'nat' },
  ipip: { letter: '-i', forwarding: 'tunnel' },
  gatewaying: { letter: '-g', forwarding: 'dr' },
} as const)

/** Said of nothing: they change no configuration, or are always so here. */
export const SILENT = new Set([
  'numeric',
  'fullnat',
  'list',
  'exact',
  'save',
  'restore',
  'sort',
  'nosort',
])

/** What is neither TCP nor UDP over IPv4, by the option that names the service. */
export const OTHER_SERVICES: Readonly<Record<string, string>> = byWord({
  'sctp-service': 'SCTP is not supported',
  'fwmark-service': 'services by firewall mark are not supported (DPVS never matches them)',
  'icmp-service': 'ICMP services are not supported',
  'icmpv6-service': 'ICMPv6 services are not supported',
})

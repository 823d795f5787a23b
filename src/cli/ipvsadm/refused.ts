/** What other builds of ipvsadm have and this has not; read, so that their errors can say why. */

import type { OptionRow } from '../grammar/options.ts'

const ONE_NODE = 'there is no connection synchronisation'
const NO_FLAG = 'is not supported; leave it out'

export const REFUSED: readonly (OptionRow & { refused: string })[] = [
  { long: 'sctp-service', refused: 'SCTP is not supported; services are TCP (-t) or UDP (-u)' },
  {
    long: 'icmp-service',
    short: 'q',
    refused: 'ICMP services are not supported; pings of a VIP are answered',
  },
  {
    long: 'icmpv6-service',
    short: '1',
    refused: 'ICMPv6 services are not supported; pings of a VIP are answered',
  },
  {
    long: 'ipv6',
    short: '6',
    refused: 'is for firewall marks, which are not supported; name the service by -t [VIP]:PORT',
  },
  {
    long: 'fwmark-service',
    short: 'f',
    refused: 'firewall marks are not supported; name the service by -t or -u VIP:PORT',
  },
  { long: 'expire-quiescent', refused: NO_FLAG },
  { long: 'pe', refused: 'persistence is by client address only; leave it out' },
  { long: 'persistent-conn', refused: 'who keeps which real server is not listed yet' },
  { long: 'dest-check', refused: 'is not supported here; health checks are set in the config' },
  { long: 'start-daemon', refused: ONE_NODE },
  { long: 'stop-daemon', refused: ONE_NODE },
  { long: 'daemon', refused: ONE_NODE },
  { long: 'mcast-interface', refused: ONE_NODE },
  { long: 'syncid', refused: ONE_NODE },
].map(row => ({ ...row, help: 'not supported' }))

/** Frames that are refused for their extension headers of IPv6, or as neighbour discovery. */

import { type Case, MAC } from './drop.ts'
import { concat, ethernet, type Ipv6Fields, icmpv6, ipv6, tcp, vnetHeader } from './frame.ts'
import { advertisement, SEED6_CONFIG, SEED64_CONFIG } from './nd.ts'
import { CLIENT_MAC } from './stand.ts'

const CLIENT = '2001:db8:10::2'
const VIP = '2001:db8:10::1'
const ENDS = { src: CLIENT, dst: VIP }
const ALL_NODES = { src: CLIENT, dst: 'ff02::1' }
const GROUP = '33:33:00:00:00:01'
const SYN6 = tcp({ ...ENDS, sport: 33_896, dport: 6379, flags: 'S', seq: 1 })

function six(packet: Uint8Array, dstMac = MAC.dpdk0): Uint8Array {
  return concat(vnetHeader(), ethernet(dstMac, CLIENT_MAC, 0x86dd, packet))
}

const row = (drop: Case['drop'], name: string, bytes: Uint8Array): Case => ({
  name,
  drop,
  bytes,
  config: SEED6_CONFIG,
})

/** An extension header of so many bytes, of zeroes: padding, or a routing header without a hop to go. */
const extension = (kind: number, bytes: number) => ({
  kind,
  rest: Uint8Array.of(bytes / 8 - 1, ...new Uint8Array(bytes - 2)),
})

function syn(fields: Partial<Ipv6Fields>): Uint8Array {
  return six(ipv6({ ...ENDS, next: 6, ...fields }, SYN6))
}

const MANY = Array.from({ length: 9 }, () => extension(60, 8))
const ROUTED = { kind: 43, rest: Uint8Array.of(0, 0, 1, 0, 0, 0, 0) }
const echo = (bytes: number) => icmpv6(ENDS, 128, 0, new Uint8Array(bytes))

export const IPV6_DROPS: Case[] = [
  row('IP_EXTENSION', '72 bytes of extension headers', syn({ extensions: MANY })),
  row(
    'IP_EXTENSION',
    'one that ends behind the packet',
    six(ipv6({ ...ENDS, next: 60 }, Uint8Array.of(6, 9, 0, 0, 0, 0, 0, 0))),
  ),
  row(
    'IP_EXTENSION',
    'a packet that ends in front of one',
    six(ipv6({ ...ENDS, next: 60 }, new Uint8Array(4))),
  ),
  row(
    'IP_EXTENSION',
    'hop-by-hop options that are not the first',
    syn({ extensions: [extension(60, 8), extension(0, 8)] }),
  ),
  row('IP_EXTENSION', 'routing with a hop to go', syn({ extensions: [ROUTED] })),
  row(
    'IP_EXTENSION',
    'an echo request with some',
    six(ipv6({ ...ENDS, next: 58, extensions: [extension(60, 8)] }, echo(8))),
  ),
  {
    ...row(
      'NAT64_EXTENSION',
      'a SYN with some to a service whose RS speaks IPv4',
      syn({ extensions: [extension(60, 8)] }),
    ),
    config: SEED64_CONFIG,
  },
  row(
    'IP_HEADER',
    'version 5 in a frame of IPv6',
    six(Uint8Array.from(ipv6({ ...ENDS, next: 6 }, SYN6), (byte, i) => (i === 0 ? 0x50 : byte))),
  ),
  row('IP_HEADER', '39 bytes of IPv6', six(ipv6({ ...ENDS, next: 6 }, SYN6).subarray(0, 39))),
  row(
    'IP_TRUNCATED',
    'IPv6 that says to be longer',
    six(ipv6({ ...ENDS, next: 6 }, SYN6).subarray(0, 59)),
  ),
  row('IP_TTL', 'IPv6 with hop limit 0', syn({ hopLimit: 0 })),
  row('IP_PROTOCOL', 'SCTP over IPv6', six(ipv6({ ...ENDS, next: 132 }, new Uint8Array(12)))),
  row('IP_SOURCE', 'IPv6 from a group', syn({ src: 'ff02::1' })),
  row(
    'IP_SOURCE',
    'SYN over IPv6 from an address of one link',
    six(
      ipv6(
        { ...ENDS, src: 'fe80::1', next: 6 },
        tcp({ ...ENDS, src: 'fe80::1', sport: 1, dport: 6379, flags: 'S', seq: 1 }),
      ),
    ),
  ),
  row(
    'ETH_NOT_UNICAST',
    "SYN over IPv6 to a group's MAC",
    six(ipv6({ ...ENDS, next: 6 }, SYN6), GROUP),
  ),
  row(
    'ICMP_CHECKSUM',
    'ping over IPv6 with a wrong checksum',
    six(
      ipv6(
        { ...ENDS, next: 58 },
        Uint8Array.from(echo(8), (byte, i) => (i === 9 ? 1 : byte)),
      ),
    ),
  ),
  row(
    'ICMP_NOT_OURS',
    'ping over IPv6 of another',
    six(
      ipv6(
        { ...ENDS, dst: '2001:db8:10::9', next: 58 },
        icmpv6({ ...ENDS, dst: '2001:db8:10::9' }, 128, 0, new Uint8Array(4)),
      ),
    ),
  ),
  row(
    'ICMP_TYPE',
    'router solicitation to a group',
    six(
      ipv6({ ...ALL_NODES, next: 58, hopLimit: 255 }, icmpv6(ALL_NODES, 133, 0, new Uint8Array(4))),
      GROUP,
    ),
  ),
  row(
    'UDP_CHECKSUM',
    'a datagram over IPv6 without a checksum',
    six(ipv6({ ...ENDS, next: 17 }, Uint8Array.of(0, 9, 0, 9, 0, 8, 0, 0))),
  ),
  row(
    'ND_HEADER',
    'solicitation with hop limit 64',
    six(advertisement(ENDS, VIP, CLIENT_MAC, 0, 135, 64)),
  ),
  row(
    'ND_HEADER',
    'solicitation with the MAC of a group',
    six(advertisement(ENDS, VIP, GROUP, 0, 135)),
  ),
  row('ND_HEADER', 'advertisement of a group', six(advertisement(ENDS, 'ff02::5', CLIENT_MAC))),
  row(
    'ND_HEADER',
    'solicited advertisement to all nodes',
    six(advertisement(ALL_NODES, CLIENT, CLIENT_MAC, 0x40), GROUP),
  ),
  row(
    'ND_HEADER',
    'solicitation with an option of length 0',
    six(ipv6({ ...ENDS, next: 58, hopLimit: 255 }, icmpv6(ENDS, 135, 0, new Uint8Array(28)))),
  ),
  row(
    'ND_HEADER',
    'a question for groups from an address of more than one link',
    six(
      ipv6({ ...ALL_NODES, next: 58, hopLimit: 1 }, icmpv6(ALL_NODES, 130, 0, new Uint8Array(20))),
      GROUP,
    ),
  ),
  row(
    'ND_NOT_OURS',
    'solicitation of another',
    six(advertisement(ENDS, '2001:db8:10::9', CLIENT_MAC, 0, 135)),
  ),
  row(
    'ND_NOT_OURS',
    'advertisement of a stranger to all nodes',
    six(advertisement(ALL_NODES, CLIENT, CLIENT_MAC), GROUP),
  ),
  row(
    'ND_UNSOLICITED',
    'advertisement of a stranger to us',
    six(advertisement(ENDS, CLIENT, CLIENT_MAC, 0x60)),
  ),
  row(
    'ND_CLAIMS_OURS',
    'advertisement of our VIP',
    six(advertisement(ALL_NODES, VIP, CLIENT_MAC, 0x20), GROUP),
  ),
  row(
    'ND_CLAIMS_OURS',
    'solicitation from our VIP',
    six(advertisement({ src: VIP, dst: VIP }, VIP, CLIENT_MAC, 0, 135)),
  ),
]

/** Which rule refused a frame for its Ethernet, ARP, IP, ICMP or virtio-net header, with the values, and what to do. */

import { ARP, ARP_OP, isIpv4OverEthernet } from '../../wire/arp.ts'
import { fold, sumWords } from '../../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP, ICMP_TYPE } from '../../wire/icmp.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'
import { GSO } from '../../wire/vnet-hdr.ts'
import type { Refused } from './drop-context.ts'

export interface Explanation {
  /** The check that failed, with the values. */
  rule: string
  /** A command or a config key, or why there is nothing to do. */
  advice: string
}

export type Rule = (frame: Refused) => Explanation

const TYPES = new Map<number, string>([
  [ETHERTYPE.IPV6, 'IPv6'],
  [0x88cc, 'LLDP'],
  [0x8863, 'PPPoE'],
  [0x8864, 'PPPoE'],
  [0x8847, 'MPLS'],
])
const PROTOCOLS = new Map<number, string>([
  [2, 'IGMP'],
  [PROTO.UDP, 'UDP'],
  [47, 'GRE'],
  [50, 'ESP'],
  [89, 'OSPF'],
  [112, 'VRRP'],
  [132, 'SCTP'],
])

const ICMP_NAMES = new Map<number, string>([
  [ICMP_TYPE.ECHO_REPLY, 'echo reply'],
  [ICMP_TYPE.UNREACHABLE, 'unreachable'],
  [ICMP_TYPE.REDIRECT, 'redirect'],
  [ICMP_TYPE.TIME_EXCEEDED, 'time exceeded'],
  [13, 'timestamp'],
])

export const L2_RULES = {
  eth_runt: frame => ({
    rule: `the frame has ${frame.length} bytes, an Ethernet header alone has ${ETH.HEADER}`,
    advice: `look at what writes to ${frame.arm}: no network card sends such a frame`,
  }),

  eth_otherhost: frame => {
    const dst = frame.dstMac
    const other = frame.context.arms.find(({ mac }) => mac === dst)
    const whose = other ? `, but that of ${other.name}` : ''
    return {
      rule: `destination MAC ${dst} is not that of ${frame.arm}, ${frame.armMac}${whose}`,
      advice: other
        ? `both arms are on one segment; connect ${other.name} and ${frame.arm} to networks of their own`
        : 'nothing, if a switch floods it; if it was meant for us, the sender has an old MAC: ip neigh flush there',
    }
  },

  eth_not_unicast: frame => ({
    rule: `destination MAC ${frame.dstMac} is a group's, and IPv4 to groups is not balanced (${frame.src} > ${frame.dst})`,
    advice: `nothing: mDNS, DHCP and the like are at home on every segment; ${frame.srcMac} sends it`,
  }),

  eth_vlan: frame => ({
    rule: `802.1Q tag with VLAN ${frame.headers.eth?.vlans.join(' in ') || '?'}; arms carry untagged frames`,
    advice: `make the port that ${frame.arm} is on an access port of its VLAN`,
  }),

  eth_type: frame => {
    const type = frame.headers.eth?.type ?? 0
    if (type < 1536) {
      return {
        rule: `${type} is no ethertype but a length (802.3): spanning tree and the like`,
        advice: 'nothing: a bridge says it to bridges',
      }
    }
    const name = TYPES.get(type)
    return {
      rule: `ethertype is 0x${hex(type)}${name ? `, ${name}` : ''}; only IPv4 (0x0800) and ARP (0x0806) are known`,
      advice:
        type === ETHERTYPE.IPV6
          ? `nothing; to have silence: sysctl net.ipv6.conf.DEVICE.disable_ipv6=1 on ${frame.srcMac}`
          : `nothing, or stop ${frame.srcMac} from sending it`,
    }
  },

  vnet_header: frame => ({
    rule: vnetRule(frame),
    advice: `the driver behind ${frame.arm} and its offloads disagree: ethtool -K DEVICE tx off gso off on the sender, and tapvs doctor`,
  }),

  arp_header: frame => ({
    rule: arpHeaderRule(frame),
    advice: `nothing to be done here; ${frame.srcMac} sends it`,
  }),

  arp_not_ours: frame => ({
    rule: `${frame.arp.target} is no address of ${frame.arm}, which has ${frame.addressesOf(frame.arm)}; ${frame.arp.sender} asks`,
    advice: `nothing, if it is another machine's; if it is to be ours: tapvs dpip addr add ${frame.arp.target}/32 dev ${frame.arm}`,
  }),

  arp_unsolicited: frame => ({
    rule: `${frame.arp.sender} says that it is at ${frame.arp.senderMac}, and nobody has asked: it is no next hop of ours`,
    advice: `nothing; if it is to be known: tapvs dpip neigh add ${frame.arp.sender} lladdr ${frame.arp.senderMac} dev ${frame.arm}`,
  }),

  arp_claims_ours: frame => ({
    rule: `the sender ${frame.arp.senderMac} gives ${frame.arp.sender} for its own address, which is ${frame.ours(frame.arp.sender) ?? 'ours'}`,
    advice: `find the machine with the MAC ${frame.arp.senderMac} and take the address away from it, or here: tapvs dpip addr del ${frame.arp.sender}/32 dev ${frame.arm}`,
  }),

  ip_header: frame => ({
    rule: ipHeaderRule(frame),
    advice: `nothing to be done here; ${frame.srcMac} sends it`,
  }),

  ip_checksum: frame => {
    const header = frame.headers.ip?.header ?? IPV4.HEADER
    return {
      rule: `the header checksum is 0x${hex(frame.headers.ip?.checksum ?? 0)}, would be 0x${hex(checksumOf(frame, ETH.HEADER, header, IPV4.CHECKSUM))}`,
      advice: `the frame was spoilt on its way, or ${frame.srcMac} leaves checksums to a card that has none: ethtool -K DEVICE tx off there; impair.corrupt of ${frame.arm} does it too`,
    }
  },

  ip_truncated: frame => ({
    rule: `the IP header says ${frame.headers.ip?.total ?? 0} bytes, and the frame has ${frame.behindEthernet}`,
    advice: `the frame was cut off on its way; compare the MTUs of ${frame.arm} and of ${frame.srcMac}`,
  }),

  ip_fragment: frame => {
    const { id, offset, more } = frame.headers.ip ?? { id: 0, offset: 0, more: false }
    return {
      rule: `a fragment (id ${id}, offset ${offset}, ${more ? 'more follow' : 'the last one'}) of ${frame.src} > ${frame.dst}; its ports may be in another one`,
      advice: `let ${frame.src} send packets that fit: path MTU discovery on, or a smaller MTU there`,
    }
  },

  ip_ttl: frame => {
    const ttl = frame.headers.ip?.ttl ?? 0
    if (ttl === 0) {
      return {
        rule: `TTL is 0 (${frame.src} > ${frame.dst})`,
        advice: `a loop of routes, or a sender that begins too low: traceroute from ${frame.src}`,
      }
    }
    return {
      rule: `TTL is ${ttl}, and it would be ${ttl - 1} behind us, because tcp.xmit_ttl is on`,
      advice: 'a sender too far away, or a traceroute; tcp.xmit_ttl: false leaves the TTL alone',
    }
  },

  ip_protocol: frame => {
    const protocol = frame.headers.ip?.protocol ?? 0
    const name = PROTOCOLS.get(protocol)
    return {
      rule: `protocol is ${protocol}${name ? `, ${name}` : ''}; only TCP (6) and ICMP (1) are known (${frame.src} > ${frame.dst})`,
      advice: `nothing, or stop ${frame.src} from sending it; services are of TCP only`,
    }
  },

  icmp_header: frame => ({
    rule: `${icmpBytes(frame)} bytes of ICMP, its header alone has ${ICMP.HEADER}`,
    advice: `nothing to be done here; ${frame.src} sends it`,
  }),

  icmp_checksum: frame => {
    const whole = frame.bytes.length >= frame.length
    const would = `0x${hex(checksumOf(frame, frame.headers.l4, icmpBytes(frame), ICMP.CHECKSUM))}`
    return {
      rule: `the ICMP checksum is 0x${hex(frame.headers.icmp?.checksum ?? 0)}, ${whole ? `would be ${would}` : `and its ${icmpBytes(frame)} bytes have another`}`,
      advice: `the ping of ${frame.src} was spoilt on its way; impair.corrupt of ${frame.arm} does it too`,
    }
  },

  icmp_type: frame => ({
    rule: `type is ${icmpTypeText(frame)}; only echo requests (8) are answered`,
    advice: 'nothing: errors for translated connections are not passed on yet',
  }),

  icmp_not_ours: frame => ({
    rule: `${frame.dst} is no address of ${frame.arm}, which has ${frame.addressesOf(frame.arm)}`,
    advice:
      frame.ours(frame.dst) === undefined
        ? `if it is to be ours: tapvs dpip addr add ${frame.dst}/32 dev ${frame.arm}`
        : `nothing: it is ${frame.ours(frame.dst)}, and each address is answered on its own arm`,
  }),
} satisfies Record<string, Rule>

export function hex(value: number): string {
  return (value & 0xffff).toString(16).padStart(4, '0')
}

/** That of `bytes` bytes at `at`, whose checksum field is `field` behind it. */
function checksumOf(frame: Refused, at: number, bytes: number, field: number): number {
  const copy = frame.bytes.slice()
  if (at + field + 2 > copy.length) return 0
  copy.fill(0, at + field, at + field + 2)
  const view = new DataView(copy.buffer)
  return ~fold(sumWords(view, at, Math.min(bytes, copy.length - at))) & 0xffff
}

function icmpTypeText({ headers: { icmp } }: Refused): string {
  const name = ICMP_NAMES.get(icmp?.type ?? -1)
  return `${icmp?.type ?? '?'}${name ? `, ${name}` : ''}`
}

function icmpBytes({ headers: { ip } }: Refused): number {
  return ip === null ? 0 : ip.total - ip.header
}

function vnetRule({ vnet, headers }: Refused): string {
  const { partial, gsoType, gsoSize, csumStart, csumOffset } = vnet
  const l4 = headers.l4
  if (headers.ip?.protocol !== PROTO.TCP) {
    return `ICMP with offloads (flags ${partial ? 1 : 0}, gso_type ${gsoType}): they are for TCP only`
  }
  if (partial && csumStart !== l4)
    return `csum_start is ${csumStart}, and the TCP header begins at ${l4}`
  if (partial && csumOffset !== TCP.CHECKSUM) {
    return `csum_offset is ${csumOffset}, and the checksum of TCP is at ${TCP.CHECKSUM}`
  }
  if ((gsoType & ~GSO.ECN) !== GSO.TCPV4) {
    return `gso_type is ${gsoType}, and the segment is TCP over IPv4 (${GSO.TCPV4})`
  }
  if (!partial) return `gso_type is ${gsoType} without a partial checksum: it cannot be cut up`
  return `gso_size is ${gsoSize}: it cannot be cut up into segments of ${gsoSize} bytes`
}

function arpHeaderRule(frame: Refused): string {
  const { arp } = frame.headers
  if (arp === null) {
    return `${frame.behindEthernet} bytes behind the Ethernet header, ARP has ${ARP.BYTES}`
  }
  const view = new DataView(frame.bytes.buffer, frame.bytes.byteOffset, frame.bytes.length)
  if (!isIpv4OverEthernet(view, ETH.HEADER)) {
    const at = ETH.HEADER
    const types = `${view.getUint16(at + ARP.HTYPE)}/0x${hex(view.getUint16(at + ARP.PTYPE))}`
    return `its types are ${types} and its lengths ${view.getUint8(at + ARP.HLEN)}/${view.getUint8(at + ARP.PLEN)}; IPv4 over Ethernet is 1/0x0800 and 6/4`
  }
  if (arp.op !== ARP_OP.REQUEST && arp.op !== ARP_OP.REPLY) {
    return `operation is ${arp.op}, neither a request (1) nor a reply (2)`
  }
  return `the sender's MAC is ${arp.senderMac}, which no single machine can have`
}

function ipHeaderRule(frame: Refused): string {
  const { ip } = frame.headers
  const bytes = frame.behindEthernet
  if (ip === null)
    return `${bytes} bytes behind the Ethernet header, an IPv4 header has ${IPV4.HEADER}`
  if (ip.version !== 4) return `version is ${ip.version}, and the ethertype says 4`
  if (ip.header < IPV4.HEADER) return `header length is ${ip.header}, the least is ${IPV4.HEADER}`
  if (ip.header > bytes) return `header length is ${ip.header}, and the frame has ${bytes} bytes`
  return `total length is ${ip.total}, and the header alone has ${ip.header}`
}

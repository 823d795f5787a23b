/** Frames that are refused for their Ethernet, ARP or virtio-net header. */

import { ARP, ARP_OP, isIpv4OverEthernet } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { PROTO } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'
import { UDP } from '../../wire/udp.ts'
import { GSO } from '../../wire/vnet-hdr.ts'
import type { Refused } from './drop-context.ts'
import { type DropTable, hex } from './drop-row.ts'

const TYPES = new Map<number, string>([
  [ETHERTYPE.IPV6, 'IPv6'],
  [0x88cc, 'LLDP'],
  [0x8863, 'PPPoE'],
  [0x8864, 'PPPoE'],
  [0x8847, 'MPLS'],
])

export const LINK_DROPS = {
  eth_runt: {
    says: 'shorter than an Ethernet header',
    explain: frame => ({
      rule: `the frame has ${frame.length} bytes, an Ethernet header alone has ${ETH.HEADER}`,
      advice: `look at what writes to ${frame.arm}: no network card sends such a frame`,
    }),
  },

  eth_otherhost: {
    says: 'for the MAC of another station',
    explain: frame => {
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
  },

  eth_not_unicast: {
    says: 'multicast or broadcast that is no ARP',
    explain: frame => ({
      rule: `destination MAC ${frame.dstMac} is a group's, and IPv4 to groups is not balanced (${frame.src} > ${frame.dst})`,
      advice: `nothing: mDNS, DHCP and the like are at home on every segment; ${frame.srcMac} sends it`,
    }),
  },

  eth_vlan: {
    says: 'of a VLAN that no arm has',
    explain: frame => {
      const ids = (frame.headers.eth?.tags ?? []).map(({ id }) => id)
      const [id = '?'] = ids
      // A service tag (802.1ad) is an outer one, whatever is inside.
      if (ids.length > 1 || frame.bytes[12] === 0x88)
        return {
          rule: `tags of 802.1ad or one in another (VLAN ${ids.toReversed().join(' in ')}); arms know one tag of 802.1Q`,
          advice: `have the outer tag taken off before ${frame.arm}`,
        }
      return {
        rule: `802.1Q tag with VLAN ${id}, and no arm has vlan: { arm: ${frame.arm}, id: ${id} }`,
        advice: `add such an arm, or take VLAN ${id} off the port that ${frame.arm} is on`,
      }
    },
  },

  eth_type: {
    says: 'neither IPv4 nor ARP',
    explain: frame => {
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
  },

  vnet_header: {
    says: 'offload header that contradicts the frame',
    explain: frame => ({
      rule: vnetRule(frame),
      advice: `the driver behind ${frame.arm} and its offloads disagree: ethtool -K DEVICE tx off gso off on the sender, and tapvs doctor`,
    }),
  },

  arp_header: {
    says: 'malformed ARP, or not of Ethernet and IPv4',
    explain: frame => ({
      rule: arpHeaderRule(frame),
      advice: `nothing to be done here; ${frame.srcMac} sends it`,
    }),
  },

  arp_not_ours: {
    says: 'ARP for an address that is not of this arm',
    explain: frame => ({
      rule: `${frame.arp.target} is no address of ${frame.arm}, which has ${frame.addressesOf(frame.arm)}; ${frame.arp.sender} asks`,
      // Who took the host's own address would be cut off from it.
      advice: frame.isOfNic
        ? `nothing: it is for the host or for another machine, and we only hear a copy`
        : `nothing, if it is another machine's; if it is to be ours: tapvs dpip addr add ${frame.arp.target}/32 dev ${frame.arm}`,
    }),
  },

  arp_unsolicited: {
    says: 'ARP reply that nobody asked for, from an unknown neighbour',
    explain: frame => ({
      rule: `${frame.arp.sender} says that it is at ${frame.arp.senderMac}, and nobody has asked: it is no next hop of ours`,
      advice: `nothing; if it is to be known: tapvs dpip neigh add ${frame.arp.sender} lladdr ${frame.arp.senderMac} dev ${frame.arm}`,
    }),
  },

  arp_claims_ours: {
    says: 'ARP that claims one of our addresses for another MAC',
    explain: frame => ({
      rule: `the sender ${frame.arp.senderMac} gives ${frame.arp.sender} for its own address, which is ${frame.ours(frame.arp.sender) ?? 'ours'}`,
      advice: `find the machine with the MAC ${frame.arp.senderMac} and take the address away from it, or here: tapvs dpip addr del ${frame.arp.sender}/32 dev ${frame.arm}`,
    }),
  },
} satisfies DropTable

function vnetRule({ vnet, headers }: Refused): string {
  const { partial, gsoType, gsoSize, csumStart, csumOffset } = vnet
  const l4 = headers.l4
  const isUdp = headers.ip?.protocol === PROTO.UDP
  if (headers.ip?.protocol !== PROTO.TCP && !isUdp) {
    return `ICMP with offloads (flags ${partial ? 1 : 0}, gso_type ${gsoType}): they are for TCP and UDP only`
  }
  const [name, field] = isUdp ? ['UDP', UDP.CHECKSUM] : ['TCP', TCP.CHECKSUM]
  if (partial && csumStart !== l4)
    return `csum_start is ${csumStart}, and the ${name} header begins at ${l4}`
  if (partial && csumOffset !== field)
    return `csum_offset is ${csumOffset}, and the checksum of ${name} is at ${field}`
  if (isUdp && gsoType !== GSO.UDP_L4 && gsoType !== GSO.NONE)
    return `gso_type is ${gsoType}, and datagrams in a frame are ${GSO.UDP_L4}`
  if (isUdp && gsoType === GSO.NONE)
    return 'the checksum is partial, and the datagram ends before the packet does'
  if (!isUdp && (gsoType & ~GSO.ECN) !== GSO.TCPV4) {
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

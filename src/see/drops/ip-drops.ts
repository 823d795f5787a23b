/** Packets that are refused for their IPv4 or ICMP header. */

import { fold, sumWords } from '../../wire/checksum.ts'
import { ETH } from '../../wire/ethernet.ts'
import { ICMP, ICMP_TYPE, isTranslated } from '../../wire/icmp.ts'
import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { UDP } from '../../wire/udp.ts'
import type { Refused } from './drop-context.ts'
import { type DropTable, type Explanation, hex } from './drop-row.ts'

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

export const IP_DROPS = {
  ip_header: {
    says: 'malformed IPv4 header',
    explain: frame => ({
      rule: ipHeaderRule(frame),
      advice: `nothing to be done here; ${frame.srcMac} sends it`,
    }),
  },

  ip_checksum: {
    says: 'wrong IPv4 header checksum',
    explain: frame => {
      const header = frame.headers.ip?.header ?? IPV4.HEADER
      return {
        rule: `the header checksum is 0x${hex(frame.headers.ip?.checksum ?? 0)}, would be 0x${hex(checksumOf(frame, ETH.HEADER, header, IPV4.CHECKSUM))}`,
        advice: `the frame was spoilt on its way, or ${frame.srcMac} leaves checksums to a card that has none: ethtool -K DEVICE tx off there; impair.corrupt of ${frame.arm} does it too`,
      }
    },
  },

  ip_truncated: {
    says: 'shorter than its IPv4 total length',
    explain: frame => ({
      rule: `the IP header says ${frame.headers.ip?.total ?? 0} bytes, and the frame has ${frame.behindEthernet}`,
      advice: `the frame was cut off on its way; compare the MTUs of ${frame.arm} and of ${frame.srcMac}`,
    }),
  },

  ip_ttl: {
    says: 'TTL is used up',
    explain: frame => {
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
  },

  ip_protocol: {
    says: 'protocol that is none of TCP, UDP and ICMP',
    explain: frame => {
      const protocol = frame.headers.ip?.protocol ?? 0
      const name = PROTOCOLS.get(protocol)
      return {
        rule: `protocol is ${protocol}${name ? `, ${name}` : ''}; only TCP (6), UDP (17) and ICMP (1) are known (${frame.src} > ${frame.dst})`,
        advice: `nothing, or stop ${frame.src} from sending it; services are of TCP and UDP only`,
      }
    },
  },

  ip_source: {
    says: 'source address that cannot be a client (our own, loopback, multicast)',
    explain: frame => ({
      rule: sourceRule(frame),
      advice: `if ${frame.src} is a real client, set the route to it (tapvs dpip route add NET/LEN dev ${frame.arm}); else find who forges it: ${frame.srcMac}`,
    }),
  },

  ip_too_big: {
    says: 'larger than the MTU of the arm it has to leave on, and not to be cut (DF, or datagrams in one frame)',
    explain: tooBig,
  },

  icmp_header: {
    says: 'malformed ICMP',
    explain: frame => ({
      rule: `${icmpBytes(frame)} bytes of ICMP, its header alone has ${ICMP.HEADER}`,
      advice: `nothing to be done here; ${frame.src} sends it`,
    }),
  },

  icmp_checksum: {
    says: 'wrong ICMP checksum',
    explain: frame => {
      const whole = frame.bytes.length >= frame.length
      const would = `0x${hex(checksumOf(frame, frame.headers.l4, icmpBytes(frame), ICMP.CHECKSUM))}`
      return {
        rule: `the ICMP checksum is 0x${hex(frame.headers.icmp?.checksum ?? 0)}, ${whole ? `would be ${would}` : `and its ${icmpBytes(frame)} bytes have another`}`,
        advice: `the ${frame.headers.icmp?.type === ICMP_TYPE.ECHO ? 'ping' : 'ICMP message'} of ${frame.src} was spoilt on its way; impair.corrupt of ${frame.arm} does it too`,
      }
    },
  },

  icmp_type: {
    says: 'ICMP that is neither an echo request nor an error to pass on',
    explain: frame => ({
      rule: `type is ${icmpTypeText(frame)}; only echo requests (8) are answered, and only errors passed on`,
      advice: 'nothing: what is lost with it nobody here has asked for',
    }),
  },

  icmp_not_ours: {
    says: 'ICMP to an address that is not ours',
    explain: frame => ({
      rule: `${frame.dst} is no address of ${frame.arm}, which has ${frame.addressesOf(frame.arm)}`,
      advice:
        frame.ours(frame.dst) === undefined
          ? `if it is to be ours: tapvs dpip addr add ${frame.dst}/32 dev ${frame.arm}`
          : `nothing: it is ${frame.ours(frame.dst)}, and each address is answered on its own arm`,
    }),
  },
} satisfies DropTable

/** Where several datagrams are in one frame (UDP GSO), DF does not matter: they are not cut up. */
function tooBig(frame: Refused): Explanation {
  const { ip, tcp, udp } = frame.headers
  const { gsoSize } = frame.vnet
  const headers = (ip?.header ?? 0) + (tcp?.header ?? UDP.HEADER)
  const total = ip?.total ?? 0
  const isCut = gsoSize > 0 && total - headers > gsoSize
  const bytes = isCut ? headers + gsoSize : total
  const what = `${bytes} bytes of IP${isCut && udp !== null ? ' in each datagram of one frame (UDP GSO)' : ''}`
  // It leaves on the arm that it came on where there is but one.
  const small = frame.context.arms.filter(({ mtu }) => mtu < bytes)
  const arm = small.find(({ name }) => name !== frame.arm) ?? small[0]
  const wider = `give ${arm?.name ?? 'the arm that it leaves on'} a larger mtu (arms[].mtu)`
  const advice =
    tcp !== null
      ? `${wider}, or the sender ${frame.src} a smaller one; the MSS of the handshake should have kept it from this`
      : udp !== null
        ? `${wider}, or let ${frame.src} send smaller datagrams`
        : wider
  return {
    rule: arm
      ? `${what}, and the MTU of ${arm.name} is ${arm.mtu}`
      : `${what}, more than the arm that it had to leave on let pass`,
    advice,
  }
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

/** The order is that of the engine: a connection's end on the wrong arm, and what cannot be a client. */
function sourceRule(frame: Refused): string {
  const { src, arm } = frame
  const top = Number(src.split('.')[0])
  if (top === 0 || top === 127)
    return `source ${src} is of a network that no wire carries (${top}/8)`
  if (top >= 224) return `source ${src} is a group's or reserved, not a single host's`
  const ours = frame.ours(src)
  if (ours !== undefined) return `source ${src} is ${ours}`
  if (isTranslated(frame.headers.icmp?.type ?? ICMP_TYPE.ECHO))
    return `the packet that ${src} speaks of left on another arm than ${arm}`
  const back = frame.armTowards(src)
  if (back !== undefined && back !== arm) {
    return `source ${src} came in on ${arm}, and the route to it leads out of ${back}`
  }
  return `source ${src} came in on ${arm}, and its connection ${frame.from} > ${frame.to} is at home on another arm`
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

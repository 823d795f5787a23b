/** Frames that are refused for their virtio-net, Ethernet, ARP, IP or ICMP header. */

import { LAN, open, RS, SYN, WAN } from './connection.ts'
import { type Case, frame, MAC, packet, patched } from './drop.ts'
import { arpFrame, checksum, concat, ethernet, ipv4, vnetHeader } from './frame.ts'
import { CLIENT_MAC, SEED_CONFIG, type Stand } from './stand.ts'

function icmp(type: number, bytes = 8, dst = '202.108.10.1', l3 = {}): Uint8Array {
  const message = new Uint8Array(bytes)
  message[0] = type
  const sum = checksum(message)
  if (bytes >= 4) message.set([sum >> 8, sum & 255], 2)
  return ipv4({ src: '202.108.10.2', dst, protocol: 1, ...l3 }, message)
}

function corrupt(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] ^= 1
  return copy
}

function withVnet(fields: object, bytes = frame(packet())): Uint8Array {
  return concat(vnetHeader(fields), bytes.subarray(10))
}

function arp(op: number, senderIp: string, targetIp: string, dstMac = 'ff:ff:ff:ff:ff:ff') {
  const sender = { mac: CLIENT_MAC, ip: senderIp }
  const target = { mac: '00:00:00:00:00:00', ip: targetIp }
  return concat(vnetHeader(), arpFrame(op, sender, target, dstMac))
}

const source = (src: string, name: string): Case => ({
  name: `SYN from ${name}`,
  drop: 'IP_SOURCE',
  bytes: frame(packet({ src })),
})
const ipHeader = (name: string, bytes: Uint8Array): Case => ({
  name,
  drop: 'IP_HEADER',
  bytes: frame(bytes),
})
const vnet = (name: string, fields: object): Case => ({
  name: `virtio-net header: ${name}`,
  drop: 'VNET_HEADER',
  bytes: withVnet(fields),
})
/** There have been as many errors of ours as there may be. */
function tellNobody({ engine }: Stand): void {
  engine.icmp.errors.rested = engine.long.ms + 10_000
}
const PARTIAL = { flags: 1, csumStart: 34, csumOffset: 16 }

/** The arms of the seed as one of them. */
const ONE_ARM = SEED_CONFIG.replace(
  /addresses: \[202.*to: 192[^\n]*/s,
  `mtu: 1000
    addresses: [192.168.168.3/32, 202.108.10.1/32]
    local_addresses: [192.168.168.7]
    routes: [{ to: 192.168.168.0/24 }, { to: 202.108.10.0/24 }]`,
)

export const ETHERNET_IP_DROPS: Case[] = [
  { name: 'nothing behind the virtio-net header', drop: 'ETH_RUNT', bytes: vnetHeader() },
  { name: '13 bytes', drop: 'ETH_RUNT', bytes: new Uint8Array(23) },
  {
    name: "somebody else's MAC",
    drop: 'ETH_OTHERHOST',
    bytes: concat(vnetHeader(), ethernet('52:54:00:00:00:99', CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: "the other arm's MAC",
    drop: 'ETH_OTHERHOST',
    bytes: concat(vnetHeader(), ethernet(MAC.dpdk1, CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: 'SYN to the broadcast MAC',
    drop: 'ETH_NOT_UNICAST',
    bytes: concat(vnetHeader(), ethernet('ff:ff:ff:ff:ff:ff', CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: 'SYN to a multicast MAC',
    drop: 'ETH_NOT_UNICAST',
    bytes: concat(vnetHeader(), ethernet('01:00:5e:00:00:01', CLIENT_MAC, 0x0800, packet())),
  },
  {
    name: '802.1Q',
    drop: 'ETH_VLAN',
    bytes: frame(Uint8Array.of(0, 100, ...new Uint8Array(44)), WAN, 0x8100),
  },
  { name: '802.1ad', drop: 'ETH_VLAN', bytes: frame(new Uint8Array(46), WAN, 0x88a8) },
  { name: 'IPv6', drop: 'ETH_TYPE', bytes: frame(new Uint8Array(46), WAN, 0x86dd) },
  { name: 'LLDP', drop: 'ETH_TYPE', bytes: frame(new Uint8Array(46), WAN, 0x88cc) },
  { name: '802.3 with LLC', drop: 'ETH_TYPE', bytes: frame(new Uint8Array(46), WAN, 38) },
  vnet('csum_start is not the TCP header', { ...PARTIAL, csumStart: 14 }),
  vnet('csum_start beyond the frame', { ...PARTIAL, csumStart: 65_535 }),
  vnet('csum_offset is not the checksum', { ...PARTIAL, csumOffset: 6 }),
  vnet('GSO without partial checksum', { gsoType: 1, gsoSize: 1460, hdrLen: 54 }),
  vnet('GSO of segments of 0 bytes', { ...PARTIAL, gsoType: 1, hdrLen: 54 }),
  vnet('GSO of UDP', { ...PARTIAL, gsoType: 3, gsoSize: 1460 }),
  vnet('GSO of TCP over IPv6', { ...PARTIAL, gsoType: 4, gsoSize: 1460 }),
  vnet('GSO of an unknown type', { ...PARTIAL, gsoType: 77, gsoSize: 1460 }),
  {
    name: 'virtio-net header: ICMP with a partial checksum',
    drop: 'VNET_HEADER',
    bytes: withVnet(PARTIAL, frame(icmp(8))),
  },
  {
    name: 'short ARP',
    drop: 'ARP_HEADER',
    bytes: arp(1, '202.108.10.2', '1.2.3.4').subarray(0, 51),
  },
  { name: 'ARP for another', drop: 'ARP_NOT_OURS', bytes: arp(1, '202.108.10.2', '202.108.10.9') },
  {
    name: 'ARP reply nobody asked for',
    drop: 'ARP_UNSOLICITED',
    bytes: arp(2, '202.108.10.2', '202.108.10.1', MAC.dpdk0),
  },
  {
    name: 'ARP with our VIP',
    drop: 'ARP_CLAIMS_OURS',
    bytes: arp(1, '202.108.10.1', '202.108.10.2'),
  },
  ipHeader('no IP header', new Uint8Array()),
  ipHeader('19 bytes of IP', packet().subarray(0, 19)),
  ipHeader('version 6', patched(packet(), 0, 0x65)),
  ipHeader('version 0', patched(packet(), 0, 0x05)),
  ipHeader('IHL 4', patched(packet(), 0, 0x44)),
  ipHeader('IHL 0', patched(packet(), 0, 0x40)),
  ipHeader('IHL beyond the frame', patched(packet().subarray(0, 40), 0, 0x4f)),
  ipHeader('total length 19', patched(packet(), 2, 0, 19)),
  ipHeader('total length 0', patched(packet(), 2, 0, 0)),
  ipHeader(
    'total length shorter than the options',
    patched(packet({}, { options: new Uint8Array(8) }), 2, 0, 24),
  ),
  {
    name: 'a bit of the IP header flipped',
    drop: 'IP_CHECKSUM',
    bytes: corrupt(frame(packet()), 10 + 14 + 8),
  },
  {
    name: 'a bit of an IP option flipped',
    drop: 'IP_CHECKSUM',
    bytes: corrupt(frame(packet({}, { options: Uint8Array.of(1, 1, 1, 0) })), 10 + 14 + 21),
  },
  {
    name: 'a byte short of total length',
    drop: 'IP_TRUNCATED',
    bytes: frame(packet().subarray(0, 39)),
  },
  {
    name: 'total length 65535',
    drop: 'IP_TRUNCATED',
    bytes: frame(patched(packet(), 2, 255, 255)),
  },
  { name: 'TTL 0', drop: 'IP_TTL', bytes: frame(packet({}, { ttl: 0 })) },
  {
    name: 'TTL 1 with xmit_ttl, and nobody is told, after too many were',
    drop: 'IP_TTL',
    bytes: frame(packet({}, { ttl: 1 })),
    config: `${SEED_CONFIG}\ntcp: { xmit_ttl: true }`,
    before: stand => {
      for (let i = 0; i < 50; i++) stand.inputRaw(WAN, frame(packet({}, { ttl: 1 })))
    },
  },
  { name: 'SCTP', drop: 'IP_PROTOCOL', bytes: frame(packet({}, { protocol: 132 })) },
  { name: 'OSPF', drop: 'IP_PROTOCOL', bytes: frame(packet({}, { protocol: 89 })) },
  { name: 'LAND', drop: 'IP_SOURCE', bytes: frame(packet({ src: SYN.dst, sport: 6379 })) },
  source('127.0.0.1', '127/8'),
  source('127.255.255.254', 'the end of 127/8'),
  source('0.0.0.0', '0.0.0.0'),
  source('0.1.2.3', '0/8'),
  source('224.0.0.1', 'a multicast address'),
  source('239.255.255.255', 'another multicast address'),
  source('240.0.0.1', '240/4'),
  source('255.255.255.255', 'broadcast'),
  source('202.108.10.1', 'the VIP'),
  source('192.168.168.7', 'the LIP'),
  source('192.168.168.3', "the other arm's address"),
  source('192.168.168.2', 'the RS, on the client arm'),
  source('192.168.168.200', "the RSs' network, on the client arm"),
  {
    name: "SYN from a client's address on the RSs' arm",
    drop: 'IP_SOURCE',
    arm: LAN,
    bytes: frame(packet(), LAN),
  },
  {
    name: "a segment of the RS, forged on the client's arm",
    drop: 'IP_SOURCE',
    before: open,
    bytes: frame(packet({ ...RS, flags: 'S.' })),
  },
  {
    name: 'larger than the arm it leaves on',
    drop: 'IP_TOO_BIG',
    config: SEED_CONFIG.replace('- name: dpdk1', '$&\n    mtu: 1000'),
    before: tellNobody,
    bytes: frame(packet({ payload: new Uint8Array(961) })),
  },
  {
    name: 'larger than the arm it leaves on, towards the client',
    drop: 'IP_TOO_BIG',
    config: SEED_CONFIG.replace('- name: dpdk0', '$&\n    mtu: 1000'),
    before: stand => {
      open(stand)
      tellNobody(stand)
    },
    arm: LAN,
    bytes: frame(packet({ ...RS, payload: new Uint8Array(961) }), LAN),
  },
  {
    name: 'larger than the one arm that there is',
    drop: 'IP_TOO_BIG',
    config: ONE_ARM,
    before: tellNobody,
    bytes: frame(packet({ payload: new Uint8Array(961) })),
  },
  { name: '7 bytes of ICMP', drop: 'ICMP_HEADER', bytes: frame(icmp(8, 7)) },
  { name: 'corrupt echo', drop: 'ICMP_CHECKSUM', bytes: corrupt(frame(icmp(8)), 10 + 14 + 20 + 5) },
  { name: 'echo reply', drop: 'ICMP_TYPE', bytes: frame(icmp(0)) },
  { name: 'router advertisement', drop: 'ICMP_TYPE', bytes: frame(icmp(9, 36)) },
  { name: 'echo to a stranger', drop: 'ICMP_NOT_OURS', bytes: frame(icmp(8, 8, '202.108.10.9')) },
  {
    name: 'echo to the LIP on the client arm',
    drop: 'ICMP_NOT_OURS',
    bytes: frame(icmp(8, 8, '192.168.168.7')),
  },
]

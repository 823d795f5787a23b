/**
 * The headers of a frame as values with names, for code that puts frames into words. Unlike the engine's decoder it refuses
 * nothing: what is malformed or was cut off is null, and what stands before it is still there.
 */

import { ipv4Text, macText } from '../../wire/address.ts'
import { ARP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ICMP } from '../../wire/icmp.ts'
import { IP_DF, IP_MORE, IP_OFFSET_BITS, IPV4, PROTO } from '../../wire/ipv4.ts'
import { TCP } from '../../wire/tcp.ts'

const VLAN_TAG = 4

export interface EthHeader {
  src: string
  dst: string
  /** Behind VLAN tags; below 1536 it is a length (IEEE 802.3). */
  type: number
  /** VLAN ids, the outer one first. */
  vlans: number[]
}

export interface ArpHeader {
  op: number
  senderMac: string
  sender: string
  targetMac: string
  target: string
}

export interface IpHeader {
  version: number
  /** Bytes, as the header says. */
  header: number
  total: number
  tos: number
  id: number
  df: boolean
  more: boolean
  /** Bytes. */
  offset: number
  ttl: number
  protocol: number
  checksum: number
  src: string
  dst: string
}

export interface TcpHeader {
  sport: number
  dport: number
  seq: number
  ack: number
  /** Bytes, as the header says. */
  header: number
  flags: number
  window: number
  urgent: number
  checksum: number
  options: Uint8Array
  /** Bytes, by the IP header's total length. */
  payload: number
}

export interface IcmpHeader {
  type: number
  code: number
  checksum: number
  id: number
  sequence: number
}

export interface HeaderValues {
  /** Bytes of the whole frame, those that were not kept included. */
  length: number
  eth: EthHeader | null
  arp: ArpHeader | null
  ip: IpHeader | null
  /** Offset of what follows the IP header. */
  l4: number
  tcp: TcpHeader | null
  icmp: IcmpHeader | null
  udp: { sport: number; dport: number } | null
}

/** `bytes` are the frame's first ones, from the Ethernet header on; `length` is that of the whole frame. */
export function headerValues(bytes: Uint8Array, length = bytes.length): HeaderValues {
  const found: HeaderValues = {
    length,
    eth: null,
    arp: null,
    ip: null,
    l4: 0,
    tcp: null,
    icmp: null,
    udp: null,
  }
  if (bytes.length < ETH.HEADER) return found
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = ETH.HEADER
  const eth: EthHeader = {
    dst: mac(view, ETH.DST),
    src: mac(view, ETH.SRC),
    type: view.getUint16(ETH.TYPE),
    vlans: [],
  }
  found.eth = eth
  while (isTag(eth.type) && at + VLAN_TAG <= bytes.length) {
    eth.vlans.push(view.getUint16(at) & 0xfff)
    eth.type = view.getUint16(at + 2)
    at += VLAN_TAG
  }
  if (eth.type === ETHERTYPE.ARP) found.arp = arpAt(view, at)
  if (eth.type !== ETHERTYPE.IPV4 || at + IPV4.HEADER > bytes.length) return found
  const ip = ipAt(view, at)
  found.ip = ip
  found.l4 = at + ip.header
  if (ip.header < IPV4.HEADER || ip.offset > 0) return found
  const room = bytes.length - found.l4
  if (ip.protocol === PROTO.TCP && room >= TCP.HEADER) {
    found.tcp = tcpAt(view, bytes, found.l4, ip.total - ip.header)
  } else if (ip.protocol === PROTO.ICMP && room >= ICMP.HEADER) {
    found.icmp = {
      type: view.getUint8(found.l4 + ICMP.TYPE),
      code: view.getUint8(found.l4 + ICMP.CODE),
      checksum: view.getUint16(found.l4 + ICMP.CHECKSUM),
      id: view.getUint16(found.l4 + ICMP.ID),
      sequence: view.getUint16(found.l4 + ICMP.SEQUENCE),
    }
  } else if (ip.protocol === PROTO.UDP && room >= 4) {
    found.udp = { sport: view.getUint16(found.l4), dport: view.getUint16(found.l4 + 2) }
  }
  return found
}

function isTag(type: number): boolean {
  return type === ETHERTYPE.VLAN || type === ETHERTYPE.QINQ
}

function mac(view: DataView, at: number): string {
  return macText(view.getUint16(at), view.getInt32(at + 2))
}

function arpAt(view: DataView, at: number): ArpHeader | null {
  if (at + ARP.BYTES > view.byteLength) return null
  return {
    op: view.getUint16(at + ARP.OP),
    senderMac: mac(view, at + ARP.SHA),
    sender: ipv4Text(view.getInt32(at + ARP.SPA)),
    targetMac: mac(view, at + ARP.THA),
    target: ipv4Text(view.getInt32(at + ARP.TPA)),
  }
}

function ipAt(view: DataView, at: number): IpHeader {
  const first = view.getUint8(at)
  const fragment = view.getUint16(at + IPV4.FRAGMENT)
  return {
    version: first >>> 4,
    header: (first & 15) * 4,
    total: view.getUint16(at + IPV4.TOTAL_LENGTH),
    tos: view.getUint8(at + IPV4.TOS),
    id: view.getUint16(at + IPV4.ID),
    df: (fragment & IP_DF) !== 0,
    more: (fragment & IP_MORE) !== 0,
    offset: (fragment & IP_OFFSET_BITS) * 8,
    ttl: view.getUint8(at + IPV4.TTL),
    protocol: view.getUint8(at + IPV4.PROTOCOL),
    checksum: view.getUint16(at + IPV4.CHECKSUM),
    src: ipv4Text(view.getInt32(at + IPV4.SRC)),
    dst: ipv4Text(view.getInt32(at + IPV4.DST)),
  }
}

/** `bytes` are of the frame, `length` those behind the IP header. */
function tcpAt(view: DataView, bytes: Uint8Array, at: number, length: number): TcpHeader {
  const header = (view.getUint8(at + TCP.OFFSET) >>> 4) * 4
  const end = Math.min(at + header, at + Math.max(length, 0), bytes.length)
  return {
    sport: view.getUint16(at + TCP.SPORT),
    dport: view.getUint16(at + TCP.DPORT),
    seq: view.getUint32(at + TCP.SEQ),
    ack: view.getUint32(at + TCP.ACK),
    header,
    flags: view.getUint8(at + TCP.FLAGS),
    window: view.getUint16(at + TCP.WINDOW),
    urgent: view.getUint16(at + TCP.URGENT),
    checksum: view.getUint16(at + TCP.CHECKSUM),
    options: bytes.subarray(at + TCP.HEADER, Math.max(end, at + TCP.HEADER)),
    payload: Math.max(0, length - header),
  }
}

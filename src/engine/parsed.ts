/**
 * One frame's headers, decoded once into one object that is used for every frame. After decode() says TCP, ICMP or
 * ARP, all fields lie inside the frame and no later step needs a bounds check (smoltcp's check_len contract).
 */

import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { headerChecksumOk, headerLength, IP_FRAGMENT_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { TCP, headerLength as tcpHeaderLength } from '../wire/tcp.ts'
import { GSO, VNET, VNET_FLAG } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { Drop } from './counters.ts'
import type { Frames } from './frames.ts'

/** What decode() found; anything below zero is minus a drop reason. */
export const Kind = { ARP: 1, ICMP: 2, TCP: 3 } as const

export class Parsed {
  /** Offsets in the arena. */
  eth = 0
  ip = 0
  l4 = 0
  /** Bytes: IP header, whole IP packet, TCP header, TCP payload. */
  ipHeader = 0
  ipTotal = 0
  tcpHeader = 0
  payload = 0
  ttl = 0
  saddr = 0
  daddr = 0
  /** Source port << 16 | destination port. */
  ports = 0
  flags = 0
  /** Payload bytes per segment of a GSO frame, 0 for an ordinary one. */
  gsoSize = 0
  /** 1 if the TCP checksum is partial (VIRTIO_NET_HDR_F_NEEDS_CSUM), else 0. */
  partial = 0

  /** Decodes the frame in `slot` that `arm` received; trims Ethernet padding off its length. */
  decode(frames: Frames, slot: number, arm: Arm): number {
    const { pkt } = frames
    const start = frames.start[slot]
    const bytes = frames.length[slot] - VNET.BYTES - ETH.HEADER
    if (bytes < 0) return -Drop.ETH_RUNT
    const eth = start + VNET.BYTES
    this.eth = eth
    const type = pkt.getUint16(eth + ETH.TYPE)
    const dstHi = pkt.getUint16(eth + ETH.DST)
    const mine = dstHi === arm.macHi && pkt.getInt32(eth + ETH.DST + 2) === arm.macLo
    const group = (dstHi & 0x0100) !== 0
    if (!mine && !group) return -Drop.ETH_OTHERHOST
    if (type === ETHERTYPE.ARP) return Kind.ARP
    if (type === ETHERTYPE.VLAN || type === ETHERTYPE.QINQ) return -Drop.ETH_VLAN
    if (type !== ETHERTYPE.IPV4) return -Drop.ETH_TYPE
    if (!mine) return -Drop.ETH_NOT_UNICAST
    return this.#decodeIpv4(pkt, frames, slot, bytes)
  }

  #decodeIpv4(pkt: DataView, frames: Frames, slot: number, bytes: number): number {
    const ip = this.eth + ETH.HEADER
    if (bytes < IPV4.HEADER || pkt.getUint8(ip) >> 4 !== 4) return -Drop.IP_HEADER
    const header = headerLength(pkt, ip)
    if (header < IPV4.HEADER || bytes < header) return -Drop.IP_HEADER
    if (!headerChecksumOk(pkt, ip, header)) return -Drop.IP_CHECKSUM
    const total = pkt.getUint16(ip + IPV4.TOTAL_LENGTH)
    if (total > bytes) return -Drop.IP_TRUNCATED
    if (total < header) return -Drop.IP_HEADER
    // Ethernet padding would count as payload in every length below, and end up behind it on the other arm.
    frames.length[slot] = VNET.BYTES + ETH.HEADER + total
    // Fragments go before anything looks at ports, ICMP echo included (fullnat semantics 1.2).
    if ((pkt.getUint16(ip + IPV4.FRAGMENT) & IP_FRAGMENT_BITS) !== 0) return -Drop.IP_FRAGMENT
    this.ttl = pkt.getUint8(ip + IPV4.TTL)
    if (this.ttl === 0) return -Drop.IP_TTL

    this.ip = ip
    this.l4 = ip + header
    this.ipHeader = header
    this.ipTotal = total
    this.saddr = pkt.getInt32(ip + IPV4.SRC)
    this.daddr = pkt.getInt32(ip + IPV4.DST)
    const protocol = pkt.getUint8(ip + IPV4.PROTOCOL)
    if (protocol === PROTO.TCP) return this.#decodeTcp(pkt, total - header)
    if (protocol !== PROTO.ICMP) return -Drop.IP_PROTOCOL
    const vnet = this.eth - VNET.BYTES
    const offloads =
      (pkt.getUint8(vnet) & VNET_FLAG.NEEDS_CSUM) | pkt.getUint8(vnet + VNET.GSO_TYPE)
    return offloads === 0 ? Kind.ICMP : -Drop.VNET_HEADER
  }

  #decodeTcp(pkt: DataView, bytes: number): number {
    const tcp = this.l4
    if (bytes < TCP.HEADER) return -Drop.TCP_HEADER
    const header = tcpHeaderLength(pkt, tcp)
    if (header < TCP.HEADER || header > bytes) return -Drop.TCP_HEADER
    this.tcpHeader = header
    this.payload = bytes - header
    this.ports = pkt.getInt32(tcp + TCP.SPORT)
    this.flags = pkt.getUint8(tcp + TCP.FLAGS)
    return this.#decodeOffloads(pkt)
  }

  /** The virtio-net header must say what we are about to rely on: which checksum is partial and how to segment. */
  #decodeOffloads(pkt: DataView): number {
    const vnet = this.eth - VNET.BYTES
    const gsoType = pkt.getUint8(vnet + VNET.GSO_TYPE)
    this.partial = pkt.getUint8(vnet + VNET.FLAGS) & VNET_FLAG.NEEDS_CSUM
    this.gsoSize = 0
    if (this.partial === 1) {
      if (pkt.getUint16(vnet + VNET.CSUM_START, true) !== this.l4 - this.eth)
        return -Drop.VNET_HEADER
      if (pkt.getUint16(vnet + VNET.CSUM_OFFSET, true) !== TCP.CHECKSUM) return -Drop.VNET_HEADER
    }
    if (gsoType !== GSO.NONE) {
      if ((gsoType & ~GSO.ECN) !== GSO.TCPV4 || this.partial === 0) return -Drop.VNET_HEADER
      this.gsoSize = pkt.getUint16(vnet + VNET.GSO_SIZE, true)
      if (this.gsoSize === 0) return -Drop.VNET_HEADER
    }
    return Kind.TCP
  }

  /** Packets that the frame is, or becomes on a wire. */
  get segments(): number {
    return this.gsoSize === 0 || this.payload <= this.gsoSize
      ? 1
      : Math.ceil(this.payload / this.gsoSize)
  }

  /** IP bytes of the largest of them. */
  get largest(): number {
    if (this.gsoSize === 0 || this.payload <= this.gsoSize) return this.ipTotal
    return this.ipHeader + this.tcpHeader + this.gsoSize
  }

  /** IP bytes of all of them. */
  get wireBytes(): number {
    return this.ipTotal + (this.segments - 1) * (this.ipHeader + this.tcpHeader)
  }
}

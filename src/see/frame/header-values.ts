/**
 * The headers of a frame as values with names, for code that puts frames into words. Unlike the engine's decoder it refuses
 * nothing: what is malformed or was cut off is null, and what stands before it is still there.
 */

import { ipv4Text, macText } from '../../wire/address.ts'
import { ARP } from '../../wire/arp.ts'
import { ETH, ETHERTYPE } from '../../wire/ethernet.ts'
import { ipValues } from './ip-values.ts'
import type { IpValues } from './packet-types.ts'

const VLAN_TAG = 4

export interface VlanTag {
  id: number
  /** 0..7, and whether it may be dropped first (IEEE 802.1Q). */
  priority: number
  dei: boolean
  /** Ethertype behind it. */
  type: number
}

export interface EthHeader {
  src: string
  dst: string
  /** Behind VLAN tags; below 1536 it is a length (IEEE 802.3). */
  type: number
  /** The outer one first. */
  tags: VlanTag[]
}

export interface ArpHeader {
  op: number
  senderMac: string
  sender: string
  targetMac: string
  target: string
}

/** The parts of the packet stand beside it as well, for whoever asks for one. */
export interface HeaderValues extends Parts {
  /** Bytes of the whole frame, those that were not kept included. */
  length: number
  eth: EthHeader | null
  arp: ArpHeader | null
  packet: IpValues | null
  /** That of the packet; 0 without. */
  l4: number
}

type Parts = { [Part in 'ip' | 'tcp' | 'udp' | 'icmp' | 'icmpv6' | 'ports']: IpValues[Part] | null }

const NO_PARTS: Parts = { ip: null, tcp: null, udp: null, icmp: null, icmpv6: null, ports: null }

/** `bytes` are the frame's first ones, from the Ethernet header on; `length` is that of the whole frame. */
export function headerValues(bytes: Uint8Array, length = bytes.length): HeaderValues {
  const found: HeaderValues = { length, eth: null, arp: null, packet: null, l4: 0, ...NO_PARTS }
  if (bytes.length < ETH.HEADER) return found
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = ETH.HEADER
  const eth: EthHeader = {
    dst: mac(view, ETH.DST),
    src: mac(view, ETH.SRC),
    type: view.getUint16(ETH.TYPE),
    tags: [],
  }
  while (isTag(eth.type) && at + VLAN_TAG <= bytes.length) {
    const tci = view.getUint16(at)
    eth.type = view.getUint16(at + 2)
    eth.tags.push({
      id: tci & 0xfff,
      priority: tci >>> 13,
      dei: (tci & 0x1000) !== 0,
      type: eth.type,
    })
    at += VLAN_TAG
  }
  found.eth = eth
  if (eth.type === ETHERTYPE.ARP) found.arp = arpAt(view, at)
  if (eth.type !== ETHERTYPE.IPV4 && eth.type !== ETHERTYPE.IPV6) return found
  const packet = ipValues(view, bytes, at, eth.type === ETHERTYPE.IPV6 ? 6 : 4)
  if (packet === null) return found
  const { ip, l4, tcp, udp, icmp, icmpv6, ports } = packet
  return { ...found, packet, l4, ip, tcp, udp, icmp, icmpv6, ports }
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

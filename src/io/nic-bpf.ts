/**
 * The classifiers that join a NIC and the TAP behind it (tcx, in the same namespace). They take what is for addresses of ours
 * from the host before its stack has seen it, so that the host never answers for one, even if it has it too; and all
 * else is the host's, untouched.
 *
 *   network --> NIC ingress --- for us ----> TAP egress --> queue of a worker
 *                    \--- all else --> the host's stack
 *   network <-- NIC egress <---------------- TAP ingress <-- what a worker writes
 *
 * ARP about an address of ours is ours alone. All other ARP is the host's, and we hear a copy: neighbours that change their
 * MAC say so to everybody. The kernel takes a VLAN tag from the bytes before the program sees the frame, and puts it back in
 * front of whoever reads the TAP. A tag with id 0 is a priority and no VLAN: such a frame is as one without.
 *
 * Of IPv6 the same: neighbour discovery about an address of ours is ours alone, an advertisement of any other that is sent to all is heard, and so
 * is a router's question who listens to what (MLD). That the NIC lets our groups in at all is io/groups.ts's.
 *
 * Of NAT and SNAT some is ours that is for no address of ours: nic-ways-bpf.ts.
 *
 * What has come to a group's MAC for an address of ours alone is taken too, and the engine refuses it by name (RFC 1122 3.3.6):
 * a host that has the address as well would answer.
 *
 * No offsets into packets or maps that vary, so that CAP_BPF and CAP_NET_ADMIN are enough to load them: the verifier wants
 * CAP_PERFMON for more.
 */

import { ARP } from '../wire/arp.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMPV6, ICMPV6_TYPE, ND } from '../wire/icmpv6.ts'
import type { IpAddress } from '../wire/ip-address.ts'
import { IPV4 } from '../wire/ipv4.ts'
import { EXTENSION, IPV6, NEXT } from '../wire/ipv6.ts'
import type { Ipv6 } from '../wire/ipv6-address.ts'
import {
  Assembler,
  among,
  among6,
  ascending,
  ascending6,
  IF,
  type Label,
  OP,
  R0,
  R1,
  R2,
  R3,
  R6,
  SIZE,
} from './bpf.ts'
import { type NicWays, type Takers, takeWays, type WaysByFamily } from './nic-ways-bpf.ts'

/** Fields of __sk_buff (linux/bpf.h), in bytes. */
const SKB = {
  LENGTH: 0,
  PACKET_TYPE: 4,
  VLAN_PRESENT: 20,
  VLAN_TCI: 24,
  VLAN_PROTOCOL: 28,
  INGRESS_IFINDEX: 36,
} as const
/** linux/if_packet.h: for another station's MAC, as in promiscuous mode. */
const PACKET_OTHERHOST = 3
/** The same: for the MAC of the device. */
const PACKET_HOST = 0
/** 802.1Q, as the network has it, in a word of this machine's. */
const VLAN_8021Q = 0x0081
const VLAN_ID = 0x0fff
/** No VLAN, but a priority (IEEE 802.1Q 9.6). */
const PRIORITY_ID = 0

const HELPER = { CLONE_REDIRECT: 13, REDIRECT: 23 } as const
/** Verdicts: the next program, and then the host's stack; nobody. */
const TCX_NEXT = -1
const TCX_DROP = 2

const IP = ETH.HEADER
const IPV4_LEAST = ETH.HEADER + IPV4.HEADER
/** First byte of the address of a group (RFC 4291 2.7). */
const GROUP = 0xff
const ARP_LEAST = ETH.HEADER + ARP.BYTES

export interface FromNic {
  /** ifindex of the TAP. */
  tap: number
  /** All of ours on any arm, of IPv4 int32, in any order. */
  addresses: Iterable<IpAddress>
  /** IDs of VLANs in which our addresses are as well; frames of others are the host's. */
  vlans?: Iterable<number>
  /** What is ours beside that. */
  ways?: WaysByFamily
}

/** => What the NIC has received: what is for us goes to the TAP. Throws RangeError for some ten thousand addresses. */
export function fromNicProgram({ tap, addresses, vlans = [], ways = {} }: FromNic): Uint8Array {
  const asm = new Assembler()
  const [ours, heard, hosts] = [asm.label(), asm.label(), asm.label()]
  const all = [...addresses]
  const own = ascending(all.filter(address => typeof address === 'number'))
  const own6 = ascending6(all.filter(address => typeof address !== 'number'))
  asm.copy(R6, R1)
  vlan(asm, ascending(vlans), hosts)
  asm.loadField(R0, R6, SKB.PACKET_TYPE)
  asm.jumpIf(IF.EQ, R0, PACKET_OTHERHOST, hosts)
  const arp = asm.label()
  longEnough(asm, IPV4_LEAST, hosts)
  asm.load(SIZE.HALF, ETH.TYPE)
  asm.jumpIf(IF.EQ, R0, ETHERTYPE.ARP, arp)
  const six = asm.label()
  if (own6.length > 0) asm.jumpIf(IF.EQ, R0, ETHERTYPE.IPV6, six)
  asm.jumpIf(IF.NE, R0, ETHERTYPE.IPV4, hosts)
  asm.load(SIZE.WORD, IP + IPV4.DST)
  const takers = { ours, heard, hosts }
  const others = asm.label()
  among(asm, own, ours, others)
  asm.place(others)
  takeOthers(asm, 4, ways.four, takers)

  asm.place(arp)
  longEnough(asm, ARP_LEAST, hosts)
  asm.load(SIZE.WORD, ETH.HEADER + ARP.TPA)
  among(asm, own, ours, heard)

  if (own6.length > 0) {
    asm.place(six)
    ipv6(asm, own6, ways.six, takers)
  }
  asm.place(heard)
  asm.copy(R1, R6)
  asm.alu(OP.MOV, R2, tap)
  asm.alu(OP.MOV, R3, 0)
  asm.call(HELPER.CLONE_REDIRECT)
  asm.place(hosts)
  asm.alu(OP.MOV, R0, TCX_NEXT)
  asm.exit()

  // The verifier refuses code that nothing leads to.
  if (all.length > 0 || ways.four) {
    asm.place(ours)
    redirect(asm, tap)
  }
  return asm.bytes()
}

/** What is not to the MAC of the NIC alone is everybody's. */
function takeOthers(
  asm: Assembler,
  family: 4 | 6,
  ways: NicWays | undefined,
  takers: Takers,
): void {
  if (ways === undefined) {
    asm.jump(takers.hosts)
    return
  }
  asm.loadField(R0, R6, SKB.PACKET_TYPE)
  asm.jumpIf(IF.NE, R0, PACKET_HOST, takers.hosts)
  takeWays(asm, family, ways, takers, { length: SKB.LENGTH, vlan: () => vlanId(asm) })
}

/** R0 = the ID of the VLAN, 0 for none. */
function vlanId(asm: Assembler): void {
  const known = asm.label()
  asm.loadField(R0, R6, SKB.VLAN_PRESENT)
  asm.jumpIf(IF.EQ, R0, 0, known)
  asm.loadField(R0, R6, SKB.VLAN_TCI)
  asm.alu(OP.AND, R0, VLAN_ID)
  asm.place(known)
}

function ipv6(
  asm: Assembler,
  own: readonly Ipv6[],
  ways: NicWays | undefined,
  takers: Takers,
): void {
  const { ours, heard, hosts } = takers
  const [others, group, report, asked] = [asm.label(), asm.label(), asm.label(), asm.label()]
  const icmp = IP + IPV6.HEADER
  longEnough(asm, icmp, hosts)
  among6(asm, own, { at: IP + IPV6.DST, yes: ours, no: others })

  asm.place(others)
  asm.load(SIZE.BYTE, IP + IPV6.DST)
  asm.jumpIf(IF.EQ, R0, GROUP, group)
  takeOthers(asm, 6, ways, takers)

  asm.place(group)
  asm.load(SIZE.BYTE, IP + IPV6.NEXT)
  asm.jumpIf(IF.EQ, R0, NEXT.HOP_BY_HOP, report)
  asm.jumpIf(IF.NE, R0, NEXT.ICMPV6, hosts)
  longEnough(asm, icmp + ND.OPTIONS, hosts)
  asm.load(SIZE.BYTE, icmp + ICMPV6.TYPE)
  asm.jumpIf(IF.EQ, R0, ICMPV6_TYPE.NEIGHBOUR_SOLICIT, asked)
  asm.jumpIf(IF.NE, R0, ICMPV6_TYPE.NEIGHBOUR_ADVERT, hosts)
  among6(asm, own, { at: icmp + ND.TARGET, yes: ours, no: heard })

  asm.place(asked)
  among6(asm, own, { at: icmp + ND.TARGET, yes: ours, no: hosts })

  // Behind the option that has routers look at it (RFC 2711), 8 bytes.
  asm.place(report)
  const behind = icmp + EXTENSION.UNIT
  longEnough(asm, behind + ICMPV6.HEADER, hosts)
  asm.load(SIZE.HALF, icmp)
  asm.jumpIf(IF.NE, R0, NEXT.ICMPV6 << 8, hosts)
  asm.load(SIZE.BYTE, behind + ICMPV6.TYPE)
  asm.jumpIf(IF.EQ, R0, ICMPV6_TYPE.MLD_QUERY, heard)
  asm.jump(hosts)
}

/** => What a worker has written: all of it leaves by the NIC of this ifindex. */
export function fromTapProgram(nic: number): Uint8Array {
  const asm = new Assembler()
  redirect(asm, nic)
  return asm.bytes()
}

/**
 * => What goes to the workers: only what has come in by the NIC of this ifindex. The host's own stack speaks on every device
 * that it has (IPv6 looks for routers and groups), and that did not come from the network.
 */
export function toTapProgram(nic: number): Uint8Array {
  const asm = new Assembler()
  const received = asm.label()
  asm.loadField(R0, R1, SKB.INGRESS_IFINDEX)
  asm.jumpIf(IF.EQ, R0, nic, received)
  asm.alu(OP.MOV, R0, TCX_DROP)
  asm.exit()
  asm.place(received)
  asm.alu(OP.MOV, R0, TCX_NEXT)
  asm.exit()
  return asm.bytes()
}

/** Goes on without a tag, with a priority, and with one of these. */
function vlan(asm: Assembler, ids: readonly number[], hosts: Label): void {
  asm.loadField(R0, R6, SKB.VLAN_PRESENT)
  const known = asm.label()
  asm.jumpIf(IF.EQ, R0, 0, known)
  asm.loadField(R0, R6, SKB.VLAN_PROTOCOL)
  asm.jumpIf(IF.NE, R0, VLAN_8021Q, hosts)
  asm.loadField(R0, R6, SKB.VLAN_TCI)
  asm.alu(OP.AND, R0, VLAN_ID)
  among(asm, [PRIORITY_ID, ...ids], known, hosts)
  asm.place(known)
}

/** A load from what is not there would end the program with a verdict of its own. */
function longEnough(asm: Assembler, bytes: number, otherwise: Label): void {
  asm.loadField(R0, R6, SKB.LENGTH)
  asm.jumpIf(IF.LT, R0, bytes, otherwise)
}

function redirect(asm: Assembler, ifindex: number): void {
  asm.alu(OP.MOV, R1, ifindex)
  asm.alu(OP.MOV, R2, 0)
  asm.call(HELPER.REDIRECT)
  asm.exit()
}

/**
 * What a NIC takes for us though it is for no address of ours: what an RS answers its client by NAT, and what goes out by SNAT; to the
 * NIC's own MAC, and with ICMP errors about both. What does not fit is the host's.
 *
 * Behind the first fragment no ports are known: what comes from an RS of NAT then goes to both.
 */

import { ETH } from '../wire/ethernet.ts'
import { ICMPV6 } from '../wire/icmpv6.ts'
import { IP_FRAGMENT_BITS, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { FRAGMENT6, IPV6, NEXT } from '../wire/ipv6.ts'
import { type Assembler, among, ascending, IF, type Label, OP, R0, SIZE } from './bpf.ts'
import { amongServers, keyOf, type NatServer } from './nat-bpf.ts'
import { amongRanges, type InRanges, type Range } from './ranges.ts'
import {
  headerLength,
  OWN_PORT,
  PEER_ADDRESS,
  PEER_PORT,
  PORTS,
  quoted,
  quoted6,
  type Read,
  tuple,
  tuple6,
  within,
  xored,
} from './tuple-bpf.ts'

const IP = ETH.HEADER

/** RSs that answer by NAT, of one protocol and family. */
export interface Answers {
  protocol: number
  servers: readonly NatServer[]
  /** Where clients are. */
  to: readonly Range[]
}

/** What goes out by SNAT, of one protocol and family. */
export interface Outward {
  protocol: number
  from: readonly Range[]
  to: readonly Range[]
  /** IDs of the VLANs that it comes in by, 0 for none; left out for all that there are. */
  vlans?: readonly number[]
}

/** Of one family; some of one or the other. */
export interface NicWays {
  answers: readonly Answers[]
  outward: readonly Outward[]
}

/** A family that has none is left out. */
export interface WaysByFamily {
  four?: NicWays | undefined
  six?: NicWays | undefined
}

/** Where to go with what is ours, what is heard and the host's too, and what is the host's. */
export interface Takers {
  ours: Label
  heard: Label
  hosts: Label
}

/** What reading the program needs of the context. */
export interface Context {
  /** Where it has the frame's length. */
  length: number
  /** R0 = the ID of the VLAN, 0 for none. */
  vlan(): void
}

/** Takes what is of one of them, all of one family, and leaves the rest to the host. */
export function takeWays(
  asm: Assembler,
  family: 4 | 6,
  { answers, outward }: NicWays,
  takers: Takers,
  context: Context,
): void {
  const { length } = context
  const read: ReadOf = protocol => ({ ip: IP, protocols: [protocol], length })
  const header = family === 4 ? new Header4(asm, read) : new Header6(asm, read)
  for (const one of answers) takeAnswers(asm, header, one, takers)
  for (const one of outward) takeOutward(asm, header, one, takers, context)
  asm.jump(takers.hosts)
}

function takeAnswers(
  asm: Assembler,
  header: Header,
  { protocol, servers, to }: Answers,
  { ours, heard, hosts }: Takers,
): void {
  const [other, whole, next] = [asm.label(), asm.label(), asm.label()]
  const [later, piece] = [asm.label(), asm.label()]
  const client = (yes: Label) => amongRanges(asm, to, { ...header.destination, yes, no: hosts })
  header.tuple(protocol, other)
  amongServers(asm, IP, servers, whole, next)

  asm.place(other)
  header.fragment(protocol, later, next)
  amongServers(asm, IP, servers, whole, next)

  asm.place(whole)
  client(ours)

  asm.place(later)
  asm.aluRegister(OP.MOV, R0, PEER_ADDRESS)
  among(asm, ascending(servers.map(keyOf)), piece, next)
  asm.place(piece)
  client(heard)

  asm.place(next)
}

function takeOutward(
  asm: Assembler,
  header: Header,
  { protocol, from, to, vlans }: Outward,
  { ours }: Takers,
  { vlan }: Context,
): void {
  const [fits, known, direct, next] = [asm.label(), asm.label(), asm.label(), asm.label()]
  amongRanges(asm, to, { ...header.destination, yes: fits, no: next })
  asm.place(fits)
  if (vlans) {
    vlan()
    among(asm, ascending(vlans), known, next)
    asm.place(known)
  }
  header.protocol(next)
  asm.jumpIf(IF.EQ, R0, protocol, direct)
  asm.jumpIf(IF.NE, R0, header.icmp, next)
  header.quoted(protocol, next)
  amongRanges(asm, from, { ...header.quotedSource, yes: ours, no: next })

  asm.place(direct)
  amongRanges(asm, from, { ...header.source, yes: ours, no: next })
  asm.place(next)
}

type Words = Pick<InRanges, 'load' | 'words'>
/** What to read of packets of a protocol. */
type ReadOf = (protocol: number) => Read

/** How the headers of a family are read. */
interface Header {
  readonly icmp: number
  readonly source: Words
  readonly destination: Words
  /** Of an answer to what an error of ICMP quotes, behind quoted(). */
  readonly quotedSource: Words
  /** Goes on with the tuple of a packet that is no fragment. */
  tuple(protocol: number, otherwise: Label): void
  /** Goes on with the source of a fragment, and where its ports are; at `later` where it is not the first one. */
  fragment(protocol: number, later: Label, otherwise: Label): void
  /** R0 = the protocol, of fragments too. */
  protocol(otherwise: Label): void
  /** Goes on with an error about this protocol. */
  quoted(protocol: number, otherwise: Label): void
}

class Header4 implements Header {
  readonly icmp = PROTO.ICMP
  readonly source: Words
  readonly destination: Words
  readonly quotedSource: Words
  readonly #asm: Assembler
  readonly #read: ReadOf

  constructor(asm: Assembler, read: ReadOf) {
    this.#asm = asm
    this.#read = read
    const at = (offset: number): Words => ({ words: 1, load: () => asm.load(SIZE.WORD, offset) })
    this.source = at(IP + IPV4.SRC)
    this.destination = at(IP + IPV4.DST)
    this.quotedSource = {
      words: 1,
      load: () => asm.aluRegister(OP.MOV, R0, PEER_ADDRESS),
    }
  }

  tuple(protocol: number, otherwise: Label): void {
    tuple(this.#asm, this.#read(protocol), otherwise)
  }

  fragment(protocol: number, later: Label, otherwise: Label): void {
    const asm = this.#asm
    this.protocol()
    asm.jumpIf(IF.NE, R0, protocol, otherwise)
    const piece = asm.label()
    asm.load(SIZE.HALF, IP + IPV4.FRAGMENT)
    asm.jumpIf(IF.SET, R0, IP_FRAGMENT_BITS, piece)
    asm.jump(otherwise)
    asm.place(piece)
    asm.load(SIZE.BYTE, IP + IPV4.VERSION_IHL)
    headerLength(asm, OWN_PORT, otherwise)
    asm.aluRegister(OP.MOV, PEER_PORT, OWN_PORT)
    asm.load(SIZE.WORD, IP + IPV4.SRC)
    asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
    asm.load(SIZE.HALF, IP + IPV4.FRAGMENT)
    asm.jumpIf(IF.SET, R0, IP_OFFSET_BITS, later)
    within(asm, this.#read(protocol), PORTS, otherwise)
  }

  protocol(): void {
    this.#asm.load(SIZE.BYTE, IP + IPV4.PROTOCOL)
  }

  quoted(protocol: number, otherwise: Label): void {
    const asm = this.#asm
    asm.load(SIZE.HALF, IP + IPV4.FRAGMENT)
    asm.jumpIf(IF.SET, R0, IP_FRAGMENT_BITS, otherwise)
    asm.load(SIZE.BYTE, IP + IPV4.VERSION_IHL)
    headerLength(asm, OWN_PORT, otherwise)
    quoted(asm, this.#read(protocol), otherwise)
  }
}

class Header6 implements Header {
  readonly icmp = NEXT.ICMPV6
  readonly source: Words
  readonly destination: Words
  readonly quotedSource: Words
  readonly #asm: Assembler
  readonly #read: ReadOf

  constructor(asm: Assembler, read: ReadOf) {
    this.#asm = asm
    this.#read = read
    const at = (offset: number): Words => ({
      words: 4,
      load: word => asm.load(SIZE.WORD, offset + 4 * word),
    })
    this.source = at(IP + IPV6.SRC)
    this.destination = at(IP + IPV6.DST)
    this.quotedSource = at(IP + IPV6.HEADER + ICMPV6.HEADER + IPV6.DST)
  }

  tuple(protocol: number, otherwise: Label): void {
    tuple6(this.#asm, this.#read(protocol), otherwise)
  }

  fragment(protocol: number, later: Label, otherwise: Label): void {
    const asm = this.#asm
    asm.load(SIZE.BYTE, IP + IPV6.NEXT)
    asm.jumpIf(IF.NE, R0, NEXT.FRAGMENT, otherwise)
    this.protocol(otherwise)
    asm.jumpIf(IF.NE, R0, protocol, otherwise)
    xored(asm, IP + IPV6.SRC)
    asm.load(SIZE.HALF, IP + IPV6.HEADER + FRAGMENT6.OFFSET)
    asm.jumpIf(IF.SET, R0, FRAGMENT6.OFFSET_BITS, later)
    asm.alu(OP.MOV, OWN_PORT, IPV6.HEADER + FRAGMENT6.HEADER)
    asm.aluRegister(OP.MOV, PEER_PORT, OWN_PORT)
    within(asm, this.#read(protocol), PORTS, otherwise)
  }

  /** Errors in fragments are none that anybody sends. */
  protocol(otherwise: Label): void {
    const asm = this.#asm
    const found = asm.label()
    asm.load(SIZE.BYTE, IP + IPV6.NEXT)
    asm.jumpIf(IF.NE, R0, NEXT.FRAGMENT, found)
    asm.alu(OP.MOV, OWN_PORT, IPV6.HEADER)
    within(asm, this.#read(NEXT.FRAGMENT), FRAGMENT6.HEADER, otherwise)
    asm.load(SIZE.BYTE, IP + IPV6.HEADER)
    asm.jumpIf(IF.EQ, R0, NEXT.ICMPV6, otherwise)
    asm.place(found)
  }

  quoted(protocol: number, otherwise: Label): void {
    this.#asm.alu(OP.MOV, OWN_PORT, IPV6.HEADER)
    quoted6(this.#asm, this.#read(protocol), otherwise)
  }
}

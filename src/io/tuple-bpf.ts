/**
 * The tuple of a packet in BPF, as engine/parsed.ts reads it: what says whose a packet of TCP or UDP is, and an ICMP error, which is
 * looked up by the tuple that an answer to what it quotes would have.
 */

import { ICMP, ICMP_ERRORS } from '../wire/icmp.ts'
import { ICMPV6, ICMPV6_INFORMS } from '../wire/icmpv6.ts'
import { IP_FRAGMENT_BITS, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { ADDRESS6_BYTES, IPV6, NEXT } from '../wire/ipv6.ts'
import { UDP } from '../wire/udp.ts'
import {
  type Assembler,
  IF,
  type Label,
  OP,
  R0,
  R1,
  R6,
  R7,
  R8,
  R9,
  type Register,
  SIZE,
} from './bpf.ts'

/** Where behind the IP header's begin the ports stand: ours, and the peer's. And the peer's address, of IPv6 its words XORed. */
export const OWN_PORT = R7
export const PEER_PORT = R8
export const PEER_ADDRESS = R9
/** Bytes of both. */
export const PORTS = UDP.DPORT + 2

export interface Read {
  /** Where IP headers begin. */
  ip: number
  /** The protocols that count. */
  protocols: readonly number[]
  /** Where the context says how long the frame is; left out where a load from behind its end may end the program with 0. */
  length?: number
}

/**
 * Goes on only with an unfragmented IPv4 packet of TCP or UDP, or an ICMP error that quotes the first of one: with the address
 * at the other end, and where behind the IP header's begin its port and ours are.
 */
export function tuple(asm: Assembler, read: Read, otherwise: Label): void {
  const { ip, protocols } = read
  const own = asm.label()
  const found = asm.label()
  asm.load(SIZE.HALF, ip + IPV4.FRAGMENT)
  asm.jumpIf(IF.SET, R0, IP_FRAGMENT_BITS, otherwise)
  asm.load(SIZE.BYTE, ip + IPV4.VERSION_IHL)
  headerLength(asm, R7, otherwise)
  asm.load(SIZE.BYTE, ip + IPV4.PROTOCOL)
  for (const protocol of protocols) asm.jumpIf(IF.EQ, R0, protocol, own)
  asm.jumpIf(IF.NE, R0, PROTO.ICMP, otherwise)
  quoted(asm, read, otherwise)
  asm.jump(found)

  asm.place(own)
  within(asm, read, PORTS, otherwise)
  asm.load(SIZE.WORD, ip + IPV4.SRC)
  asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  asm.aluRegister(OP.MOV, PEER_PORT, R7)
  asm.alu(OP.ADD, OWN_PORT, UDP.DPORT)
  asm.place(found)
}

/** The tuple of an answer to what is quoted behind an IP header of R7 bytes. */
export function quoted(asm: Assembler, read: Read, otherwise: Label): void {
  const { ip, protocols } = read
  const error = asm.label()
  const known = asm.label()
  within(asm, read, ICMP.HEADER + IPV4.HEADER, otherwise)
  asm.loadBehind(SIZE.BYTE, R7, ip + ICMP.TYPE)
  for (let type = 0; ICMP_ERRORS >>> type !== 0; type++)
    if (((ICMP_ERRORS >>> type) & 1) !== 0) asm.jumpIf(IF.EQ, R0, type, error)
  asm.jump(otherwise)

  asm.place(error)
  const quote = ip + ICMP.HEADER
  asm.loadBehind(SIZE.BYTE, R7, quote + IPV4.PROTOCOL)
  for (const protocol of protocols) asm.jumpIf(IF.EQ, R0, protocol, known)
  asm.jump(otherwise)
  asm.place(known)
  asm.loadBehind(SIZE.HALF, R7, quote + IPV4.FRAGMENT)
  asm.jumpIf(IF.SET, R0, IP_OFFSET_BITS, otherwise)
  // It went out from where the error comes in.
  asm.loadBehind(SIZE.WORD, R7, quote + IPV4.SRC)
  asm.aluRegister(OP.MOV, R9, R0)
  asm.load(SIZE.WORD, ip + IPV4.DST)
  asm.aluRegister(OP.XOR, R9, R0)
  asm.jumpIf(IF.NE, R9, 0, otherwise)
  asm.loadBehind(SIZE.WORD, R7, quote + IPV4.DST)
  asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  asm.loadBehind(SIZE.BYTE, R7, quote + IPV4.VERSION_IHL)
  headerLength(asm, R8, otherwise)
  asm.aluRegister(OP.ADD, OWN_PORT, R8)
  within(asm, read, ICMP.HEADER + PORTS, otherwise)
  asm.alu(OP.ADD, OWN_PORT, ICMP.HEADER + UDP.SPORT)
  asm.aluRegister(OP.MOV, PEER_PORT, OWN_PORT)
  asm.alu(OP.ADD, PEER_PORT, UDP.DPORT - UDP.SPORT)
}

/** Goes on if there are so many bytes behind the one that R7 points to, counted from the IP header's begin. */
export function within(
  asm: Assembler,
  { ip, length }: Read,
  bytes: number,
  otherwise: Label,
): void {
  if (length === undefined) return
  asm.loadField(R0, R6, length)
  asm.aluRegister(OP.MOV, R1, R7)
  asm.alu(OP.ADD, R1, ip + bytes)
  asm.jumpIfLess(R0, R1, otherwise)
}

/** The same of IPv6, without extension headers. Of the address all workers know its words XORed (engine/steering.ts). */
export function tuple6(asm: Assembler, read: Read, otherwise: Label): void {
  const { ip, protocols } = read
  const own = asm.label()
  const found = asm.label()
  asm.load(SIZE.BYTE, ip + IPV6.VERSION_CLASS_FLOW)
  asm.alu(OP.RSH, R0, 4)
  asm.jumpIf(IF.NE, R0, 6, otherwise)
  asm.alu(OP.MOV, R7, IPV6.HEADER)
  asm.load(SIZE.BYTE, ip + IPV6.NEXT)
  for (const protocol of protocols) asm.jumpIf(IF.EQ, R0, protocol, own)
  asm.jumpIf(IF.NE, R0, NEXT.ICMPV6, otherwise)
  quoted6(asm, read, otherwise)
  asm.jump(found)

  asm.place(own)
  within(asm, read, PORTS, otherwise)
  xored(asm, ip + IPV6.SRC)
  asm.alu(OP.MOV, PEER_PORT, IPV6.HEADER + UDP.SPORT)
  asm.alu(OP.MOV, OWN_PORT, IPV6.HEADER + UDP.DPORT)
  asm.place(found)
}

/** The tuple of an answer to what an error of ICMPv6 quotes. */
export function quoted6(asm: Assembler, read: Read, otherwise: Label): void {
  const { ip, protocols } = read
  const known = asm.label()
  const quote = IPV6.HEADER + ICMPV6.HEADER
  within(asm, read, ICMPV6.HEADER + IPV6.HEADER + PORTS, otherwise)
  asm.load(SIZE.BYTE, ip + IPV6.HEADER + ICMPV6.TYPE)
  asm.jumpIf(IF.GE, R0, ICMPV6_INFORMS, otherwise)
  asm.load(SIZE.BYTE, ip + quote + IPV6.NEXT)
  for (const protocol of protocols) asm.jumpIf(IF.EQ, R0, protocol, known)
  asm.jump(otherwise)
  asm.place(known)
  // It went out from where the error comes in.
  for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
    asm.load(SIZE.WORD, ip + quote + IPV6.SRC + i)
    asm.aluRegister(OP.MOV, R9, R0)
    asm.load(SIZE.WORD, ip + IPV6.DST + i)
    asm.aluRegister(OP.XOR, R9, R0)
    asm.jumpIf(IF.NE, R9, 0, otherwise)
  }
  xored(asm, ip + quote + IPV6.DST)
  asm.alu(OP.MOV, OWN_PORT, quote + IPV6.HEADER + UDP.SPORT)
  asm.alu(OP.MOV, PEER_PORT, quote + IPV6.HEADER + UDP.DPORT)
}

/** The peer's address = that of IPv6 at `at`, its words XORed. */
export function xored(asm: Assembler, at: number): void {
  asm.load(SIZE.WORD, at)
  asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  for (let i = 4; i < ADDRESS6_BYTES; i += 4) {
    asm.load(SIZE.WORD, at + i)
    asm.aluRegister(OP.XOR, PEER_ADDRESS, R0)
  }
}

/** `into` = bytes of the IPv4 header that begins with the byte in R0. */
export function headerLength(asm: Assembler, into: Register, otherwise: Label): void {
  asm.jumpIf(IF.LT, R0, 0x45, otherwise)
  asm.jumpIf(IF.GE, R0, 0x50, otherwise)
  asm.aluRegister(OP.MOV, into, R0)
  asm.alu(OP.AND, into, 0x0f)
  asm.shiftLeft(into, 2)
}

/**
 * The BPF program that has the kernel put each frame into the TAP queue of the worker that owns it, queue i for
 * worker i; engine/steering.ts says who owns what. One program serves every arm, because it looks at the frame's
 * destination and not at the arm's role: TCP or UDP to a LIP comes from an RS and goes by its lport, all other goes by
 * the hash of its source. An ICMP error goes where an answer to the packet that it quotes would. What nobody owns (ARP, other
 * ICMP, fragments, malformed headers, what is behind an extension header of IPv6, a residue without a worker) is queue 0's. Checksums and lengths are the
 * engine's to look at, so what it refuses for one may come to any worker.
 *
 * How tun numbers queues, and what it does without a program (drivers/net/tun.c, Linux 6.18; test/io/steering.test.ts
 * shows each):
 *
 * - A queue's number is the order of attaching. When one is closed, the *last* queue takes over its number, and what
 *   waited in the closed one is lost: worker i has queue i only while nobody closes one. So a worker that loses its
 *   queue makes all of them be opened anew, in order, or frames reach the wrong worker until then.
 * - The program's result is taken modulo the number of queues that are attached. While they are being opened
 *   frames therefore go to wrong ones.
 * - The program belongs to the device, not to a descriptor: a persistent TAP keeps it when its process has gone. Set
 *   it or take it away (steer in native.ts) whenever a TAP is opened. It is replaced at one blow, no frame passes
 *   unsteered in between.
 * - Without a program tun hashes the flow, symmetrically, and delivers to the queue that last *wrote* a frame of that
 *   flow; it remembers up to 4096 flows, each for 3 s after its last frame. An unknown flow goes by its hash. It learns
 *   a flow only after the kernel has dealt with the frame, so an answer that comes at once, an RS's SYN+ACK, still
 *   goes by the hash. So each connection's frames settle on one worker per arm, but not from the first on.
 *
 * A frame may reach the wrong queue in any case; workers hand such frames over (handover.ts).
 */

import { GOLDEN, MIX_1, MIX_2, type Steering } from '../engine/steering.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { ICMP, ICMP_ERRORS } from '../wire/icmp.ts'
import { ICMPV6, ICMPV6_INFORMS } from '../wire/icmpv6.ts'
import type { IpAddress } from '../wire/ip-address.ts'
import { IP_FRAGMENT_BITS, IP_OFFSET_BITS, IPV4, PROTO } from '../wire/ipv4.ts'
import { ADDRESS6_BYTES, IPV6, NEXT } from '../wire/ipv6.ts'
import { UDP } from '../wire/udp.ts'
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
  R6,
  R7,
  R8,
  R9,
  type Register,
  SIZE,
} from './bpf.ts'

/**
 * SKF_LL_OFF of linux/filter.h: offsets from here on count from the Ethernet header, wherever the program runs and
 * the packet's data begin. Such loads see only the linear part of a packet, where every driver puts the headers.
 */
const ETHERNET = -0x200000
const IP = ETHERNET + ETH.HEADER

/** Of the tuple that says whose a frame is. */
const OWN_PORT = R7
const PEER_PORT = R8
const PEER_ADDRESS = R9

/**
 * => The program for the LIPs (of IPv4 int32, any order; at most LIPS_MAX of conn-layout.ts), to be given to
 * `steer` as soon as the set changes. It has 3 instructions a LIP and runs about log2 of them (of IPv6: among6). Throws RangeError if
 * there are too many that have nothing in common.
 */
export function steeringProgram(steering: Steering, lips: Iterable<IpAddress>): Uint8Array {
  const asm = new Assembler()
  const six = asm.label()
  const fromRs = asm.label()
  const fromClient = asm.label()
  const nobodys = asm.label()
  const all = [...lips]

  asm.copy(R6, R1)
  asm.load(SIZE.HALF, ETHERNET + ETH.TYPE)
  asm.jumpIf(IF.EQ, R0, ETHERTYPE.IPV6, six)
  asm.jumpIf(IF.NE, R0, ETHERTYPE.IPV4, nobodys)
  tuple(asm, nobodys)
  asm.load(SIZE.WORD, IP + IPV4.DST)
  among(asm, ascending(all.filter(lip => typeof lip === 'number')), fromRs, fromClient)

  asm.place(six)
  tuple6(asm, nobodys)
  const lips6 = ascending6(all.filter(lip => typeof lip !== 'number'))
  among6(asm, lips6, { at: IP + IPV6.DST, yes: fromRs, no: fromClient })

  asm.place(fromClient)
  clientWorker(asm, steering)
  asm.exit()

  // The verifier refuses code that nothing leads to.
  if (all.length > 0) {
    asm.place(fromRs)
    asm.loadBehind(SIZE.HALF, OWN_PORT, IP)
    asm.alu(OP.AND, R0, steering.mask)
    asm.jumpIf(IF.GE, R0, steering.workers, nobodys)
    asm.exit()
  }

  asm.place(nobodys)
  asm.alu(OP.MOV, R0, 0)
  asm.exit()
  return asm.bytes()
}

/**
 * Goes on only with an unfragmented IPv4 packet of TCP or UDP, or an ICMP error that quotes the first of one: with the address
 * at the other end, and where behind the IP header's begin its port and ours are.
 */
function tuple(asm: Assembler, otherwise: Label): void {
  const own = asm.label()
  const found = asm.label()
  asm.load(SIZE.HALF, IP + IPV4.FRAGMENT)
  asm.jumpIf(IF.SET, R0, IP_FRAGMENT_BITS, otherwise)
  asm.load(SIZE.BYTE, IP + IPV4.VERSION_IHL)
  headerLength(asm, R7, otherwise)
  asm.load(SIZE.BYTE, IP + IPV4.PROTOCOL)
  asm.jumpIf(IF.EQ, R0, PROTO.TCP, own)
  asm.jumpIf(IF.EQ, R0, PROTO.UDP, own)
  asm.jumpIf(IF.NE, R0, PROTO.ICMP, otherwise)
  quoted(asm, otherwise)
  asm.jump(found)

  asm.place(own)
  asm.load(SIZE.WORD, IP + IPV4.SRC)
  asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  asm.aluRegister(OP.MOV, PEER_PORT, R7)
  asm.alu(OP.ADD, OWN_PORT, UDP.DPORT)
  asm.place(found)
}

/** The tuple of an answer to what is quoted behind an IP header of R7 bytes. */
function quoted(asm: Assembler, otherwise: Label): void {
  const error = asm.label()
  const known = asm.label()
  asm.loadBehind(SIZE.BYTE, R7, IP + ICMP.TYPE)
  for (let type = 0; ICMP_ERRORS >>> type !== 0; type++)
    if (((ICMP_ERRORS >>> type) & 1) !== 0) asm.jumpIf(IF.EQ, R0, type, error)
  asm.jump(otherwise)

  asm.place(error)
  const quote = IP + ICMP.HEADER
  asm.loadBehind(SIZE.BYTE, R7, quote + IPV4.PROTOCOL)
  asm.jumpIf(IF.EQ, R0, PROTO.TCP, known)
  asm.jumpIf(IF.NE, R0, PROTO.UDP, otherwise)
  asm.place(known)
  asm.loadBehind(SIZE.HALF, R7, quote + IPV4.FRAGMENT)
  asm.jumpIf(IF.SET, R0, IP_OFFSET_BITS, otherwise)
  // It went out from where the error comes in.
  asm.loadBehind(SIZE.WORD, R7, quote + IPV4.SRC)
  asm.aluRegister(OP.MOV, R9, R0)
  asm.load(SIZE.WORD, IP + IPV4.DST)
  asm.aluRegister(OP.XOR, R9, R0)
  asm.jumpIf(IF.NE, R9, 0, otherwise)
  asm.loadBehind(SIZE.WORD, R7, quote + IPV4.DST)
  asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  asm.loadBehind(SIZE.BYTE, R7, quote + IPV4.VERSION_IHL)
  headerLength(asm, R8, otherwise)
  asm.aluRegister(OP.ADD, OWN_PORT, R8)
  asm.alu(OP.ADD, OWN_PORT, ICMP.HEADER + UDP.SPORT)
  asm.aluRegister(OP.MOV, PEER_PORT, OWN_PORT)
  asm.alu(OP.ADD, PEER_PORT, UDP.DPORT - UDP.SPORT)
}

/** The same of IPv6, without extension headers. Of the address all workers know the sum of its words (engine/parsed.ts). */
function tuple6(asm: Assembler, otherwise: Label): void {
  const own = asm.label()
  const found = asm.label()
  const l4 = IPV6.HEADER
  asm.load(SIZE.BYTE, IP + IPV6.VERSION_CLASS_FLOW)
  asm.alu(OP.RSH, R0, 4)
  asm.jumpIf(IF.NE, R0, 6, otherwise)
  asm.load(SIZE.BYTE, IP + IPV6.NEXT)
  asm.jumpIf(IF.EQ, R0, PROTO.TCP, own)
  asm.jumpIf(IF.EQ, R0, PROTO.UDP, own)
  asm.jumpIf(IF.NE, R0, NEXT.ICMPV6, otherwise)
  quoted6(asm, otherwise)
  asm.jump(found)

  asm.place(own)
  sumOfWords(asm, IPV6.SRC)
  asm.alu(OP.MOV, PEER_PORT, l4 + UDP.SPORT)
  asm.alu(OP.MOV, OWN_PORT, l4 + UDP.DPORT)
  asm.place(found)
}

/** The tuple of an answer to what an error of ICMPv6 quotes. */
function quoted6(asm: Assembler, otherwise: Label): void {
  const known = asm.label()
  const quote = IPV6.HEADER + ICMPV6.HEADER
  asm.load(SIZE.BYTE, IP + IPV6.HEADER + ICMPV6.TYPE)
  asm.jumpIf(IF.GE, R0, ICMPV6_INFORMS, otherwise)
  asm.load(SIZE.BYTE, IP + quote + IPV6.NEXT)
  asm.jumpIf(IF.EQ, R0, PROTO.TCP, known)
  asm.jumpIf(IF.NE, R0, PROTO.UDP, otherwise)
  asm.place(known)
  // It went out from where the error comes in.
  for (let i = 0; i < ADDRESS6_BYTES; i += 4) {
    asm.load(SIZE.WORD, IP + quote + IPV6.SRC + i)
    asm.aluRegister(OP.MOV, R9, R0)
    asm.load(SIZE.WORD, IP + IPV6.DST + i)
    asm.aluRegister(OP.XOR, R9, R0)
    asm.jumpIf(IF.NE, R9, 0, otherwise)
  }
  sumOfWords(asm, quote + IPV6.DST)
  asm.alu(OP.MOV, OWN_PORT, quote + IPV6.HEADER + UDP.SPORT)
  asm.alu(OP.MOV, PEER_PORT, quote + IPV6.HEADER + UDP.DPORT)
}

/** The peer's address = the words at `at` behind the beginning of the packet, XORed. */
function sumOfWords(asm: Assembler, at: number): void {
  asm.load(SIZE.WORD, IP + at)
  asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  for (let i = 4; i < ADDRESS6_BYTES; i += 4) {
    asm.load(SIZE.WORD, IP + at + i)
    asm.aluRegister(OP.XOR, PEER_ADDRESS, R0)
  }
}

/** `into` = bytes of the IPv4 header that begins with the byte in R0. */
function headerLength(asm: Assembler, into: Register, otherwise: Label): void {
  asm.jumpIf(IF.LT, R0, 0x45, otherwise)
  asm.jumpIf(IF.GE, R0, 0x50, otherwise)
  asm.aluRegister(OP.MOV, into, R0)
  asm.alu(OP.AND, into, 0x0f)
  asm.shiftLeft(into, 2)
}

/** R0 = Steering.clientWorker of the tuple's peer, line by line the same. */
function clientWorker(asm: Assembler, { seed, workers }: Steering): void {
  asm.alu(OP.XOR, PEER_ADDRESS, seed)
  xorShifted(asm, 16)
  asm.alu(OP.MUL, PEER_ADDRESS, MIX_1)
  xorShifted(asm, 13)
  asm.alu(OP.MUL, PEER_ADDRESS, MIX_2)
  xorShifted(asm, 16)
  asm.loadBehind(SIZE.HALF, PEER_PORT, IP)
  asm.alu(OP.MUL, R0, GOLDEN)
  asm.aluRegister(OP.ADD, R0, PEER_ADDRESS)
  asm.alu(OP.RSH, R0, 16)
  asm.alu(OP.MUL, R0, workers)
  asm.alu(OP.RSH, R0, 16)
}

/** The peer's address ^= itself >>> bits. */
function xorShifted(asm: Assembler, bits: number): void {
  asm.aluRegister(OP.MOV, R0, PEER_ADDRESS)
  asm.alu(OP.RSH, R0, bits)
  asm.aluRegister(OP.XOR, PEER_ADDRESS, R0)
}

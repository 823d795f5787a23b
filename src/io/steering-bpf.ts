/**
 * The BPF program that has the kernel put each frame into the TAP queue of the worker that owns it, queue i for
 * worker i; engine/steering.ts says who owns what. One program serves every arm, because it looks at the frame's
 * destination and not at the arm's role: TCP or UDP to a LIP comes from an RS and goes by its lport, all other goes by
 * the hash of its source, or of its destination where its source is an RS that answers its clients through us (NAT). An ICMP error goes where an answer to the packet that it quotes would. What nobody owns (ARP, other
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
import type { IpAddress } from '../wire/ip-address.ts'
import { IPV4, PROTO } from '../wire/ipv4.ts'
import { IPV6 } from '../wire/ipv6.ts'
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
  SIZE,
} from './bpf.ts'
import { amongServers, type NatServer } from './nat-bpf.ts'
import { OWN_PORT, PEER_ADDRESS, PEER_PORT, tuple, tuple6, xored } from './tuple-bpf.ts'

/**
 * SKF_LL_OFF of linux/filter.h: offsets from here on count from the Ethernet header, wherever the program runs and
 * the packet's data begin. Such loads see only the linear part of a packet, where every driver puts the headers.
 */
const ETHERNET = -0x200000
const IP = ETHERNET + ETH.HEADER
const READ = { ip: IP, protocols: [PROTO.TCP, PROTO.UDP] }

/**
 * => The program for the LIPs (of IPv4 int32, any order; at most LIPS_MAX of conn-layout.ts), to be given to
 * `steer` as soon as the set changes. It has 3 instructions a LIP and runs about log2 of them (of IPv6: among6). Throws RangeError if
 * there are too many that have nothing in common.
 */
export function steeringProgram(
  steering: Steering,
  lips: Iterable<IpAddress>,
  servers: readonly NatServer[] = [],
): Uint8Array {
  const asm = new Assembler()
  const six = asm.label()
  const fromRs = asm.label()
  const fromClient = asm.label()
  const nobodys = asm.label()
  const [other, other6] = [asm.label(), asm.label()]
  const all = [...lips]

  asm.copy(R6, R1)
  asm.load(SIZE.HALF, ETHERNET + ETH.TYPE)
  asm.jumpIf(IF.EQ, R0, ETHERTYPE.IPV6, six)
  asm.jumpIf(IF.NE, R0, ETHERTYPE.IPV4, nobodys)
  tuple(asm, READ, nobodys)
  asm.load(SIZE.WORD, IP + IPV4.DST)
  among(asm, ascending(all.filter(lip => typeof lip === 'number')), fromRs, other)

  asm.place(other)
  const servers4 = servers.filter(({ address }) => typeof address === 'number')
  const destination = () => {
    asm.load(SIZE.WORD, IP + IPV4.DST)
    asm.aluRegister(OP.MOV, PEER_ADDRESS, R0)
  }
  byNat(asm, servers4, destination, fromClient)

  asm.place(six)
  tuple6(asm, READ, nobodys)
  const lips6 = ascending6(all.filter(lip => typeof lip !== 'number'))
  among6(asm, lips6, { at: IP + IPV6.DST, yes: fromRs, no: other6 })

  asm.place(other6)
  const servers6 = servers.filter(({ address }) => typeof address !== 'number')
  byNat(asm, servers6, () => xored(asm, IP + IPV6.DST), fromClient)

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
 * What comes from one of these has its client at the other end. Goes on at `then` with the client's address and port; `destination` reads
 * where the packet goes to.
 */
function byNat(
  asm: Assembler,
  servers: readonly NatServer[],
  destination: () => void,
  then: Label,
): void {
  const answer = asm.label()
  amongServers(asm, IP, servers, answer, then)
  if (servers.length === 0) return
  asm.place(answer)
  destination()
  asm.aluRegister(OP.MOV, PEER_PORT, OWN_PORT)
  asm.jump(then)
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

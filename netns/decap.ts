// The end of tunnels of IP in IP, and of IPv6 in IPv6, on a device of the namespace that it runs in: a classifier that takes the outer header off
// before the stack sees the packet. It stands for the kernel's devices ipip and ip6tnl, which need modules, and is the lab's only.
//
//   node dist/netns/decap.js DEVICE        until it is ended

import { readFileSync } from 'node:fs'
import { Assembler, IF, OP, R0, R1, R2, R3, R4, R6, SIZE } from '../src/io/bpf.ts'
import { attachTcx, loadClassifier, TCX_INGRESS } from '../src/io/native.ts'
import { ETH, ETHERTYPE } from '../src/wire/ethernet.ts'
import { IPV4, PROTO } from '../src/wire/ipv4.ts'
import { IPV6, NEXT } from '../src/wire/ipv6.ts'

const [device = ''] = process.argv.slice(2)
const ADJUST_ROOM = 50
/** BPF_ADJ_ROOM_MAC: what is behind the Ethernet header. */
const BEHIND_MAC = 1
const GO_ON = -1

const asm = new Assembler()
const others = asm.label()
const six = asm.label()
asm.copy(R6, R1)
asm.load(SIZE.HALF, ETH.TYPE)
asm.jumpIf(IF.EQ, R0, ETHERTYPE.IPV6, six)
asm.jumpIf(IF.NE, R0, ETHERTYPE.IPV4, others)
asm.load(SIZE.BYTE, ETH.HEADER + IPV4.PROTOCOL)
asm.jumpIf(IF.NE, R0, PROTO.IPIP, others)
takeOff(IPV4.HEADER)
asm.jump(others)
asm.place(six)
asm.load(SIZE.BYTE, ETH.HEADER + IPV6.NEXT)
asm.jumpIf(IF.NE, R0, NEXT.IPV6, others)
takeOff(IPV6.HEADER)
asm.place(others)
asm.alu(OP.MOV, R0, GO_ON)
asm.exit()

// `ip netns exec`, by which it is started, shows the devices of the namespace.
const index = Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8'))
attachTcx(loadClassifier(asm.bytes()), '', index, TCX_INGRESS)
console.log(`takes packets out of tunnels that end at ${device}`)
setInterval(() => {}, 1 << 30)

function takeOff(bytes: number): void {
  asm.copy(R1, R6)
  asm.alu(OP.MOV, R2, -bytes)
  asm.alu(OP.MOV, R3, BEHIND_MAC)
  asm.alu(OP.MOV, R4, 0)
  asm.call(ADJUST_ROOM)
}

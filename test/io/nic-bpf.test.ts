/** What the classifiers of a NIC take for us, and what they leave to the host, as the kernel runs them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Assembler, OP, R1, R2, R3, R6 } from '../../src/io/bpf.ts'
import { fromNicProgram, fromTapProgram, toTapProgram } from '../../src/io/nic-bpf.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { bpfRunner, LOOPBACK_MAC, NO_DEVICE, VERDICT } from '../kit/bpf.ts'
import { icmpError } from '../kit/datagram.ts'
import { arpFrame, concat, ethernet, ipv4, tcp } from '../kit/frame.ts'

const run = bpfRunner('classifier')

const MAC = LOOPBACK_MAC
const OTHER = '02:00:00:00:00:09'
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const VIP = '192.0.2.1'
const LIP = '198.51.100.7'
const HOST = '192.0.2.9'
const PEER = '192.0.2.77'
const TAP = NO_DEVICE
const { NEXT, DROP, REDIRECT } = VERDICT
/** bpf_skb_vlan_push */
const VLAN_PUSH = 18

const ours = [VIP, LIP]
const program = (addresses = ours, vlans: number[] = []) =>
  fromNicProgram({ tap: TAP, addresses: addresses.map(ipv4Int), vlans })

function packet(dst: string, dstMac = MAC, protocol = 6, fragment = 0x4000): Uint8Array {
  const segment = tcp({ src: PEER, dst, sport: 1000, dport: 80, flags: 'S', seq: 1 })
  return ethernet(
    dstMac,
    OTHER,
    0x0800,
    ipv4({ src: PEER, dst, protocol, fragment, ttl: 64 }, segment),
  )
}

/** The same behind what the kernel does to a tagged frame before the program sees it. */
function behindTag(tci: number, { protocol = 0x8100, vlans = [100] } = {}): Uint8Array {
  const asm = new Assembler()
  asm.copy(R6, R1)
  asm.alu(OP.MOV, R2, (protocol >> 8) | ((protocol & 255) << 8))
  asm.alu(OP.MOV, R3, tci)
  asm.call(VLAN_PUSH)
  asm.copy(R1, R6)
  return concat(asm.bytes(), program(ours, vlans))
}

const arp = (op: number, target: string, dstMac = BROADCAST) =>
  arpFrame(op, { mac: OTHER, ip: PEER }, { mac: MAC, ip: target }, dstMac)

test('IPv4 to our MAC, or a group’s, and to an address of ours is taken, whatever it is', () => {
  const error = icmpError({
    about: { src: VIP, dst: PEER, sport: 80, dport: 1000 },
    type: 3,
    dst: VIP,
    src: PEER,
  })
  const frames = [
    packet(VIP),
    packet(LIP),
    packet(VIP, MAC, 17),
    packet(VIP, MAC, 47),
    packet(VIP, MAC, 17, 0x2000),
    packet(VIP, MAC, 17, 0x0005),
    ethernet(MAC, OTHER, 0x0800, error),
    // A host that has the address as well would answer these.
    packet(VIP, BROADCAST),
    packet(VIP, '01:00:5e:00:00:01'),
  ]
  assert.deepEqual(run(program(), frames), Array(frames.length).fill(REDIRECT))
})

test('all else is the host’s, untouched', () => {
  const frames = [
    packet(HOST),
    packet(VIP, OTHER),
    packet('255.255.255.255', BROADCAST),
    packet('224.0.0.1', '01:00:5e:00:00:01'),
    ethernet(MAC, OTHER, 0x86dd, packet(VIP).subarray(14)),
    // A tag inside is none that the kernel took out: two of them, say.
    ethernet(MAC, OTHER, 0x8100, concat(Uint8Array.of(0, 100, 8, 0), packet(VIP).subarray(14))),
  ]
  assert.deepEqual(run(program(), frames), Array(frames.length).fill(NEXT))
  assert.deepEqual(run(program(ours, [100]), frames), Array(frames.length).fill(NEXT))
})

test('a tag that is a priority is none; of VLANs only ours are taken', () => {
  const frames = [packet(VIP), arp(1, VIP), packet(HOST)]
  const taken = [REDIRECT, REDIRECT, NEXT]
  for (const tci of [0, 0x6000, 0x1000]) {
    assert.deepEqual(run(behindTag(tci), frames), taken, `TCI ${tci}`)
    assert.deepEqual(run(behindTag(tci, { vlans: [] }), frames), taken, `TCI ${tci}, no VLAN`)
  }
  assert.deepEqual(run(behindTag(0x6064), frames), taken)
  const hosts = [NEXT, NEXT, NEXT]
  assert.deepEqual(run(behindTag(101), frames), hosts)
  assert.deepEqual(run(behindTag(100, { vlans: [] }), frames), hosts)
  // 802.1ad is a VLAN of a provider's, whatever its id.
  for (const tci of [0, 100])
    assert.deepEqual(run(behindTag(tci, { protocol: 0x88a8 }), frames), hosts)
})

test('ARP about an address of ours is taken; all other is heard, and is the host’s', () => {
  const frames = [
    arp(1, VIP),
    arp(1, LIP, MAC),
    arp(2, VIP, MAC),
    arp(1, HOST),
    arp(2, HOST, MAC),
    arp(1, PEER),
    arp(2, VIP, OTHER),
    arp(1, VIP).subarray(0, 40),
  ]
  assert.deepEqual(run(program(), frames), [
    ...Array(3).fill(REDIRECT),
    ...Array(frames.length - 3).fill(NEXT),
  ])
})

test('without an address nothing is ours', () => {
  assert.deepEqual(run(program([]), [packet(VIP), arp(1, VIP)]), [NEXT, NEXT])
})

test('any number of addresses: each of them, and none beside', () => {
  const seed = Date.now() | 0
  const word = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map(a => a.join('.'))
  for (const count of [1, 2, 3, 64, 4096]) {
    const addresses = fc.sample(word, { numRuns: count, seed })
    const known = new Set(addresses)
    const near = addresses.slice(0, 32).flatMap(address => {
      const bytes = address.split('.').map(Number)
      return [1, 255].map(step => [...bytes.slice(0, 3), (bytes[3] + step) & 255].join('.'))
    })
    const tried = [...addresses.slice(0, 64), ...near, ...fc.sample(word, { numRuns: 32 })]
    assert.deepEqual(
      run(
        program(addresses),
        tried.map(address => packet(address)),
      ),
      tried.map(address => (known.has(address) ? REDIRECT : NEXT)),
      `seed ${seed}`,
    )
  }
})

test('what workers write leaves by the NIC; what the host says into the TAP is not from the network', () => {
  const frames = [packet(HOST), ethernet(MAC, OTHER, 0x86dd, new Uint8Array(40))]
  assert.deepEqual(run(fromTapProgram(TAP), frames), [REDIRECT, REDIRECT])
  // A trial run came in by no device.
  assert.deepEqual(run(toTapProgram(TAP), frames), [DROP, DROP])
  assert.deepEqual(run(toTapProgram(0), frames), [NEXT, NEXT])
})

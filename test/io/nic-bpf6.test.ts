/** What the classifiers of a NIC take of IPv6 for us, and what they leave to the host, as the kernel runs them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromNicProgram } from '../../src/io/nic-bpf.ts'
import { ipAddress } from '../../src/wire/ip-address.ts'
import { bpfRunner, LOOPBACK_MAC, NO_DEVICE, VERDICT } from '../kit/bpf.ts'
import { concat, ethernet, fragmentHeader, icmpv6, ip, ipv4, ipv6, tcp } from '../kit/frame.ts'

const run = bpfRunner('classifier')

const MAC = LOOPBACK_MAC
const OTHER = '02:00:00:00:00:09'
const GROUP = '33:33:00:00:00:01'
const VIP = '2001:db8::1'
const LIP = '2001:db8:1::7'
const HOST = '2001:db8::9'
const PEER = '2001:db8::77'
const LINK = 'fe80::9'
const ALL_NODES = 'ff02::1'
const TAP = NO_DEVICE
const { NEXT, REDIRECT } = VERDICT

const program = (addresses = [VIP, LIP, '192.0.2.1']) =>
  fromNicProgram({ tap: TAP, addresses: addresses.map(ipAddress) })

const frame = (packet: Uint8Array, dstMac = MAC) => ethernet(dstMac, OTHER, 0x86dd, packet)

function segment(dst: string, more: object = {}): Uint8Array {
  const of = { src: PEER, dst, sport: 1000, dport: 80, flags: 'S', seq: 1 }
  return ipv6({ ...of, next: 6, ...more }, tcp(of))
}

/** A message of neighbour discovery about `target`: 135 asks, 136 answers. */
function nd(type: number, target: string, dst: string, src = PEER): Uint8Array {
  const body = concat(
    new Uint8Array(4),
    Uint8Array.from(ip(target)),
    Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 9),
  )
  return ipv6({ src, dst, next: 58, hopLimit: 255 }, icmpv6({ src, dst }, type, 0, body))
}

/** Of MLD, behind the option that routers look at. */
function mld(type: number): Uint8Array {
  const ends = { src: LINK, dst: ALL_NODES }
  const alert = { kind: 0, rest: Uint8Array.of(0, 5, 2, 0, 0, 1, 0) }
  const message = icmpv6(ends, type, 0, new Uint8Array(24))
  return ipv6({ ...ends, next: 58, hopLimit: 1, extensions: [alert] }, message)
}

const solicited = (address: string) => `ff02::1:ff00:${address.split('::')[1]}`

test('IPv6 to an address of ours is taken, whatever it is', () => {
  const frames = [
    frame(segment(VIP)),
    frame(segment(LIP)),
    frame(segment(VIP, { next: 17 })),
    frame(segment(VIP, { extensions: [fragmentHeader(8, true, 7)] })),
    frame(nd(135, VIP, VIP)),
    frame(nd(136, PEER, VIP)),
    // A host that has the address as well would answer this one.
    frame(segment(VIP), GROUP),
  ]
  assert.deepEqual(run(program(), frames), Array(frames.length).fill(REDIRECT))
})

test('neighbour discovery about an address of ours is ours alone, whoever else is in its group', () => {
  const frames = [
    frame(nd(135, VIP, solicited(VIP)), '33:33:ff:00:00:01'),
    frame(nd(135, LIP, solicited(LIP)), '33:33:ff:00:00:07'),
    // Who looks whether it is free, and who says that it is his.
    frame(nd(135, VIP, solicited(VIP), '::'), '33:33:ff:00:00:01'),
    frame(nd(136, VIP, ALL_NODES), GROUP),
  ]
  assert.deepEqual(run(program(), frames), Array(frames.length).fill(REDIRECT))
})

test('all else is the host’s', () => {
  const frames = [
    frame(segment(HOST)),
    frame(segment(VIP), OTHER),
    frame(nd(135, HOST, solicited(HOST)), '33:33:ff:00:00:09'),
    // Of another address in a group that is ours too.
    frame(nd(135, '2001:db8:9::1', solicited(VIP)), '33:33:ff:00:00:01'),
    frame(nd(136, PEER, HOST)),
    frame(nd(134, PEER, ALL_NODES), GROUP),
    frame(mld(143), GROUP),
    frame(segment(ALL_NODES), GROUP),
    frame(nd(135, VIP, solicited(VIP)).subarray(0, 60), GROUP),
    ethernet(
      MAC,
      OTHER,
      0x0800,
      ipv4({ src: '192.0.2.9', dst: '192.0.2.2', protocol: 6 }, new Uint8Array(20)),
    ),
    // These are heard as well, and a copy goes to the TAP.
    frame(nd(136, PEER, ALL_NODES), GROUP),
    frame(mld(130), GROUP),
  ]
  assert.deepEqual(run(program(), frames), Array(frames.length).fill(NEXT))
})

test('without an address of IPv6 none of it is ours', () => {
  const frames = [frame(segment(VIP)), frame(nd(135, VIP, solicited(VIP)), GROUP)]
  assert.deepEqual(run(program(['192.0.2.1']), frames), [NEXT, NEXT])
  assert.deepEqual(run(program([]), frames), [NEXT, NEXT])
})

test('any number of addresses: each of them, and none beside', () => {
  for (const count of [1, 2, 3, 64, 2048]) {
    const addresses = Array.from(
      { length: count },
      (_, i) => `2001:db8:${i % 7}::${(i * 3).toString(16)}`,
    )
    const tried = addresses.slice(0, 64)
    const near = tried.map(address => `${address}1`)
    const known = new Set(addresses)
    assert.deepEqual(
      run(
        program(addresses),
        [...tried, ...near].map(address => frame(segment(address))),
      ),
      [...tried, ...near].map(address => (known.has(address) ? REDIRECT : NEXT)),
    )
  }
})

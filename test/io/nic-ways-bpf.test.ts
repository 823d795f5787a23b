/** What a NIC takes of NAT's answers and of what goes out by SNAT, and what it leaves to the host, as the kernel runs its program. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Assembler, OP, R0, R1, R6, SIZE } from '../../src/io/bpf.ts'
import { fromNicProgram } from '../../src/io/nic-bpf.ts'
import { amongRanges, common, joined, numberOf, type Range, without } from '../../src/io/ranges.ts'
import { ipAddress, ipText } from '../../src/wire/ip-address.ts'
import { bpfRunner, LOOPBACK_MAC, NO_DEVICE, VERDICT } from '../kit/bpf.ts'
import { datagram, icmpError, icmpPacket } from '../kit/datagram.ts'
import { piece } from '../kit/fragments.ts'
import { piece6 } from '../kit/fragments6.ts'
import { concat, ethernet, ipv6, tcp, tcpPacket } from '../kit/frame.ts'

const run = bpfRunner('classifier')

const OTHER = '02:00:00:00:00:09'
const BROADCAST = 'ff:ff:ff:ff:ff:ff'
const { NEXT, REDIRECT } = VERDICT

/** Ours, an RS of NAT at port 80 of TCP and 53 of UDP, a host inside, one that is not, a client, and what the host itself has. */
const FAMILIES = [
  ['192.0.2.1', '10.0.0.2', '10.0.0.9', '10.0.1.9', '198.51.100.77', '203.0.113.5'],
  ['2001:db8::1', 'fd00::2', 'fd00::9', 'fd01::9', '2001:db8:9::77', '2001:db8:5::5'],
] as const

for (const [VIP, RIP, INSIDE, BESIDE, CLIENT, HOST] of FAMILIES) {
  const isSix = VIP.includes(':')
  const family = isSix ? 'IPv6' : 'IPv4'
  const range = (first: string, last = first): Range => [
    numberOf(ipAddress(first)),
    numberOf(ipAddress(last)),
  ]
  const everybody: Range = [0n, (1n << (isSix ? 128n : 32n)) - 1n]
  const to = without([everybody], [range(HOST)])
  const inside = isSix ? range('fd00::8', 'fd00::ffff') : range('10.0.0.8', '10.0.0.255')
  const server = (port: number) => [{ address: ipAddress(RIP), port }]
  const answers = [
    { protocol: 6, servers: server(80), to },
    { protocol: 17, servers: server(53), to },
  ]
  const outward = [{ protocol: 6, from: [inside], to }]
  const program = (ways: object) =>
    fromNicProgram({
      tap: NO_DEVICE,
      addresses: [ipAddress(VIP)],
      vlans: [100],
      ways: { [isSix ? 'six' : 'four']: { answers: [], outward: [], ...ways } },
    })
  const nat = program({ answers })
  const snat = program({ outward })

  const frame = (packet: Uint8Array, mac = LOOPBACK_MAC) =>
    ethernet(mac, OTHER, isSix ? 0x86dd : 0x0800, packet)
  const segment = (src: string, sport: number, dst: string) =>
    tcpPacket({ src, dst, sport, dport: 4000, flags: 'S', seq: 1 })
  const query = (src: string, sport: number, dst: string) =>
    datagram({ src, dst, sport, dport: 4000, payload: new Uint8Array(2000) })
  const cut = (packet: Uint8Array, from: number, bytes: number) =>
    isSix ? piece6(packet, from, bytes) : piece(packet, from, bytes)
  /** `by` says something about what `src`:sport would have answered to `dst`. */
  const error = (by: string, src: string, sport: number, dst: string, protocol = 6) => {
    const about = { src, dst, sport, dport: 4000 }
    if (!isSix) return icmpError({ about, type: 3, code: 1, protocol, src: by, dst })
    const sent = { src: dst, dst: src, sport: 4000, dport: sport }
    const quote = ipv6({ ...sent, next: protocol }, tcp({ ...sent, flags: 'S', seq: 1 }))
    return icmpPacket({ src: by, dst }, 1, 0, concat(new Uint8Array(4), quote))
  }

  test(`${family}: what an RS of NAT answers is taken, and errors about it`, () => {
    const answer = query(RIP, 53, CLIENT)
    const frames = [
      segment(RIP, 80, CLIENT),
      answer,
      cut(answer, 0, 800),
      error(RIP, RIP, 80, CLIENT),
      error(BESIDE, RIP, 80, CLIENT),
      error(BESIDE, RIP, 53, CLIENT, 17),
    ].map(packet => frame(packet))
    assert.deepEqual(run(nat, frames), Array(frames.length).fill(REDIRECT))
  })

  test(`${family}: of an RS of NAT all else is the host’s`, () => {
    const other = query(RIP, 54, CLIENT)
    const frames = [
      // To the host, also where it is from the port of NAT, and from other ports, of another protocol or by others.
      segment(RIP, 80, HOST),
      segment(RIP, 22, CLIENT),
      segment(RIP, 53, CLIENT),
      segment(BESIDE, 80, CLIENT),
      other,
      cut(other, 0, 800),
      // Whose it is nobody knows: both have it.
      cut(query(RIP, 53, CLIENT), 800, 800),
      error(RIP, RIP, 22, CLIENT),
      error(RIP, RIP, 80, HOST),
      error(RIP, RIP, 80, CLIENT, 17),
      error(RIP, BESIDE, 80, CLIENT),
    ].map(packet => frame(packet))
    // To another station, and to all.
    for (const mac of [OTHER, BROADCAST]) frames.push(frame(segment(RIP, 80, CLIENT), mac))
    // Cut short by a sender or on the way.
    const whole = frame(segment(RIP, 80, CLIENT))
    for (const bytes of isSix ? [54, 55] : [34, 35]) frames.push(whole.slice(0, bytes))
    const report = frame(error(RIP, RIP, 80, CLIENT))
    for (const bytes of isSix ? [54, 62, 102] : [34, 42, 62]) frames.push(report.slice(0, bytes))
    assert.deepEqual(run(nat, frames), Array(frames.length).fill(NEXT))
  })

  test(`${family}: what goes out by SNAT is taken, in fragments too, and errors about its answers`, () => {
    const large = segment(INSIDE, 1234, CLIENT)
    const frames = [
      large,
      cut(large, 0, 16),
      cut(concat(large, new Uint8Array(16)), 16, 8),
      error(INSIDE, INSIDE, 1234, CLIENT),
      error(BESIDE, INSIDE, 1234, CLIENT),
    ].map(packet => frame(packet))
    assert.deepEqual(run(snat, frames), Array(frames.length).fill(REDIRECT))
  })

  test(`${family}: what fits no criteria of SNAT is the host’s`, () => {
    const frames = [
      segment(INSIDE, 1234, HOST),
      segment(RIP, 1234, CLIENT),
      segment(BESIDE, 1234, CLIENT),
      query(INSIDE, 1234, CLIENT),
      error(INSIDE, BESIDE, 1234, CLIENT),
      error(INSIDE, INSIDE, 1234, HOST),
      error(INSIDE, INSIDE, 1234, CLIENT, 17),
    ].map(packet => frame(packet))
    for (const mac of [OTHER, BROADCAST]) frames.push(frame(segment(INSIDE, 1, CLIENT), mac))
    const whole = frame(segment(INSIDE, 1, CLIENT))
    // Of TCP the criteria need no port.
    assert.deepEqual(run(snat, [whole.slice(0, 54)]), [REDIRECT])
    const report = frame(error(INSIDE, INSIDE, 1234, CLIENT))
    for (const bytes of isSix ? [54, 62, 102] : [34, 42, 62]) frames.push(report.slice(0, bytes))
    assert.deepEqual(run(snat, frames), Array(frames.length).fill(NEXT))
  })

  test(`${family}: without a tag it is not of a VLAN`, () => {
    const by = (vlans: number[]) => program({ outward: [{ ...outward[0], vlans }] })
    const frames = [frame(segment(INSIDE, 1, CLIENT))]
    assert.deepEqual(run(by([0]), frames), [REDIRECT])
    assert.deepEqual(run(by([100]), frames), [NEXT])
    assert.deepEqual(run(by([0, 100]), frames), [REDIRECT])
  })

  test(`${family}: in any ranges, and in none beside`, () => {
    const bits = isSix ? 128n : 32n
    const last = (1n << bits) - 1n
    // Of few bits that differ, so that ranges meet in any word.
    const near = fc
      .tuple(fc.bigInt(0n, 3n), fc.bigInt(0n, 3n), fc.bigInt(0n, 3n))
      .map(([a, b, c]) => (a << (bits - 2n)) | (b << (bits / 2n)) | c)
    const any = fc.oneof(near, fc.bigInt(0n, last))
    const pair = fc.tuple(any, any).map(([a, b]): Range => (a < b ? [a, b] : [b, a]))
    const seed = Date.now() | 0
    for (const ranges of fc.sample(fc.array(pair, { maxLength: 6 }), { numRuns: 20, seed })) {
      const asm = new Assembler()
      const [yes, no] = [asm.label(), asm.label()]
      asm.copy(R6, R1)
      // Both are led to, whatever the ranges are.
      asm.loadField(R0, R6, 0)
      for (const label of [yes, no]) asm.jumpIf(0x16, R0, 1, label)
      const at = isSix ? 22 : 26
      const load = (word: number) => asm.load(SIZE.WORD, at + 4 * word)
      amongRanges(asm, ranges, { words: isSix ? 4 : 1, load, yes, no })
      for (const [label, verdict] of [
        [yes, 1],
        [no, 0],
      ] as const) {
        asm.place(label)
        asm.alu(OP.MOV, R0, verdict)
        asm.exit()
      }
      const ends = ranges.flat().flatMap(end => [end - 1n, end, end + 1n])
      const tried = [...ends, ...fc.sample(any, { numRuns: 30, seed })].filter(
        address => address >= 0n && address <= last,
      )
      const textOf = (address: bigint) => {
        const words = [96n, 64n, 32n, 0n].map(shift => Number(BigInt.asIntN(32, address >> shift)))
        return ipText(isSix ? (words as never) : (words[3] as number))
      }
      assert.deepEqual(
        run(
          asm.bytes(),
          tried.map(address => frame(segment(textOf(address), 1, CLIENT))),
        ),
        tried.map(address => Number(ranges.some(([a, b]) => a <= address && address <= b))),
        `seed ${seed}, ${ranges}`,
      )
    }
  })
}

test('sets of ranges are what they are of numbers', () => {
  const pair = fc
    .tuple(fc.nat(30), fc.nat(30))
    .map(([a, b]): Range => [BigInt(Math.min(a, b)), BigInt(Math.max(a, b))])
  const set = (ranges: readonly Range[]) => (n: number) => ranges.some(([a, b]) => a <= n && n <= b)
  fc.assert(
    fc.property(fc.array(pair), fc.array(pair), (a, b) => {
      const [inA, inB] = [set(a), set(b)]
      const [all, left, both] = [set(joined(a)), set(without(a, b)), set(common(a, b))]
      for (let n = 0; n <= 31; n++) {
        assert.equal(all(n), inA(n))
        assert.equal(left(n), inA(n) && !inB(n))
        assert.equal(both(n), inA(n) && inB(n))
      }
    }),
  )
})

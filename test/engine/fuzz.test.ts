/**
 * Random bytes and mutated frames on both arms. Two engines get the same inputs, but what lies around each frame in the
 * arena differs between them: if the engine read a byte outside the frame that it was given, their answers would part.
 * What lies around must also be the same afterwards: nothing is written outside the frame and its headroom.
 *
 * The seed is fixed and printed; FUZZ_SEED and FUZZ_INPUTS in the environment choose others.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DONE, Drop, PARKED } from '../../src/engine/counters.ts'
import { HEADROOM } from '../../src/engine/frames.ts'
import { checksum } from '../kit/frame.ts'
import { Mutator } from '../kit/mutator.ts'
import { SEED_CONFIG, Stand } from '../kit/stand.ts'

const SEED = Number(process.env.FUZZ_SEED ?? 20_180_601)
const INPUTS = Number(process.env.FUZZ_INPUTS ?? 200_000)
/** Bytes behind a frame that are watched, and in front of its headroom's part that may grow. */
const GUARD = 96
/** The most that a frame grows towards the headroom: IP and ICMP, in front of one that had grown by TOA. */
const GROWTH = 28 + 8

const KNOWN = new Set([0, 1, PARKED, DONE, ...Object.values(Drop).map(reason => -reason)])

/** A service of UDP beside that of TCP. */
const UDP_TOO = `${SEED_CONFIG}  - address: 202.108.10.1
    port: 6379
    protocol: udp
    real_servers: [{ address: 192.168.168.2 }]
`

const CONFIGS = {
  seed: SEED_CONFIG,
  'used ports keep all': `${SEED_CONFIG}\ntcp: { reuse: keep }`,
  'master, RST, TTL': `${SEED_CONFIG}\ntcp: { toa: master, bare_ack: rst, xmit_ttl: true }`,
  'UDP, UOA in a header': `${UDP_TOO}udp: { uoa: opp }`,
  'UDP, UOA as an option': `${UDP_TOO}udp: { uoa: ipo, uoa_max_trail: 255 }`,
  'UDP, one packet at a time': `${UDP_TOO.replace('udp', 'udp\n    one_packet: true')}udp: { uoa: opp }`,
  'a table of 64': `${SEED_CONFIG}\nconnections: { table_size: 64 }\ntcp: { toa: off }`,
}

/** One engine, its arena and what it is filled with. */
class Side {
  readonly stand: Stand
  readonly arena: Uint8Array
  readonly fill: number
  verdict = 0

  constructor(config: string, fill: number) {
    this.stand = new Stand(config).resolveRss()
    this.arena = new Uint8Array(this.stand.engine.frames.pkt.buffer)
    this.arena.fill(fill)
    this.fill = fill
  }

  /** => What leaves, as one text of arm and bytes each. */
  input(arm: number, bytes: Uint8Array, now: number): Uint8Array[] {
    const { frames, arms } = this.stand.engine
    const slot = frames.take()
    assert.ok(slot >= 0, 'the arena leaks')
    const start = frames.start[slot]
    const end = start + bytes.length
    this.arena.fill(this.fill, start - HEADROOM, start)
    this.arena.set(bytes, start)
    this.arena.fill(this.fill, end, end + GUARD)
    frames.length[slot] = bytes.length
    this.verdict = this.stand.engine.input(arms[arm], slot, now)
    assert.ok(KNOWN.has(this.verdict), `verdict ${this.verdict}`)
    this.#checkGuard(start - HEADROOM, start - GROWTH)
    this.#checkGuard(end, end + GUARD)
    if (this.verdict >= 0) {
      const out = arms[this.verdict]
      out.send(slot)
    } else if (this.verdict !== PARKED) frames.release(slot)
    return this.#drain()
  }

  #checkGuard(from: number, to: number): void {
    for (let at = from; at < to; at++) {
      if (this.arena[at] !== this.fill) assert.fail(`byte ${at - from} of a guard was written`)
    }
  }

  #drain(): Uint8Array[] {
    return this.stand.collect().map(({ bytes }) => {
      checkShape(bytes)
      return bytes
    })
  }

  tick(now: number): Uint8Array[] {
    this.stand.engine.tick(now)
    return this.#drain()
  }
}

/** Lengths that agree with each other and a good IP checksum; TCP's may be as corrupt as it came. */
function checkShape(bytes: Uint8Array): void {
  const frame = bytes.subarray(10)
  assert.ok(frame.length >= 14, 'runt')
  const type = frame[12] * 256 + frame[13]
  if (type === 0x0806) {
    assert.ok(frame.length >= 42, 'short ARP')
    return
  }
  assert.equal(type, 0x0800)
  const ihl = (frame[14] & 15) * 4
  const total = frame[16] * 256 + frame[17]
  assert.equal(frame[14] >> 4, 4)
  assert.ok(ihl >= 20 && total >= ihl)
  assert.equal(total, frame.length - 14, 'total length')
  assert.equal(checksum(frame.subarray(14, 14 + ihl)), 0, 'IP checksum')
  assert.ok(frame[22] > 0, 'TTL 0')
  assert.ok(total <= 1500 || bytes[1] !== 0, 'over the MTU')
  if (frame[23] === 1) return
  if (frame[23] === 17 || frame[23] === 248) {
    const l4 = ihl + (frame[23] === 248 ? 12 : 0)
    const length = frame[14 + l4 + 4] * 256 + frame[14 + l4 + 5]
    assert.ok(length >= 8 && l4 + length <= total, 'UDP length')
    if (bytes[0] & 1) assert.equal(bytes[6] + bytes[7] * 256, 14 + l4, 'csum_start')
    return
  }
  assert.equal(frame[23], 6)
  const offset = (frame[14 + ihl + 12] >> 4) * 4
  assert.ok(offset >= 20 && ihl + offset <= total, 'TCP data offset')
  if (bytes[0] & 1) assert.equal(bytes[6] + bytes[7] * 256, 14 + ihl, 'csum_start')
}

for (const [name, config] of Object.entries(CONFIGS)) {
  test(`${INPUTS} inputs of seed ${SEED}: ${name}`, () => {
    const sides = [new Side(config, 0x00), new Side(config, 0xff)]
    const mutator = new Mutator(SEED, sides[0].stand)
    let now = sides[0].stand.now
    const verdicts = new Map<number, number>()
    let n = 0
    try {
      for (n = 0; n < INPUTS; n++) {
        const { arm, bytes } = mutator.next()
        const [a, b] = sides.map(side => side.input(arm, bytes, now | 0))
        same(sides, a, b)
        verdicts.set(sides[0].verdict, (verdicts.get(sides[0].verdict) ?? 0) + 1)
        if (n % 16 === 0) {
          now += mutator.below(200) === 0 ? mutator.below(40_000) : mutator.below(20)
          const [c, d] = sides.map(side => side.tick(now | 0))
          same(sides, c, d)
        }
      }
    } catch (error) {
      ;(error as Error).message =
        `input ${n} of seed ${SEED}: ${mutator.hex()}\n${(error as Error).message}`
      throw error
    }
    // A fuzzer that is always turned away at the door tests nothing.
    const count = (verdict: number) => verdicts.get(verdict) ?? 0
    assert.ok(count(0) > n / 100 && count(1) > n / 100, `forwarded: ${[...verdicts]}`)
    assert.ok(verdicts.size > 20, `only ${verdicts.size} kinds of verdict`)
    for (const { stand } of sides) {
      const { table, wheel } = stand.engine.conns
      assert.equal(table.countLinked(), 2 * table.used)
      assert.equal(wheel.filed, table.used)
      assert.equal(stand.engine.lips[0].used, table.used)
    }
  })
}

function same(sides: Side[], a: Uint8Array[], b: Uint8Array[]): void {
  assert.equal(sides[0].verdict, sides[1].verdict, 'a byte outside the frame made the difference')
  assert.equal(a.length, b.length)
  for (let i = 0; i < a.length; i++) {
    assert.ok(Buffer.compare(a[i], b[i]) === 0, 'a byte outside the frame left with it')
  }
}

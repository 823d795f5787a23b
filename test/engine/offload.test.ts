/**
 * Partial checksums and segmentation offload: what a kernel hands over with IFF_VNET_HDR goes through both ways and is
 * what the kernel on the other side expects. decode() judges partial checksums, hdr_len and csum_start of every frame.
 * Holds invariant I11.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stat } from '../../src/engine/service.ts'
import { ARM, type Dir, established, frameOf } from '../kit/connection.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { checksum, concat, offload, type TcpFields, vnetHeader } from '../kit/frame.ts'
import { parseOptions } from '../kit/notation.ts'
import { SEED_CONFIG, type Stand } from '../kit/stand.ts'

/** The client has acknowledged payload: no TOA any more. */
const LATE = { ack: 9100 }

class Offloading {
  readonly stand: Stand

  constructor(config = SEED_CONFIG) {
    this.stand = established(config, frame => offload(frame))
  }

  frame(dir: Dir, change: Partial<TcpFields>): Uint8Array {
    return frameOf(this.stand, dir, change)
  }

  /** With a partial checksum, and GSO if `gsoSize` is not 0. */
  send(dir: Dir, change: Partial<TcpFields>, gsoSize = 0): DecodedTcp {
    return this.raw(dir, offload(this.frame(dir, change), gsoSize))
  }

  raw(dir: Dir, bytes: Uint8Array): DecodedTcp {
    const out = this.stand.inputRaw(ARM[dir], bytes)
    assert.equal(out.length, 1, this.stand.verdictName())
    return out[0].decoded as DecodedTcp
  }

  stat(cell: number): number {
    return this.stand.engine.dests.stat(0, cell)
  }
}

const bytes = (count: number) => Uint8Array.from({ length: count }, (_, i) => (i * 31) & 255)

test('the handshake with partial checksums stays partial, TOA, NOPs and MSS included', () => {
  const { stand } = new Offloading()
  assert.equal(stand.engine.conns.table.used, 1)
  const rig = new Offloading()
  const options = parseOptions('mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7')
  const syn = rig.send('in', { flags: 'S', seq: 1000, options })
  assert.deepEqual(syn.vnet, {
    flags: 1,
    gsoType: 0,
    hdrLen: 0,
    gsoSize: 0,
    csumStart: 34,
    csumOffset: 16,
  })
  assert.equal(syn.options.length, 28)
  const answer = rig.send('out', { flags: 'S.', seq: 9000, ack: 1, options })
  assert.equal(answer.vnet.flags, 1)
  assert.equal(answer.options[3] + answer.options[2] * 256, 1452)
})

for (const gsoSize of [0, 1448, 536]) {
  const kind = gsoSize === 0 ? 'a partial checksum' : `GSO of ${gsoSize}`
  const length = gsoSize === 0 ? 100 : gsoSize * 3 + 17
  const size = gsoSize

  test(`in, ${kind}: TOA grows the header, gso_size and csum_start stay`, () => {
    const rig = new Offloading()
    const payload = bytes(length)
    const out = rig.send('in', { payload }, size)
    assert.equal(out.options.length, 8)
    assert.equal(out.tcpHeaderBytes, 28)
    assert.deepEqual(out.vnet, {
      flags: 1,
      gsoType: size ? 1 : 0,
      hdrLen: size ? 14 + 20 + 28 : 0,
      gsoSize: size,
      csumStart: 34,
      csumOffset: 16,
    })
    assert.deepEqual(out.payload, payload)
    assert.equal(out.ipTotal, 48 + length)
  })

  test(`in, ${kind}: without TOA nothing about segmentation changes`, () => {
    const rig = new Offloading()
    const frame = offload(rig.frame('in', { ...LATE, payload: bytes(length) }), size)
    const out = rig.raw('in', frame)
    assert.equal(out.options.length, 0)
    assert.equal(out.vnet.hdrLen, size ? 54 : 0)
    assert.equal(out.vnet.gsoSize, size)
    assert.deepEqual(out.payload, bytes(length))
  })

  test(`out, ${kind}: with timestamps, SACK and without options`, () => {
    const rig = new Offloading()
    for (const text of ['', 'nop,nop,TS val 1 ecr 2', 'nop,nop,sack 1 {5:6}']) {
      const options = text === '' ? new Uint8Array() : parseOptions(text)
      const out = rig.send('out', { payload: bytes(length), options }, size)
      assert.equal(out.vnet.gsoSize, size)
      assert.equal(out.vnet.hdrLen, size ? 54 + options.length : 0)
      assert.deepEqual(out.payload, bytes(length))
    }
  })
}

test('IP options move csum_start, and it stays where it points', () => {
  const rig = new Offloading()
  const ipOptions = Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0)
  const out = rig.send('in', { payload: bytes(5000), ipOptions }, 1400)
  assert.equal(out.vnet.csumStart, 42)
  assert.equal(out.vnet.hdrLen, 14 + 28 + 28)
})

test('ECN: the flag beside the GSO type passes', () => {
  const rig = new Offloading()
  const frame = offload(rig.frame('in', { flags: 'W.', payload: bytes(4000) }), 1400)
  frame[1] |= 0x80
  assert.equal(rig.raw('in', frame).vnet.gsoType, 0x81)
})

test('a frame of 64 KiB goes through, both ways', () => {
  const rig = new Offloading()
  const payload = bytes(65_535 - 40)
  const up = rig.send('in', { ...LATE, payload }, 1448)
  assert.equal(up.ipTotal, 65_535)
  assert.deepEqual(up.payload, payload)
  const down = rig.send('out', { payload }, 1448)
  assert.equal(down.ipTotal, 65_535)
  assert.deepEqual(down.payload, payload)
})

test('TOA into 64 KiB: the largest that has room gets it, one byte more does not', () => {
  const rig = new Offloading()
  const fits = rig.send('in', { payload: bytes(65_535 - 40 - 8) }, 1448)
  assert.equal(fits.ipTotal, 65_535)
  assert.equal(fits.options.length, 8)
  const before = rig.stand.events('TOA_MTU')
  const full = rig.send('in', { payload: bytes(65_535 - 40 - 7) }, 1448)
  assert.equal(full.ipTotal, 65_528)
  assert.equal(full.options.length, 0)
  assert.equal(full.vnet.hdrLen, 54)
  assert.equal(rig.stand.events('TOA_MTU') - before, 1)
})

test('TOA counts against the MTU per segment: gso_size 1452 gets it, 1453 does not', () => {
  const rig = new Offloading()
  assert.equal(rig.send('in', { payload: bytes(20_000) }, 1452).options.length, 8)
  assert.equal(rig.send('in', { payload: bytes(20_000) }, 1453).options.length, 0)
  assert.equal(rig.stand.events('TOA_MTU'), 1)
  // One segment's worth in a GSO frame is as large as its payload.
  assert.equal(rig.send('in', { payload: bytes(1452) }, 1460).options.length, 8)
  assert.equal(rig.send('in', { payload: bytes(1453) }, 1460).options.length, 0)
})

test("segments larger than the arm's MTU are refused whatever the frame's length, and quoted as one of them", () => {
  const rig = new Offloading()
  const refused = (dir: Dir, frame: Uint8Array) => {
    const out = rig.stand.inputRaw(ARM[dir], frame)
    assert.equal(out.length, 1, rig.stand.verdictName())
    const [{ arm, decoded }] = out
    assert.ok(decoded.kind === 'icmp')
    assert.deepEqual([arm, decoded.type, decoded.code], [ARM[dir], 3, 4])
    const { rest } = decoded
    assert.equal(rest.length, 576 - 20 - 4)
    assert.equal(checksum(rest.subarray(4, 24)), 0)
    // The MTU, and the total length of what was too large.
    return [rest[2] * 256 + rest[3], rest[6] * 256 + rest[7]]
  }
  for (const [dir, mtu] of [
    ['in', 1492],
    ['out', 1500],
  ] as const) {
    const frame = offload(rig.frame(dir, { ...LATE, payload: bytes(9000) }), 1461)
    assert.deepEqual(refused(dir, frame), [mtu, 1501])
    rig.send(dir, { ...LATE, payload: bytes(9000) }, 1460)
  }
  const noGso = offload(rig.frame('in', { ...LATE, payload: bytes(1461) }))
  assert.deepEqual(refused('in', noGso), [1492, 1501])
})

test('options of master that shrink shrink hdr_len too', () => {
  const rig = new Offloading(`${SEED_CONFIG}\ntcp: { toa: master }`)
  const options = parseOptions('nop,nop,TS val 1 ecr 2,nop,nop,sack 3 {1:2}{3:4}{5:6}')
  const out = rig.send('in', { payload: bytes(5000), options }, 1400)
  assert.equal(out.tcpHeaderBytes, 40)
  assert.equal(out.vnet.hdrLen, 74)
  assert.equal(out.vnet.csumStart, 34)
  assert.deepEqual(out.payload, bytes(5000))
})

test('DATA_VALID is cleared: what we changed nobody has verified', () => {
  const rig = new Offloading()
  for (const dir of ['in', 'out'] as const) {
    const frame = rig.frame(dir, { payload: bytes(10) })
    assert.equal(rig.raw(dir, concat(vnetHeader({ flags: 2 }), frame)).vnet.flags, 0)
    const partial = offload(frame)
    partial[0] |= 2
    assert.equal(rig.raw(dir, partial).vnet.flags, 1)
  }
})

test('a partial checksum on a padded frame', () => {
  const rig = new Offloading()
  const out = rig.raw('out', concat(offload(rig.frame('out', {})), new Uint8Array(6)))
  assert.equal(out.ipTotal, 40)
})

test('statistics count what the frame becomes on a wire', () => {
  const rig = new Offloading()
  const was = [Stat.IN_PACKETS, Stat.OUT_PACKETS, Stat.IN_BYTES, Stat.OUT_BYTES].map(cell =>
    rig.stat(cell),
  )
  rig.send('in', { payload: bytes(3 * 1448 + 1) }, 1448)
  rig.send('in', { payload: bytes(1448) }, 1448)
  rig.send(
    'out',
    { payload: bytes(10 * 1000), options: parseOptions('nop,nop,TS val 1 ecr 2') },
    1000,
  )
  const grown = [Stat.IN_PACKETS, Stat.OUT_PACKETS, Stat.IN_BYTES, Stat.OUT_BYTES].map(
    (cell, i) => rig.stat(cell) - was[i],
  )
  // Lengths before translation: headers of 40 and 52 bytes for every segment.
  assert.deepEqual(grown, [4 + 1, 10, 3 * 1448 + 1 + 4 * 40 + 1488, 10 * 1000 + 10 * 52])
  assert.equal(rig.stat(Stat.CONNS), 1)
})

test('what the appliance itself sends has a complete checksum and no segmentation', () => {
  const rig = new Offloading(
    `${SEED_CONFIG}\ntcp: { bare_ack: rst }\nneighbours: { timeout: 3600 }`,
  )
  const bare = offload(rig.frame('in', { sport: 1, payload: bytes(5000) }), 1400)
  const rst = rig.raw('in', bare)
  assert.deepEqual([rst.flags, rst.vnet.flags, rst.vnet.gsoType], ['R.', 0, 0])
  assert.equal(rst.ack, (1001 + 5000) >>> 0)
  const resets = rig.stand.pass(92_000)
  assert.equal(resets.length, 2)
  for (const { bytes: frame } of resets) assert.deepEqual(frame.slice(0, 10), new Uint8Array(10))
})

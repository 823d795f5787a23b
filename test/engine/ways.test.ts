/** Ways to an RS but FullNAT, of both families, in what no transcript says: MACs, what is cut up, several workers, and what outlives an engine. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { adoptRecords } from '../../src/engine/adopt.ts'
import { Steering } from '../../src/engine/steering.ts'
import { checkBooks } from '../kit/books.ts'
import { forwardedBy, LAN, SEEDS, SYN, WAN } from '../kit/connection.ts'
import type { DecodedTcp } from '../kit/decode.ts'
import { offload, tcpFrame } from '../kit/frame.ts'
import { printed } from '../kit/printed.ts'
import { Several } from '../kit/several.ts'
import { CLIENT_MAC, RS_MAC, Stand } from '../kit/stand.ts'

for (const [name, { seed, client, vip, rip, own }] of Object.entries(SEEDS)) {
  const config = (way: string) => forwardedBy(way, seed)
  const standBy = (way: string) => new Stand(config(way)).resolveRss()
  const C = `${client}.33896 > ${vip}.6379: Flags`
  const ends = { src: client, dst: vip }
  const isSix = name === 'IPv6'

  /** A stand on which a client has shaken hands. */
  const opened = (way: string): Stand => {
    const stand = standBy(way)
    stand.segment(WAN, `${C} [S], seq 1000, win 29200, length 0`)
    if (way === 'nat')
      stand.segment(
        LAN,
        `${rip}.6379 > ${client}.33896: Flags [S.], seq 9000, ack 1001, win 500, length 0`,
      )
    stand.segment(WAN, `${C} [.], seq 1001, ack 9001, win 229, length 0`)
    return stand
  }

  /** A frame of a client whose kernel leaves segmentation to the device. */
  const large = (stand: Stand, bytes: number, gso: number): Uint8Array => {
    const payload = Uint8Array.from({ length: bytes }, (_, i) => i)
    const macs = { srcMac: CLIENT_MAC, dstMac: stand.macOf(WAN) }
    const fields = { flags: 'PF.', seq: 1001, ack: 9001, win: 229, payload, id: 7 }
    return offload(tcpFrame({ ...SYN, ...ends, sport: 33896, ...macs, ...fields }), gso)
  }

  test(`${name}: by DR nothing but the MACs is another`, () => {
    const stand = standBy('dr')
    const frame = tcpFrame({ ...SYN, ...ends, srcMac: CLIENT_MAC, dstMac: stand.macOf(WAN) })
    const [out, ...more] = stand.input(WAN, frame)
    assert.ok(out && more.length === 0)
    assert.deepEqual([out.decoded.dstMac, out.decoded.srcMac], [RS_MAC, stand.macOf(LAN)])
    assert.deepEqual(out.bytes.slice(10 + 12), frame.slice(12))
  })

  test(`${name}: by DR what is still to be segmented stays so, for the device of the other arm`, () => {
    const stand = opened('dr')
    const [out] = stand.inputRaw(WAN, large(stand, 5000, 1400))
    assert.ok(out)
    assert.equal((out.decoded as DecodedTcp).vnet.gsoSize, 1400)
  })

  test(`${name}: into a tunnel each segment goes by itself, with a whole checksum`, () => {
    const stand = opened('tunnel')
    const out = stand.inputRaw(WAN, large(stand, 3000, 1400))
    const sent = out.map(({ decoded }) => decoded as DecodedTcp)
    assert.deepEqual(
      sent.map(({ seq, flags, payload, id }) => [seq, flags, payload.length, id]),
      [
        [1001, '.', 1400, isSix ? 0 : 7],
        [2401, '.', 1400, isSix ? 0 : 8],
        [3801, 'FP.', 200, isSix ? 0 : 9],
      ],
    )
    const all = sent.flatMap(({ payload }) => [...payload])
    assert.deepEqual(
      Uint8Array.from(all),
      Uint8Array.from({ length: 3000 }, (_, i) => i),
    )
    for (const { decoded } of out) {
      const { src, dst, df } = decoded.tunnel ?? {}
      assert.deepEqual([src, dst, df], [own, rip, !isSix])
    }
    assert.equal(stand.engine.frames.free, stand.engine.frames.slots)
  })

  test(`${name}: a frame that would be more segments than there are slots is refused`, () => {
    const stand = opened('tunnel')
    assert.deepEqual(stand.inputRaw(WAN, large(stand, 60_000, 10)), [])
    assert.equal(stand.drops('NO_BUFFER'), 1)
    assert.equal(stand.engine.frames.free, stand.engine.frames.slots)
  })

  test(`${name}: answers by NAT find the worker of their client, wherever they come in`, () => {
    const workers = 3
    const several = new Several(workers, config('nat'))
    for (const stand of several.stands) stand.resolveRss()
    for (let sport = 20_000; sport < 20_030; sport++) {
      const [syn] = several.segment(sport % workers, WAN, { ...SYN, ...ends, sport })
      assert.equal(syn && printed(syn.decoded).split(': ')[0], `${client}.${sport} > ${rip}.6379`)
      const answer = `${rip}.6379 > ${client}.${sport}: Flags [S.], seq 9000, ack ${SYN.seq + 1}, win 500, length 0`
      const [back] = several.segment((sport + 1) % workers, LAN, answer)
      assert.equal(back && printed(back.decoded).split(': ')[0], `${vip}.6379 > ${client}.${sport}`)
    }
    const used = several.stands.map(({ engine }) => engine.conns.table.used)
    assert.equal(
      used.reduce((a, b) => a + b),
      30,
    )
    assert.ok(
      used.every(count => count > 0),
      `${used}`,
    )
  })

  for (const way of ['nat', 'dr', 'tunnel']) {
    test(`${name}: connections by ${way} go on in an image of the engine, and in another engine on its records`, () => {
      const stand = opened(way)
      const data = `${C} [P.], seq 1001:1011, ack 9001, win 229, length 10`
      const image = stand.image()
      const listed = stand.segment(WAN, data).map(({ decoded }) => printed(decoded))
      assert.equal(listed.length, 1)
      const copy = new Stand(config(way), undefined, { now: stand.now }, image)
      copy.now = stand.now
      assert.deepEqual(
        copy.segment(WAN, data).map(({ decoded }) => printed(decoded)),
        listed,
      )
      const { engine } = stand
      const { conns, cleared } = adoptRecords(engine, stand.now | 0)
      assert.deepEqual([conns, cleared], [1, 0])
      checkBooks(engine, new Steering(1).lportPartition(0))
      assert.equal(stand.segment(WAN, data).length, 1)
      assert.equal(stand.events('CONNS_OPENED'), 1)
    })
  }
}

/** 802.1Q: whose a tagged frame is, how the tag comes off and goes on, and what of the virtio-net header moves with it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HEADROOM, STRIDE } from '../../src/engine/frames.ts'
import { push } from '../../src/engine/vlan.ts'
import { concat, tcpFrame, vnetHeader } from '../kit/frame.ts'
import { parseTcp } from '../kit/notation.ts'
import { CLIENT_MAC, Stand } from '../kit/stand.ts'

const CONFIG = `
arms:
  - { name: trunk }
  - name: trunk.100
    vlan: { arm: trunk, id: 100 }
    addresses: [202.108.10.1/32]
    routes: [{ to: 202.108.10.0/24 }]
  - name: trunk.200
    vlan: { arm: trunk, id: 200 }
    addresses: [192.168.168.3/24]
    local_addresses: [192.168.168.7]
services:
  - address: 202.108.10.1
    port: 6379
    real_servers: [{ address: 192.168.168.2 }]
`
const SYN = '202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 1, win 9, length 0'
const PARTIAL = { flags: 1, csumStart: 34, csumOffset: 16, hdrLen: 54 }

function given(bytes: Uint8Array) {
  const stand = new Stand(CONFIG)
  const { frames, arms } = stand.engine
  const slot = frames.take()
  new Uint8Array(frames.pkt.buffer, frames.start[slot], bytes.length).set(bytes)
  frames.length[slot] = bytes.length
  const frame = () =>
    new Uint8Array(frames.pkt.buffer, frames.start[slot], frames.length[slot]).slice()
  return { stand, frames, slot, frame, armOf: () => arms[0]?.vlans?.armOf(frames, slot) }
}

const syn = () =>
  tcpFrame({ ...parseTcp(SYN), srcMac: CLIENT_MAC, dstMac: new Stand(CONFIG).macOf('trunk') })
/** The frame with tags of these TCIs, the outer one first. */
function tagged(frame: Uint8Array, ...tcis: number[]): Uint8Array {
  const tags = tcis.flatMap(tci => [0x81, 0, tci >> 8, tci & 255])
  return concat(frame.slice(0, 12), Uint8Array.from(tags), frame.slice(12))
}

test('a frame of a VLAN is that of its arm, as it would be without a tag, whatever its priority', () => {
  for (const tci of [100, 0xe064, 0x1064]) {
    const { armOf, frame } = given(concat(vnetHeader(), tagged(syn(), tci)))
    assert.equal(armOf(), 1)
    assert.deepEqual(frame(), concat(vnetHeader(), syn()))
  }
  assert.equal(given(concat(vnetHeader(), tagged(syn(), 200))).armOf(), 2)
})

test('a tag goes on where it came off, and moves the place of a partial checksum', () => {
  const there = concat(vnetHeader({ ...PARTIAL, csumStart: 38, hdrLen: 58 }), tagged(syn(), 100))
  const { armOf, frame, frames, slot } = given(there)
  armOf()
  assert.deepEqual(frame(), concat(vnetHeader(PARTIAL), syn()))
  push(frames, slot, 100)
  assert.deepEqual(frame(), there)
  assert.equal(frames.start[slot], slot * STRIDE + HEADROOM)
})

test("what is no VLAN of ours is the parent's and stays as it is", () => {
  const runt = tagged(syn(), 100).slice(0, 17)
  for (const frame of [
    syn(),
    tagged(syn(), 0),
    tagged(syn(), 101),
    tagged(syn(), 100, 200),
    runt,
  ]) {
    const { armOf, frame: after } = given(concat(vnetHeader(), frame))
    assert.equal(armOf(), 0)
    assert.deepEqual(after(), concat(vnetHeader(), frame))
  }
})

test('a VLAN that no arm has is refused, and so is a tag in a tag', () => {
  for (const frame of [tagged(syn(), 101), tagged(syn(), 0, 100), tagged(syn(), 100, 0)]) {
    const stand = new Stand(CONFIG)
    assert.deepEqual(stand.input('trunk', frame), [])
    assert.equal(stand.verdictName(), 'ETH_VLAN')
  }
})

test('a tag that is only a priority comes off on any arm', () => {
  const stand = new Stand()
  stand.resolveRss()
  const mac = stand.macOf('dpdk0')
  const frame = tcpFrame({ ...parseTcp(SYN), srcMac: CLIENT_MAC, dstMac: mac })
  const [out] = stand.input('dpdk0', tagged(frame, 0xe000))
  assert.equal(out?.arm, 'dpdk1')
  assert.equal(stand.engine.conns.table.used, 1)
})

test('sub-arms have the MAC of their parent, and the tables of any arm', () => {
  const stand = new Stand(CONFIG)
  assert.equal(stand.macOf('trunk.100'), stand.macOf('trunk'))
  const routes = stand.engine.arms.map(arm => arm.routeTo(0xc0a8_a802 | 0) !== undefined)
  assert.deepEqual(routes, [false, false, true])
})

/**
 * Blind attacks (RFC 5961): whoever knows both addresses, and sends to every port, with any number. What he sends goes on, as an end
 * may have to answer it; nobody's connection ends for it, from whichever side he pretends to be.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Random } from '../../src/engine/random.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { CLIENT, LAN, RS, SYN, WAN } from '../kit/connection.ts'
import { concat, type TcpFields, tcpFrame, vnetHeader } from '../kit/frame.ts'
import { isLong } from '../kit/long.ts'
import { CLIENT_MAC, RS_MAC, SEED_CONFIG, Stand } from '../kit/stand.ts'

/** The ports that Linux gives to clients, one guess each. */
const [FIRST, LAST] = [32_768, 60_999]
const CONNS = 50
const KINDS = ['R', 'R.', 'F.', 'F', 'S', 'S.', '', '.'] as const

const portOf = (i: number) => FIRST + i * 560
const u32 = (random: Random) => ((random.below(65_536) << 16) | random.below(65_536)) >>> 0

/** Fifty connections, both ends of which have spoken. */
function fifty(yaml = SEED_CONFIG): Stand {
  const stand = new Stand(yaml).resolveRss()
  for (let i = 0; i < CONNS; i++) {
    const ends = { sport: portOf(i) }
    const syn = stand.forward(WAN, { ...SYN, ...ends })
    const back = { ...RS, dport: syn.sport, ack: (syn.seq + 1) >>> 0 }
    stand.forward(LAN, { ...back, flags: 'S.', seq: 9000 })
    stand.forward(WAN, { ...CLIENT, ...ends })
    stand.forward(LAN, { ...back, flags: 'P.', payload: new Uint8Array(10) })
  }
  return stand
}

function living({ engine: { conns } }: Stand): number {
  let count = 0
  for (let conn = 0; conn < conns.table.top; conn++)
    if (conns.table.inUse(conn) && conns.table.state(conn) === State.ESTABLISHED) count++
  return count
}

/** One segment of each kind to every port, every other one with a wrong checksum. */
function sweep(stand: Stand, dir: 'in' | 'out', seed: number): void {
  const random = new Random(seed)
  const arm = dir === 'in' ? WAN : LAN
  const macs = { srcMac: dir === 'in' ? CLIENT_MAC : RS_MAC, dstMac: stand.macOf(arm) }
  const [first, last] = dir === 'in' ? [FIRST, LAST] : [1025, 1025 + 4 * CONNS]
  for (let port = first; port <= last; port++) {
    // Where nobody is, one kind is enough: it is refused as any other.
    const isMet = dir === 'out' || (port - FIRST) % 560 === 0
    for (const flags of isMet ? KINDS : KINDS.slice(0, 1)) {
      const ends = dir === 'in' ? { ...CLIENT, sport: port } : { ...RS, dport: port }
      const fields: TcpFields = { ...ends, flags, seq: u32(random), ack: u32(random) }
      const frame = tcpFrame({ ...fields, ...macs })
      if (random.below(2) === 1) frame[14 + 20 + 16] ^= 0x5a
      stand.judge(arm, concat(vnetHeader(), frame))
    }
    stand.collect()
  }
}

for (const dir of ['in', 'out'] as const) {
  test(`a sweep of all ports ends none of fifty connections, ${dir}`, () => {
    for (const seed of isLong ? [1, 2, 3] : [1]) {
      const stand = fifty()
      sweep(stand, dir, seed)
      assert.equal(living(stand), CONNS)
    }
  })

  test(`with tcp.strict: off it ends all of them, as in DPVS, ${dir}`, () => {
    const stand = fifty(`${SEED_CONFIG}\ntcp: { strict: off }`)
    sweep(stand, dir, 1)
    assert.equal(living(stand), 0)
  })
}

test('a blind SYN does not end a half that still talks, and does end one that has gone quiet', () => {
  for (const [quiet, left] of [
    [300, State.CLOSE_WAIT],
    [1100, State.SYN_RECV],
  ] as const) {
    const stand = fifty()
    stand.forward(WAN, { ...CLIENT, sport: portOf(0), flags: 'F.', ack: 9011 })
    assert.equal(living(stand), CONNS - 1)
    stand.pass(quiet)
    // It reaches the RS, which asks its client whether it was meant.
    const [{ decoded }] = stand.segment(WAN, { ...SYN, sport: portOf(0), seq: 123_456_789 })
    assert.equal(decoded.kind === 'tcp' && decoded.dst, RS.src)
    assert.equal(stand.engine.conns.table.state(0), left)
  }
})

test('a blind SYN from a client’s port does not cost the client its next connection from there', () => {
  // The RS begins one, or asks who that is, as it has one of these ports. The client says that it is nobody, and begins its own a little later.
  for (const [answer, left] of [
    ['S.', State.SYN_RECV],
    ['.', State.CLOSE],
  ] as const) {
    const stand = new Stand().resolveRss()
    const blind = stand.forward(WAN, SYN)
    stand.forward(LAN, { ...RS, flags: answer, seq: 9000, ack: blind.seq + 1 })
    stand.forward(WAN, { ...CLIENT, flags: 'R', ack: 0 })
    assert.equal(stand.engine.conns.table.state(0), left)
    stand.pass(900)
    const seq = (SYN.seq - (1 << 27)) >>> 0
    const syn = stand.forward(WAN, { ...SYN, seq })
    const back = { ...RS, dst: syn.src, dport: syn.sport }
    stand.forward(LAN, { ...back, flags: 'S.', seq: 13_470_000, ack: (syn.seq + 1) >>> 0 })
    stand.forward(WAN, { ...CLIENT, seq: seq + 1, ack: 13_470_001 })
    assert.equal(living(stand), 1)
  }
})

test('what honest ends send is believed: an abort with data on its way, an RST that answers, a FIN behind a window', () => {
  for (const [dir, change, state] of [
    ['in', { flags: 'R', seq: 1001 + 60_000 }, State.CLOSE],
    ['in', { flags: 'R.', ack: 9011 }, State.CLOSE],
    ['in', { flags: 'F.', seq: 1001 + (8 << 20), ack: 9011 }, State.CLOSE_WAIT],
    // Most of what the RS has sent has not come to the client yet.
    ['in', { flags: 'F.', ack: (9011 - (20 << 20)) >>> 0 }, State.CLOSE_WAIT],
    ['out', { flags: 'R', seq: 9011 }, State.CLOSE],
    ['out', { flags: 'R', seq: 9001 }, State.CLOSE],
    ['out', { flags: 'F.', seq: 9011 + 100_000 }, State.FIN_WAIT],
  ] as const) {
    const stand = fifty()
    const ends = dir === 'in' ? { ...CLIENT, sport: portOf(0) } : RS
    stand.segment(dir === 'in' ? WAN : LAN, { ...ends, ...change })
    assert.equal(stand.engine.conns.table.state(0), state, JSON.stringify(change))
  }
})

/**
 * Where a packet's nanoseconds go: the steps of Engine.input one at a time, each over a whole burst before the next one.
 * A step alone overlaps with itself, and calls and checks that input() shares are missing, so the sum is not the whole.
 */

import { performance } from 'node:perf_hooks'
import { KEY } from '../../src/engine/conn-layout.ts'
import { Egress } from '../../src/engine/egress.ts'
import { BURST } from '../../src/engine/frames.ts'
import { Parsed } from '../../src/engine/parsed.ts'
import { UDP_STATES } from '../../src/engine/udp-state.ts'
import { FullNat } from '../../src/engine/xmit/fullnat.ts'
import { unfit } from '../../src/engine/xmit/ip.ts'
import { ToaMode } from '../../src/engine/xmit/toa.ts'
import { UoaMode } from '../../src/engine/xmit/uoa.ts'
import { FLAG } from '../../src/wire/tcp.ts'
import { Clients, SEQ } from './clients.ts'
import { PAYLOAD } from './established.ts'
import { Rig } from './rig.ts'

/** Over the burst in `slots`, which goes from the RSs to the clients or the other way. */
type Step = (slots: Int32Array, outward: boolean) => void

const CONNS = 1024
const BURSTS = 2000
const RUNS = 8

/** => ns per packet of each step, the least of several runs */
export function steps(): { name: string; ns: number }[] {
  const rig = new Rig({ conns: CONNS })
  const clients = new Clients(rig, CONNS)
  clients.open()
  const data = { flags: FLAG.ACK | FLAG.PSH, payload: PAYLOAD }
  const up = clients.fromClient(data)
  const down = clients.fromRs({ ...data, seq: SEQ.RS + 1, ack: SEQ.CLIENT + 1 })
  const named = Object.entries(stepsOf(rig))
  const best = named.map(() => Number.POSITIVE_INFINITY)
  for (let run = 0; run < RUNS; run++) {
    const ms = named.map(() => 0)
    for (let burst = 0; burst < BURSTS; burst++) {
      const outward = (burst & 1) === 1
      // A step of 251 conns is as good as a random one: no record is near the one before.
      const slots = rig.take()
      for (let i = 0; i < BURST; i++) {
        const client = Math.imul(burst * BURST + i, 251) & (CONNS - 1)
        if (outward) clients.stampOutOne(down, slots[i], client, PAYLOAD)
        else clients.stampInOne(up, slots[i], client)
      }
      named.forEach(([, step], k) => {
        const from = performance.now()
        step(slots, outward)
        ms[k] += performance.now() - from
      })
      rig.clearOutboxes()
    }
    for (const [k, total] of ms.entries()) {
      best[k] = Math.min(best[k], (total * 1e6) / (BURSTS * BURST))
    }
  }
  return named.map(([name], k) => ({ name, ns: best[k] }))
}

const NO_UOA = { timeoutMs: new Int32Array(UDP_STATES), uoa: UoaMode.OFF, uoaMaxTrail: 0 }

function stepsOf(rig: Rig): Record<string, Step> {
  const { engine } = rig
  const { frames, conns, dests, counters, arms } = engine
  const { table } = conns
  const { addressBook: book } = engine
  const { rates } = engine.setup.guards
  const parts = { ...engine, book, table, wheel: conns.wheel, rates, peers: null }
  const fullnat = new FullNat(parts, ToaMode.SEED, NO_UOA, false)
  const egress = new Egress(parts, engine.neighs)
  const parsed = Array.from({ length: BURST }, () => new Parsed())
  const found = new Int32Array(BURST)
  const destOf = (i: number) => table.dest(found[i] >> 1)
  return {
    'arm counters': (slots, outward) => {
      for (let i = 0; i < BURST; i++) counters.rx(outward ? 1 : 0, frames.length[slots[i]])
    },
    'headers decoded and checked': (slots, outward) => {
      const arm = outward ? rig.int : rig.ext
      for (let i = 0; i < BURST; i++) parsed[i].decode(frames, slots[i], arm)
    },
    'connection found': () => {
      for (let i = 0; i < BURST; i++) {
        found[i] = table.find(KEY.TCP, parsed[i].saddr, parsed[i].daddr, parsed[i].ports)
      }
    },
    'news of the neighbour (from RSs only)': (_slots, outward) => {
      if (!outward) return
      for (let i = 0; i < BURST; i++) egress.isNewsOfNextHop(parsed[i], destOf(i), rig.now)
    },
    "is it usual: MAC, RS's numbers, state, deadline": (_slots, outward) => {
      const { pkt } = frames
      for (let i = 0; i < BURST; i++) {
        if (outward) conns.usual.ofRs(pkt, found[i], parsed[i], rig.now)
        else conns.usual.ofClient(pkt, found[i], parsed[i], rig.now)
      }
    },
    'RS counters': () => {
      for (let i = 0; i < BURST; i++) {
        dests.countPackets(destOf(i), found[i] & 1, parsed[i].segments, parsed[i].wireBytes)
      }
    },
    translation: slots => {
      for (let i = 0; i < BURST; i++) fullnat.translate(slots[i], parsed[i], found[i], 1500)
    },
    'MTU, next hop and MACs': (slots, outward) => {
      for (let i = 0; i < BURST; i++) {
        const arm = outward ? rig.ext : rig.int
        if (unfit(frames.pkt, parsed[i], 0, arm.mtu, false) !== 0) continue
        const { eth } = parsed[i]
        if (outward) egress.toClient(eth, arm, found[i] >> 1)
        else egress.toRs(slots[i], eth, arm, destOf(i), rig.now)
      }
    },
    outbox: (slots, outward) => {
      const arm = arms[outward ? 0 : 1]
      for (let i = 0; i < BURST; i++) arm.send(slots[i])
    },
  }
}

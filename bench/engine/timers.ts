/**
 * The timer wheel with many connections: a tick with nothing to do, connections found not yet due and filed again, and
 * ESTABLISHED connections that die of age, which sends two RSTs each.
 */

import { BURST } from '../../src/engine/frames.ts'
import { Clients } from './clients.ts'
import { Rig } from './rig.ts'

export interface TimerCosts {
  /** ns per call. */
  idle: number
  /** ns per connection. */
  refiled: number
  expired: number
}

/** ms of the engine's clock. */
const TIMEOUT = 90_000
const STEP = 64
const QUIET = 20_000

/** Costs at `conns` connections, in the order of a deployment: opened together, heard of at random, then silent. */
export function timers(conns: number, lips: number): TimerCosts {
  const rig = new Rig({ conns, lips, establishedSec: TIMEOUT / 1000 })
  const clients = new Clients(rig, conns)
  clients.open()
  const opened = rig.now
  const idle = sweep(rig, opened + QUIET, 0) / (QUIET / STEP)
  hearOfAll(clients, opened + QUIET + 40_000)
  const { used } = rig.engine.conns.table
  // All are filed where they were opened and have deadlines 20 to 60 s behind: each is found once and filed again.
  const refiled = sweep(rig, opened + TIMEOUT + 3000, idle) / used
  if (rig.engine.conns.table.used !== used) throw new Error('a connection expired too early')
  const expired = sweep(rig, opened + TIMEOUT + QUIET + 45_000, idle) / used
  if (rig.engine.conns.table.used !== 0) throw new Error('a connection did not expire')
  return { idle: idle * 1e6, refiled: refiled * 1e6, expired: expired * 1e6 }
}

/** Ticks until `end`. => ms spent in them, beyond `idle` ms each */
function sweep(rig: Rig, end: number, idle: number): number {
  let ms = 0
  for (; rig.now < end; rig.now += STEP) {
    // As the loop does when a tick says that it has not finished.
    for (let due = true; due; rig.clearOutboxes()) {
      const before = rig.engine.conns.table.used
      ms += rig.tick() - idle
      due = rig.engine.conns.table.used !== before
    }
  }
  return Math.max(0, ms)
}

/** One segment of every connection, in an order that has nothing to do with that of opening, evenly until `end`. */
function hearOfAll(clients: Clients, end: number): void {
  const { rig, count } = clients
  const ack = clients.fromClient({})
  const from = rig.now
  for (let done = 0; done < count; done += BURST) {
    rig.now = from + Math.floor(((end - from) * done) / count)
    const slots = rig.take()
    // An odd number steps through all of a power of two.
    for (let i = 0; i < BURST; i++) {
      clients.stampInOne(ack, slots[i], Math.imul(done + i, 0x9e3779b1) & (count - 1))
    }
    rig.judge(rig.ext)
    rig.clearOutboxes()
  }
}

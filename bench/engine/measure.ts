/**
 * One number of several runs: the least, because what disturbs a run only ever adds to it. Calibration runs lie between
 * them, so that both have met the same machine.
 */

import { Event } from '../../src/engine/counters.ts'
import type { Against, Calibration } from './calibrate.ts'
import { Clients } from './clients.ts'
import type { Collections } from './collections.ts'
import { datagrams, Queries } from './datagrams.ts'
import { Established } from './established.ts'
import { CookieFlood, Flood } from './flood.ts'
import { Lives } from './lives.ts'
import { type REFUSALS, Refused } from './refused.ts'
import { Rig } from './rig.ts'
import type { RigOptions } from './rig-config.ts'

export interface Row {
  name: string
  ns: number
  /** Which calibration its ratio is against. */
  against: Against
}

export interface Effort {
  /** Runs of a row, and packets of one run. */
  runs: number
  packets: number
}

export class Bench {
  readonly #calibration: Calibration
  readonly #collections: Collections
  readonly #effort: Effort

  constructor(calibration: Calibration, collections: Collections, effort: Effort) {
    this.#calibration = calibration
    this.#collections = collections
    this.#effort = effort
  }

  /** ns per packet of established traffic over `conns` connections. */
  established(conns: number, options: Partial<RigOptions> = {}): number {
    const clients = new Clients(new Rig({ conns, lips: lipsFor(conns), ...options }), conns)
    clients.open()
    const traffic = new Established(clients)
    const ns = this.#least(packets => traffic.run(packets))
    expectNoDrops(clients.rig)
    return ns
  }

  /** ns per life of a connection, all its packets and its end. */
  life(options: Partial<RigOptions> = {}): number {
    const rig = new Rig({ conns: 1 << 17, ...options })
    const lives = new Lives(rig)
    const ns = this.#least(packets => lives.run(packets / 4), 5)
    expectNoDrops(rig)
    return ns
  }

  /** ns per datagram of `conns` connections that go on. */
  datagrams(conns: number): number {
    const rig = new Rig({ conns, protocol: 'udp' })
    const queries = new Queries(rig, conns)
    queries.run(conns)
    const traffic = new Established(queries.clients, datagrams(rig))
    const ns = this.#least(packets => traffic.run(packets))
    expectNoDrops(rig)
    return ns
  }

  /** ns per life of a query and its answer, which ends 2 s later. */
  queries(): number {
    const rig = new Rig({ conns: 1 << 17, protocol: 'udp', establishedSec: 2 })
    const queries = new Queries(rig, 1 << 17)
    const ns = this.#least(packets => queries.run(packets / 2), 5)
    expectNoDrops(rig)
    return ns
  }

  /** ns per SYN and SYN+ACK of a flood that has filled the table of `conns`, or the lports of one LIP towards one RS. */
  flood(short: 'table' | 'lports'): number {
    const options =
      short === 'table' ? { conns: 1 << 15 } : { conns: 1 << 18, lips: 1, realServers: 1 }
    const rig = new Rig({ ...options, makeRoom: true })
    const flood = new Flood(rig)
    const ns = this.#least(syns => flood.run(syns))
    expectNoDrops(rig)
    const evicted = rig.engine.counters.events[Event.HALF_OPEN_EVICTED] ?? 0
    if (evicted < this.#effort.packets) throw new Error(`only ${evicted} made room`)
    return ns
  }

  /** ns per SYN of a flood that is answered by a cookie. */
  cookies(): number {
    const rig = new Rig({ conns: 1024, cookies: true })
    const flood = new CookieFlood(rig)
    const ns = this.#least(syns => flood.run(syns))
    expectNoDrops(rig)
    const { events } = rig.engine.counters
    const sent = events[Event.SYN_COOKIES_SENT] ?? 0
    if (sent < this.#effort.packets) throw new Error(`only ${sent} were answered`)
    if (rig.engine.conns.table.used > 0) throw new Error('connections were opened')
    return ns
  }

  /** ns per frame refused for `reason`. */
  refused(reason: keyof typeof REFUSALS): number {
    const refused = new Refused(new Rig({ conns: 1024 }), reason)
    return this.#least(packets => refused.run(packets))
  }

  /** The least of several runs, after `warmUps` that compile the code and bring the tables to their steady state. */
  #least(run: (packets: number) => number, warmUps = 3): number {
    const { runs, packets } = this.#effort
    for (let i = 0; i < warmUps; i++) run(packets)
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < runs; i++) {
      this.#calibration.run()
      least = Math.min(
        least,
        this.#collections.within(() => run(packets)),
      )
    }
    return least
  }
}

/** LIPs for so many connections: 800 k lports each, and an odd number, which shares no factor with 16 RSs. */
export function lipsFor(conns: number): number {
  return Math.max(3, Math.ceil(conns / 800_000) | 1)
}

/** A drop would be cheaper than what the row claims to measure. */
function expectNoDrops(rig: Rig): void {
  const dropped = rig.engine.counters.events.subarray(0, 64).reduce((sum, n) => sum + n, 0)
  if (dropped > 0) throw new Error(`${dropped} frames were dropped`)
}

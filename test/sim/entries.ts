/**
 * The balancer's entries of UDP as clients and RSs use them: one that was used within its timeout is there, and the same, and no
 * error of ICMP has done anything to it.
 */

import { COLD, KEY, RECORD } from '../../src/engine/conn-layout.ts'
import { DONE, Drop, Event, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { UdpState } from '../../src/engine/udp-state.ts'
import { connOf, innerOf } from './lookup.ts'
import type { Sending } from './network.ts'
import { fault, get16, IP_AT, ipHeader, isFragment, UOA_PROTOCOL } from './packet.ts'
import { mix } from './random.ts'
import { isOut, type Way, wayOf } from './ways.ts'
import type { World } from './world.ts'

const NAMES = new Map<number, string>(Object.entries(Drop).map(([name, n]) => [n, name]))
const NONE = -1
/** ms for which an error may still be on its way that is about an entry that was there before. */
const LATE = 3000

/** ms for which an entry without an answer makes no room for another (semantics 5.8). */
const UNDER_WAY = 2000

/** A client's port and the service that it speaks to. */
export interface Flow {
  readonly cip: number
  readonly port: number
  readonly vport: number
  readonly to: number
  /** Who it is, of all workers and times, or NONE; and its LIP, lport and RS, as endsOf() has them. */
  entry: number
  ends: number
  /** Of the engine's clock, ms: when its timer was restarted last. */
  used: number
  /** The same of the world's. */
  seen: number
  /** The RS has answered. */
  normal: boolean
  /** ms of the world until which something that has befallen it may end it. */
  excused: number
  /** ms of the world when it last became another. */
  changed: number
  /** Datagrams of the entry that had to tell the client's address; -1 if nobody knows. */
  told: number
  /** It has sent fragments. */
  isCut: boolean
  /** Of its last datagram that was refused. */
  refused: string | undefined
  /** Half-open ones that had made room when it was used last. */
  evicted: number
}

/** Of an RS's datagram: from where it comes and where it goes. */
export function endsOf(rip: number, rport: number, lip: number, lport: number): number {
  return mix(rip, lip, (rport << 16) | lport, 17)
}

export class Entries {
  readonly #world: World
  readonly #way: Way
  readonly #flows = new Map<number, Flow>()
  readonly #byEnds = new Map<number, Flow>()
  #before: Int32Array[] = []

  constructor(world: World) {
    this.#world = world
    this.#way = wayOf(world.plan)
  }

  /** `to`: address and port of the service. */
  flow(cip: number, port: number, [to, vport]: readonly [number, number]): Flow {
    const key = mix(cip, port, vport, to)
    const there = this.#flows.get(key)
    if (there !== undefined) return there
    const none = {
      entry: NONE,
      ends: 0,
      used: 0,
      seen: 0,
      normal: false,
      excused: -1,
      changed: -LATE,
    }
    const flow = {
      ...none,
      cip,
      port,
      vport,
      to,
      told: 0,
      isCut: false,
      refused: undefined,
      evicted: 0,
    }
    this.#flows.set(key, flow)
    return flow
  }

  /** Entries have ended, or will within these ms. */
  excuse(ms: number): void {
    for (const flow of this.#flows.values()) flow.excused = this.#world.events.now + ms
  }

  /** The entry of these ends, or of this client's port, has become another so lately that errors about it may be on their way. */
  isLate(ends: number): boolean {
    const flow = this.#byEnds.get(ends)
    return flow === undefined || this.#world.events.now - flow.changed < LATE
  }

  isLateOf(cip: number, port: number, to: readonly [number, number]): boolean {
    return this.#world.events.now - this.flow(cip, port, to).changed < LATE
  }

  /** A frame is about to be judged. */
  before({ bytes }: Sending): void {
    if (!this.#isIcmp(bytes)) return
    this.#before = this.#world.appliance.engines.map(stateOf)
  }

  /** It has been judged, with this verdict, and these have left. */
  after(
    sending: Sending,
    verdict: number,
    out: readonly { arm: number; bytes: Uint8Array }[],
  ): void {
    const { bytes, flow, spoilt } = sending
    if (this.#isIcmp(bytes)) {
      const after = this.#world.appliance.engines.map(stateOf)
      const isSame = after.every((cells, i) =>
        cells.every((cell, at) => cell === this.#before[i]?.[at]),
      )
      if (!isSame) this.#world.fail('icmp', 'a message of ICMP has changed entries')
      return
    }
    // Nobody knows which entry it was counted for.
    if (spoilt) for (const one of this.#flows.values()) one.told = -1
    if (flow === undefined || spoilt) return
    // What is put together, and waits for a MAC, is counted where nobody sees it.
    if (isFragment(bytes)) flow.isCut = true
    // Taken in, or doubled: nothing has become of it yet.
    if (isFragment(bytes) && (verdict === PARKED || verdict === DONE)) return
    if (sending.ends === undefined) this.#ofClient(flow, sending, verdict, out)
    else this.#ofRs(flow, sending, verdict)
  }

  #ofClient(
    flow: Flow,
    { bytes }: Sending,
    verdict: number,
    out: readonly { arm: number; bytes: Uint8Array }[],
  ): void {
    flow.refused = verdict < 0 && verdict !== PARKED ? NAMES.get(-verdict) : undefined
    this.#lookAt(flow, true)
    if (!isFragment(bytes) && flow.refused === 'UDP_CHECKSUM') {
      this.#world.fail('sums', `a good datagram of port ${flow.port} was refused`)
    }
    this.#uoa(flow, verdict, out)
    if (flow.entry !== NONE && verdict >= 0) this.#use(flow)
  }

  /** Whether what had to tell the client's address has told it, and nothing else has. */
  #uoa(flow: Flow, verdict: number, out: readonly { arm: number; bytes: Uint8Array }[]): void {
    if (flow.isCut || flow.entry === NONE || flow.told < 0) return
    if (verdict === PARKED) return void flow.told++
    if (verdict !== 1) return
    const { uoa, trail } = this.#world.plan.mixed as NonNullable<World['plan']['mixed']>
    const { by, six } = this.#way
    // There is no option of IPv6, and none of a client who speaks it (semantics 4.2).
    const isTold = by === 'fullnat' && uoa !== 'off' && !(six[0] && uoa === 'ipo')
    const must = isTold && flow.told++ < trail
    const has = out.some(sent => sent.arm === 1 && hasUoa(sent.bytes))
    if (has !== must) this.#world.fail('uoa', `datagram ${flow.told} of ${flow.port}: ${has}`)
  }

  #ofRs(flow: Flow, { ends }: Sending, verdict: number): void {
    if (ends !== flow.ends) return
    if (verdict >= 0) {
      const before = flow.entry
      this.#lookAt(flow, false)
      if (flow.entry === before && before !== NONE) this.#use(flow)
      return
    }
    if (NAMES.get(-verdict) === 'UDP_NO_SERVICE') this.#lookAt(flow, false)
  }

  #use(flow: Flow): void {
    flow.used = this.#world.clock
    flow.seen = this.#world.events.now
    flow.evicted = this.#evicted()
  }

  /** Is its entry still the one that it was? */
  #lookAt(flow: Flow, isClient: boolean): void {
    const world = this.#world
    const found = this.#find(flow)
    if (found === undefined && flow.entry === NONE) return
    const entry = found?.entry ?? NONE
    if (entry !== flow.entry) {
      if (flow.entry !== NONE) this.#judge(flow)
      flow.changed = world.events.now
      flow.entry = entry
      flow.told = isClient ? 0 : -1
    }
    if (found === undefined) return
    flow.ends = found.ends
    flow.normal = found.normal
    this.#byEnds.set(found.ends, flow)
  }

  /** It has gone, or another has its place. */
  #judge(flow: Flow): void {
    const { oneway, normal } = (this.#world.plan.mixed as NonNullable<World['plan']['mixed']>)
      .timeouts
    const world = this.#world
    const silent = world.clock - flow.used
    if (silent >= (flow.normal ? normal : oneway) * 1000 || flow.excused > flow.seen) return
    if (!flow.normal && silent >= UNDER_WAY && this.#evicted() > flow.evicted) return
    world.fail('dropped', `the entry of ${flow.port}, ${silent} ms after it was used`)
  }

  #evicted(): number {
    const { engines } = this.#world.appliance
    return engines.reduce((sum, e) => sum + (e.counters.events[Event.HALF_OPEN_EVICTED] ?? 0), 0)
  }

  #find(flow: Flow): { entry: number; ends: number; normal: boolean } | undefined {
    const { cip: client, port: sport, vport: dport, to: server } = flow
    const call = { client, sport, server, dport }
    for (const [worker, engine] of this.#world.appliance.engines.entries()) {
      const { table } = engine.conns
      const conn = connOf(engine, this.#way, KEY.UDP, call)
      if (conn < 0) continue
      const generation = RECORD.generation(table.cold[RECORD.column(conn) | COLD.LIP] as number)
      const { rip, rport, lip, lport } = innerOf(engine, this.#way, conn, call)
      const entry = (worker * 2 ** 20 + generation) * 2 ** 20 + conn
      const normal = table.state(conn) === UdpState.NORMAL
      return { entry, ends: endsOf(rip, rport, lip, lport), normal }
    }
    return undefined
  }

  /** Pings of hosts inside have entries of their own. */
  #isIcmp(bytes: Uint8Array): boolean {
    if (get16(bytes, 22) !== 0x0800 || bytes[IP_AT + 9] !== 1) return false
    // Nothing else of ICMP is ever in fragments.
    return (
      !isOut(this.#way) ||
      (!isFragment(bytes) && ![0, 8].includes(bytes[IP_AT + ipHeader(bytes)] as number))
    )
  }
}

/** All that an engine knows of connections. */
function stateOf({ conns }: Engine): Int32Array {
  const { table, wheel, room } = conns
  const cells = table.cells.subarray(0, table.top << 4)
  const all = new Int32Array(cells.length + 3)
  all.set(cells)
  all.set([table.used, wheel.filed, room.halfOpen.count], cells.length)
  return all
}

function hasUoa(bytes: Uint8Array): boolean {
  if (fault(bytes) !== undefined) return false
  return bytes[IP_AT + 9] === UOA_PROTOCOL || (ipHeader(bytes) >= 28 && bytes[IP_AT + 20] === 31)
}

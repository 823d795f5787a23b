/**
 * The engine: time and frames go in, verdicts come out. It knows no kernel, no clock, no text and no Node; the
 * compiler sees to that. `input` spells the packet's path from top to bottom; every step returns to it.
 */

import { ETH, ETHERTYPE, writeEthernet } from '../wire/ethernet.ts'
import { PROTO } from '../wire/ipv4.ts'
import { FLAG } from '../wire/tcp.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import { type Arm, routeOut } from './arm.ts'
import { ArpInput } from './arp-input.ts'
import { CELL } from './conn.ts'
import { Conns } from './conns.ts'
import { type Counters, Drop, Event, PARKED } from './counters.ts'
import { type Frames, NO_SLOT } from './frames.ts'
import { FullNat } from './fullnat.ts'
import { icmpInput } from './icmp-input.ts'
import type { IsnSource } from './isn.ts'
import { type NeighOptions, Neighs, NO_NEIGH, sendArp } from './neigh.ts'
import { Kind, Parsed } from './parsed.ts'
import { Random } from './random.ts'
import { turnIntoRst, writeRst } from './rst.ts'
import type { SaPool } from './sa-pool.ts'
import { SCHEDULERS, type SchedulerName } from './schedule.ts'
import { Dests, type Service, Services } from './service.ts'
import { IN, OUT, State } from './tcp-state.ts'
import { TraceKind, type TraceRing } from './trace.ts'

export interface EngineOptions {
  frames: Frames
  arms: readonly Arm[]
  counters: Counters
  trace: TraceRing
  isn: IsnSource
  /** At least Conns.bytesFor(connCapacity) bytes, all zero; a power of two of conns. */
  connMemory: ArrayBufferLike
  connCapacity: number
  /** At least Dests.bytesFor(destCapacity) bytes, all zero. */
  destMemory: ArrayBufferLike
  destCapacity: number
  /** ms per state, in the order of State. */
  timeoutMs: Int32Array
  neigh: NeighOptions
  /** One of ToaMode. */
  toaMode: number
  /** Answer a bare ACK that has no connection with RST (master) instead of dropping it (seed). */
  rstOnBareAck: boolean
  decrementTtl: boolean
  /** Any number but 0. */
  seed: number
  now: number
}

/** Connections ended per tick: expiry of a full table must not hold up the packets. */
const EXPIRIES_PER_TICK = 256
/** Slots that must be free to end one more: both of its RSTs have to get out, so the outboxes go first. */
const EXPIRY_RESERVE = 64
/** ms between two walks over the neighbours, and the longest that a loop may sleep. */
const NEIGH_TICK = 100
/** No verdict: the segment goes on and opens a connection. */
const MAY_OPEN = -1000

export class Engine {
  readonly frames: Frames
  readonly arms: readonly Arm[]
  readonly counters: Counters
  readonly trace: TraceRing
  readonly conns: Conns
  readonly dests: Dests
  readonly neighs: Neighs
  readonly lips: SaPool[] = []
  readonly #services = new Services()
  readonly #serviceList: Service[] = []
  readonly #parsed = new Parsed()
  readonly #fullnat: FullNat
  readonly #arp: ArpInput
  readonly #rstOnBareAck: boolean
  readonly #decrementTtl: boolean
  #neighTick: number

  constructor(options: EngineOptions) {
    const random = new Random(options.seed)
    this.frames = options.frames
    this.arms = options.arms
    this.counters = options.counters
    this.trace = options.trace
    this.dests = new Dests(options.destMemory, options.destCapacity)
    this.conns = new Conns(
      options.connMemory,
      options.connCapacity,
      options.timeoutMs,
      this.dests,
      this.lips,
      options.isn,
      this.counters,
      this.trace,
      random,
      options.now,
    )
    this.neighs = new Neighs(
      options.neigh,
      this.arms,
      this.frames,
      this.counters,
      this.trace,
      random,
    )
    this.#fullnat = new FullNat(
      this.frames,
      this.conns.table,
      this.counters,
      options.toaMode,
      options.decrementTtl,
    )
    this.#arp = new ArpInput(this.frames, this.arms, this.neighs, this.counters, this.trace)
    this.#rstOnBareAck = options.rstOnBareAck
    this.#decrementTtl = options.decrementTtl
    this.#neighTick = options.now
  }

  get services(): readonly Service[] {
    return this.#serviceList
  }

  /**
   * The packet's path. Judges the frame in `slot` that came in on `arm`, rewriting it in place. => The arm to send it
   * on, PARKED (the engine keeps the slot), DONE, or minus a drop reason; frames the engine itself sends are in the
   * arms' outboxes.
   */
  input(arm: Arm, slot: number, now: number): number {
    const p = this.#parsed
    const kind = p.decode(this.frames, slot, arm)
    if (kind !== Kind.TCP) {
      if (kind === Kind.ARP) return this.#arp.input(arm, slot, now)
      if (kind === Kind.ICMP) return icmpInput(this.frames, slot, p, arm, this.counters)
      return kind
    }
    const { table } = this.conns
    const { pkt } = this.frames
    let t = table.find(p.saddr, p.daddr, p.ports)
    if (this.trace.debug) {
      this.trace.write(TraceKind.LOOKUP, now, PROTO.TCP, p.saddr, p.daddr, p.ports, t < 0 ? 0 : 1)
    }
    if (t < 0) {
      const service = this.#services.find(PROTO.TCP, p.daddr, p.ports & 0xffff)
      const verdict = this.#mayOpen(arm, slot, service, now)
      if (verdict !== MAY_OPEN) return verdict
      t = this.conns.open(pkt, p, service as Service, arm.index, now)
      if (t < 0) return this.#refuse(t, now)
    }
    const dest = table.dest(t >> 1)
    if ((t & 1) === OUT) {
      // Only the RS's side may speak for it: its answers can be guessed on the other.
      if (this.dests.arm[dest] !== arm.index) return -Drop.IP_SOURCE
      if ((p.flags & FLAG.ACK) !== 0) this.#confirm(pkt, p.eth, dest, now)
      this.conns.segment(t, p, now)
      this.dests.countPackets(dest, OUT, p.segments, p.wireBytes)
      this.conns.rememberRs(pkt, t, p)
      return this.#sendToClient(slot, t)
    }
    this.conns.segment(t, p, now)
    this.dests.countPackets(dest, IN, p.segments, p.wireBytes)
    this.conns.rememberClient(pkt, t, p)
    return this.#sendToRs(slot, t, dest, now)
  }

  /**
   * Runs what is due at `now` (ms, int32, any start; never goes back). => ms until it wants to be called again.
   */
  tick(now: number): number {
    if (((now - this.#neighTick) | 0) >= 0) {
      this.neighs.tick(now)
      this.#neighTick = (now + NEIGH_TICK) | 0
    }
    for (let ended = 0; ended < EXPIRIES_PER_TICK; ended++) {
      if (this.frames.free < EXPIRY_RESERVE) return 0
      const conn = this.conns.overdue(now)
      if (conn < 0) return this.conns.wheel.sleep(now, NEIGH_TICK)
      if (this.conns.table.state(conn) === State.ESTABLISHED) this.#resetBoth(conn, now)
      this.conns.end(conn, now)
    }
    return 0
  }

  /** Adds a LIP: an address of its arm that has lports. */
  addLip(pool: SaPool): void {
    this.lips.push(pool)
  }

  /** Adds a service without RSs. LIPs are indices of `lips`. */
  addService(
    vip: number,
    vport: number,
    scheduler: SchedulerName,
    lips: readonly number[],
  ): Service {
    const service = {
      protocol: PROTO.TCP,
      vip,
      vport,
      pick: SCHEDULERS[scheduler],
      dests: [],
      lips: [...lips],
      cursor: -1,
      currentWeight: 0,
      lipCursor: -1,
    }
    this.#services.add(service)
    this.#serviceList.push(service)
    return service
  }

  /**
   * Adds an RS to a service, at the head of its list as DPVS does, and asks for its next hop's MAC ahead of the first
   * connection. `establishedMs` 0 means the table's timeout. Throws RangeError if no route leads to it.
   */
  addRs(
    service: Service,
    rip: number,
    rport: number,
    weight: number,
    establishedMs: number,
    now: number,
  ): void {
    const out = routeOut(this.arms, rip)
    if (out === undefined) throw new RangeError('no route to the real server')
    const { index } = this.dests.add(service, rip, rport, weight)
    service.dests.unshift(this.dests.list[index])
    this.dests.arm[index] = out.arm.index
    this.dests.nextHop[index] = out.nextHop
    this.dests.establishedMs[index] = establishedMs
    this.dests.neigh[index] = NO_NEIGH
    this.neighs.resolve(out.arm.index, out.nextHop, now)
  }

  /** Gratuitous ARP for every address of the arm: it has come up, and caches around it may hold another MAC. */
  announce(arm: Arm): void {
    for (const { address } of arm.addresses) {
      if (sendArp(this.frames, arm, address, address)) this.counters.count(Event.ARP_GRATUITOUS)
    }
  }

  /** Preconditions of a new connection (1.5, 1.6). => MAY_OPEN, or the verdict. */
  #mayOpen(arm: Arm, slot: number, service: Service | undefined, now: number): number {
    const p = this.#parsed
    if (service === undefined) return -Drop.TCP_NO_SERVICE
    const { SYN, ACK, FIN, RST } = FLAG
    const flags = p.flags & (SYN | ACK | FIN | RST)
    if (flags !== SYN) {
      if (this.trace.debug) {
        this.trace.write(TraceKind.NOT_SYN, now, PROTO.TCP, p.saddr, p.daddr, p.ports, p.flags)
      }
      if (flags !== ACK || !this.#rstOnBareAck) return -Drop.TCP_NO_CONN
      turnIntoRst(this.frames, slot, p)
      this.counters.count(Event.RST_BARE_ACK)
      return arm.index
    }
    return this.#isPlausibleClient(arm, p.saddr) ? MAY_OPEN : -Drop.IP_SOURCE
  }

  /** A client must be somebody else, a single host, and on the side its packet came from (RFC 1812 5.3.7, 5.3.8). */
  #isPlausibleClient(arm: Arm, saddr: number): boolean {
    const top = saddr >>> 24
    if (top === 0 || top === 127 || top >= 224) return false
    for (const other of this.arms) if (other.owns(saddr)) return false
    const back = routeOut(this.arms, saddr)
    return back === undefined || back.arm === arm
  }

  #refuse(verdict: number, now: number): number {
    const p = this.#parsed
    if (this.trace.debug) {
      this.trace.write(TraceKind.REFUSED, now, PROTO.TCP, p.saddr, p.daddr, p.ports, -verdict)
    }
    return verdict
  }

  #confirm(pkt: DataView, eth: number, dest: number, now: number): void {
    const n = this.neighs.find(
      this.dests.arm[dest],
      this.dests.nextHop[dest],
      this.dests.neigh[dest],
    )
    if (n < 0) return
    this.dests.neigh[dest] = n
    this.neighs.confirm(n, pkt.getUint16(eth + ETH.SRC), pkt.getInt32(eth + ETH.SRC + 2), now)
  }

  #sendToRs(slot: number, t: number, dest: number, now: number): number {
    const p = this.#parsed
    const arm = this.arms[this.dests.arm[dest]]
    const unfit = this.#unfit(p, arm)
    if (unfit !== 0) return unfit
    const failed = this.#fullnat.translate(slot, p, t, arm.mtu)
    if (failed !== 0 && this.trace.debug) this.#traceToaFailed(t, failed, now)
    return this.#toNextHop(slot, dest, now)
  }

  #toNextHop(slot: number, dest: number, now: number): number {
    const n = this.neighs.findOrCreate(
      this.dests.arm[dest],
      this.dests.nextHop[dest],
      this.dests.neigh[dest],
      now,
    )
    if (n < 0) return -Drop.NEIGH_TABLE_FULL
    this.dests.neigh[dest] = n
    return this.neighs.output(n, slot, now)
  }

  /** Replies go to the MAC that the client's last segment came from: no route, no ARP (1.9). */
  #sendToClient(slot: number, t: number): number {
    const p = this.#parsed
    const arm = this.arms[this.conns.table.clientArm(t >> 1)]
    const unfit = this.#unfit(p, arm)
    if (unfit !== 0) return unfit
    this.#fullnat.translate(slot, p, t, arm.mtu)
    this.#addressClient(p.eth, t >> 1, arm)
    return arm.index
  }

  /** => Minus the reason why the packet cannot leave on `arm`, or 0. */
  #unfit(p: Parsed, arm: Arm): number {
    if (p.largest > arm.mtu) return -Drop.IP_TOO_BIG
    return this.#decrementTtl && p.ttl <= 1 ? -Drop.IP_TTL : 0
  }

  #addressClient(eth: number, conn: number, arm: Arm): void {
    const { cells } = this.conns.table
    const at = conn << 4
    writeEthernet(
      this.frames.pkt,
      eth,
      cells[at + CELL.WORD] >>> 16,
      cells[at + CELL.MAC_LO],
      arm.macHi,
      arm.macLo,
      ETHERTYPE.IPV4,
    )
  }

  /** An ESTABLISHED connection that dies of age is reset on both sides, so that nobody hangs (2.7). */
  #resetBoth(conn: number, now: number): void {
    const { cells } = this.conns.table
    const at = conn << 4
    const toRs = this.frames.take()
    if (toRs !== NO_SLOT) {
      const ports = cells[at + 6]
      writeRst(
        this.frames,
        toRs,
        cells[at + 5],
        cells[at + 4],
        (ports << 16) | (ports >>> 16),
        cells[at + CELL.RST_ACK],
        0,
      )
      this.#settleOwn(toRs, this.#toNextHop(toRs, this.conns.table.dest(conn), now))
    }
    const toClient = this.frames.take()
    if (toClient !== NO_SLOT) {
      const ports = cells[at + 2]
      writeRst(
        this.frames,
        toClient,
        cells[at + 1],
        cells[at],
        (ports << 16) | (ports >>> 16),
        cells[at + CELL.RST_SEQ],
        -cells[at + CELL.DELTA],
      )
      const arm = this.arms[this.conns.table.clientArm(conn)]
      this.#addressClient(this.frames.start[toClient] + VNET.BYTES, conn, arm)
      this.#settleOwn(toClient, arm.index)
    }
    this.counters.count(Event.RST_ON_EXPIRY)
  }

  /** Carries out the verdict on a frame of our own. */
  #settleOwn(slot: number, verdict: number): void {
    if (verdict >= 0) {
      const arm = this.arms[verdict]
      arm.outbox[arm.outboxCount++] = slot
    } else if (verdict !== PARKED) {
      this.counters.count(-verdict)
      this.frames.release(slot)
    }
  }

  #traceToaFailed(t: number, why: number, now: number): void {
    const c = this.conns.table.cells
    const at = (t >> 1) << 4
    this.trace.write(
      TraceKind.TOA_FAILED,
      now,
      c[at],
      c[at + 1],
      c[at + 2],
      c[at + 5],
      c[at + 4],
      c[at + 6],
      why,
    )
  }
}

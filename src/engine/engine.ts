/**
 * The engine: time and frames go in, verdicts come out. It knows no kernel, no clock, no text and no Node; the
 * compiler sees to that. `input` spells the packet's path from top to bottom; every step returns to it.
 */

import { FLAG } from '../wire/tcp.ts'
import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { ArpOutput } from './arp-output.ts'
import { AGAIN, Beside } from './beside.ts'
import type { ConnIndex } from './conn-index.ts'
import { CELL, FORK, RECORD } from './conn-layout.ts'
import { Conns } from './conns.ts'
import { type Counters, Drop, HAND_OVER } from './counters.ts'
import { Cuts } from './cuts.ts'
import { Datagrams } from './datagrams.ts'
import { Detours } from './detours.ts'
import { DropBook } from './drop-book.ts'
import type { Edges } from './edges.ts'
import { Egress } from './egress.ts'
import { Expiry } from './expiry.ts'
import { armOf } from './family.ts'
import { Fragmentation } from './fragmentation.ts'
import type { Frames } from './frames.ts'
import { Icmp } from './icmp.ts'
import type { IsnSource } from './isn.ts'
import type { LongClock } from './long-clock.ts'
import { NdOutput } from './nd-output.ts'
import { Neighs } from './neigh.ts'
import { MAY_OPEN, Opening, serviceOf } from './opening.ts'
import type { EngineOptions } from './options.ts'
import type { Outcomes } from './outcomes.ts'
import { ownerOf } from './owner.ts'
import { Kind, Parsed } from './parsed.ts'
import { Parsed6 } from './parsed6.ts'
import { newParts } from './parts.ts'
import type { Peers } from './peers.ts'
import { Prefetch } from './prefetch.ts'
import { Proxied } from './proxied.ts'
import type { Random } from './random.ts'
import { Reassembly } from './reassembly.ts'
import { Resets } from './resets.ts'
import type { Resolver } from './resolver.ts'
import { Reuse } from './reuse.ts'
import { sayLookup } from './say.ts'
import { DestCell, type Dests, type Lips, type Service } from './service.ts'
import type { Sessions } from './sessions.ts'
import { Setup } from './setup.ts'
import { GO_ON, SynProxy } from './syn-proxy.ts'
import { State } from './tcp-state.ts'
import type { Templates } from './templates.ts'
import type { TraceRing } from './trace.ts'
import { UoaAlone } from './uoa-alone.ts'
import { GOOD } from './usual.ts'
import { Verify } from './verify.ts'
import { freeWords } from './words-in-use.ts'
import type { FullNat } from './xmit/fullnat.ts'
import { unfit } from './xmit/ip.ts'
import { newMethods } from './xmit/methods.ts'

/** ms between two walks over the neighbours, and the longest that a loop may sleep. */
const NEIGH_TICK = 100
/** ms from some connections that are cut to the next. */
const CUT_PACE = 1

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { SYN } = FLAG
const { TCP: KIND_TCP, UDP: KIND_UDP } = Kind
const [LINK, BINDING] = [DestCell.LINK, CELL.BINDING]
const { FORKS, UNUSUAL, WAYS, BOTH_FAMILIES, ACROSS } = FORK
const { of: recordOf, dest: destOf, clientArm: clientArmOf } = RECORD

export class Engine {
  readonly frames: Frames
  readonly arms: readonly Arm[]
  readonly counters: Counters
  readonly trace: TraceRing
  readonly conns: Conns
  readonly cuts: Cuts
  readonly #expiry: Expiry
  readonly sessions: Sessions | null
  readonly dests: Dests
  readonly outcomes: Outcomes
  readonly edges: Edges
  /** Of refused frames, kept by the counters that count them. */
  readonly book: DropBook
  /** By family. */
  readonly resolvers: readonly Resolver[]
  readonly neighs: Neighs
  readonly reassembly: Reassembly
  readonly nd: NdOutput
  readonly beside: Beside
  readonly addressBook: AddressBook
  readonly isn: IsnSource
  readonly random: Random
  readonly long: LongClock
  readonly templates: Templates
  /** ms per state as they were set last, for an image of the engine; and the same of UDP. */
  readonly timeoutMs: Int32Array
  readonly udpTimeoutMs: Int32Array
  readonly lips: Lips
  readonly opening: Opening
  readonly setup: Setup
  readonly #index: ConnIndex
  readonly #cells: Int32Array
  readonly #parsed = new Parsed()
  readonly parsed6: Parsed6
  readonly #prefetch: Prefetch
  readonly reuse: Reuse
  readonly #egress: Egress
  readonly #fragmentation: Fragmentation
  readonly #fullnat: FullNat
  readonly #verify: Verify
  readonly #datagrams: Datagrams
  readonly #detours: Detours
  readonly #uoaAlone: UoaAlone
  readonly #proxied: Proxied
  readonly syn: SynProxy
  readonly icmp: Icmp
  readonly #decrementsTtl: boolean
  readonly #peers: Peers | null
  /** When the neighbours' timers are turned next. */
  neighTick: number

  constructor(options: EngineOptions) {
    const parts = newParts(options)
    this.frames = parts.frames
    this.arms = parts.arms
    this.addressBook = parts.book
    this.counters = parts.counters
    this.trace = parts.trace
    this.random = parts.random
    this.long = parts.long
    this.isn = parts.isn
    this.templates = parts.templates
    this.dests = parts.dests
    this.outcomes = parts.outcomes
    this.edges = parts.edges
    this.lips = parts.lips
    this.sessions = parts.sessions
    this.timeoutMs = options.timeoutMs.slice()
    this.udpTimeoutMs = options.udp.timeoutMs.slice()
    this.book = new DropBook(options.dropMemory, this.frames)
    this.counters.book = this.book
    const methods = newMethods(parts, options)
    this.#fullnat = methods.fullnat
    const udp = { ...options.udp, timeoutMs: this.udpTimeoutMs }
    const conns = new Conns(parts, methods, { ...options, udp })
    this.conns = conns
    this.nd = new NdOutput(parts)
    this.resolvers = [new ArpOutput(parts), this.nd]
    this.#fragmentation = new Fragmentation(parts)
    this.neighs = new Neighs(parts, this.resolvers, options.neigh)
    this.setup = new Setup(parts, this.neighs, options.timeoutMs[State.ESTABLISHED])
    this.parsed6 = new Parsed6(parts.frames, parts.book, this.setup)
    this.reassembly = new Reassembly(parts, options.fragments, this.setup.services)
    this.#index = parts.table.index
    this.#cells = parts.table.cells
    this.#prefetch = new Prefetch(parts)
    this.#decrementsTtl = options.decrementTtl
    this.#egress = new Egress(parts, this.neighs)
    const resets = new Resets(parts, this.#egress)
    this.#proxied = new Proxied(parts, this.#egress)
    this.icmp = new Icmp(parts, this.#egress, options)
    this.neighs.parking.returned = this.icmp.unreachable
    this.beside = new Beside(parts, this, this.#fragmentation)
    this.cuts = new Cuts(parts, conns, resets, this.setup.services, options.now | 0)
    this.#verify = new Verify(parts, conns, this.#egress, options)
    const around = { conns, egress: this.#egress, resets, verify: this.#verify }
    this.reuse = new Reuse(parts, around, options.keepOnReuse)
    this.#datagrams = new Datagrams(parts, conns, this.#egress, this.udpTimeoutMs, options.udp)
    this.#uoaAlone = new UoaAlone(parts, this.#egress, options.udp.uoa)
    this.#peers = options.peers
    const steps = {
      ...{ ...around, datagrams: this.#datagrams, icmp: this.icmp, uoa: this.#uoaAlone },
      ...{ fragmentation: this.#fragmentation, fullnat: this.#fullnat },
      ...{ proxied: this.#proxied, setup: this.setup, reuse: this.reuse },
    }
    this.syn = new SynProxy(parts, { ...steps, engine: this }, options.synProxy)
    this.#expiry = new Expiry(this.frames, conns, resets, this.syn)
    this.opening = new Opening(parts, this.icmp, this.syn.answers, options)
    this.#detours = new Detours(parts, conns.drafts, this.opening, steps, options)
    this.beside.pings = this.#detours.pings
    this.addressBook.whenFull = () => freeWords(this)
    this.neighTick = options.now | 0
    this.turn(this.neighTick)
  }

  /** The frames in the first `count` of `slots` (at most a burst) are about to be judged. It need not be said. */
  expect(slots: Int32Array, count: number): void {
    this.#prefetch.burst(slots, count)
  }

  /** It is `now`; to be said before each burst. */
  turn(now: number): void {
    this.long.turn(now)
    this.book.now = this.long.ms
  }

  /**
   * The packet's path. Judges the frame in `slot` that came in on `arm`, rewriting it in place. => The arm to send it
   * on, PARKED (the engine keeps the slot), DONE, minus a drop reason, or HAND_OVER - worker; frames the engine itself
   * sends are in the arms' outboxes.
   */
  input(arm: Arm, slot: number, now: number): number {
    const p = this.#parsed
    let kind = p.decode(this.frames, slot, arm)
    if (kind < KIND_TCP) {
      if (kind === Kind.IPV6) kind = this.parsed6.decode(p, slot)
      if (kind < KIND_TCP) {
        const verdict = this.beside.input(kind, p, arm, slot, now)
        return verdict === AGAIN ? this.input(arm, slot, now) : verdict
      }
    }
    let t = this.#index.of(p)
    if (t < 0 && this.#peers !== null) {
      const owner = ownerOf(p, this.#peers, this.setup, this.frames.pkt)
      if (owner !== this.#peers.self) return HAND_OVER - owner
    }
    if (this.trace.debug) sayLookup(this.trace, p, t >= 0)
    if (kind > KIND_UDP)
      return this.#fragmentation.leave(slot, this.icmp.quoted(slot, p, t, arm, now))
    const isNew = t < 0 || ((p.flags & SYN) !== 0 && this.reuse.begins(t, p, arm, now))
    if (isNew) {
      const service = serviceOf(this.setup.services, p, arm) as Service
      const verdict = this.opening.judge(p, arm, slot, service, t, now)
      if (verdict !== MAY_OPEN) return verdict
      if (service.onePacket) return this.#detours.onePacket.forward(slot, p, service, arm, now)
      t = this.reuse.open(t, p, service, arm, now)
      if (t < 0) return this.opening.refuse(p, arm, slot, service, t)
      if (kind === KIND_TCP && (p.flags & SYN) === 0) return this.syn.begin(slot, p, t >> 1, now)
    }
    const binding = this.#cells[recordOf(t) | BINDING]
    const dest = destOf(binding)
    // Each end is heard on its own side only: what it would say can be guessed on the other.
    const outward = (t & 1) === 1
    const rsArm = armOf(this.dests.cells[(dest << 4) | LINK])
    const clientArm = clientArmOf(binding)
    if (arm.index !== (outward ? rsArm : clientArm)) return -Drop.IP_SOURCE
    if ((binding & FORKS) !== 0) {
      if ((binding & WAYS) !== 0) return this.#detours.ways.input(slot, p, t, isNew, now)
      const entered = this.syn.enter(slot, p, t, arm, dest, now)
      if (entered !== GO_ON) return entered
    }
    let judged = GOOD
    if (kind !== KIND_TCP)
      judged = isNew ? this.#datagrams.begin(t, now) : this.#datagrams.hear(t, p, dest, now)
    else if (isNew) this.conns.segment(t, p, now)
    else if (!this.#verify.isUsual(t, p, dest, now)) {
      judged = this.#verify.judge(t, p, now)
      if (judged === GOOD) this.#verify.hear(t, p, dest, now)
    }
    if (judged < 0) return judged
    const came = this.frames.fragment[slot]
    if (came !== 0) p.countFragments(came)
    this.dests.countPackets(dest, t & 1, p.segments, p.wireBytes)
    if (this.sessions !== null) this.sessions.packet(t, p, judged, now)
    const out = this.arms[outward ? clientArm : rsArm]
    if ((binding & BOTH_FAMILIES) === ACROSS)
      return this.#detours.nat64.forward(slot, p, t, arm, out, dest, now)
    const refusal = unfit(this.frames.pkt, p, came, out.mtu, this.#decrementsTtl)
    if (refusal !== 0) return this.icmp.unfit(slot, p, t, arm, out, refusal)
    if ((binding & UNUSUAL) !== 0) {
      const refused = this.syn.prepare(slot, p, t, out, dest, now)
      if (refused !== 0) return refused
    }
    const failed = this.#fullnat.translate(slot, p, t, out.mtu)
    if (failed !== 0) this.#uoaAlone.notAdded(failed, t >> 1, out, dest, now)
    const verdict = outward
      ? this.#egress.toClient(p.eth, out, t >> 1)
      : this.#egress.toRs(slot, p.eth, out, dest, now)
    return came !== 0 || p.largest > out.mtu ? this.#fragmentation.leave(slot, verdict) : verdict
  }

  /**
   * Runs what is due at `now` (ms, int32, any start; never goes back). => ms until it wants to be called again.
   */
  tick(now: number): number {
    this.turn(now)
    if (((now - this.neighTick) | 0) >= 0) {
      this.neighs.tick(now)
      this.beside.claims.tick(now)
      this.dests.lookAtLimits(now)
      this.syn.answers.tick()
      this.reassembly.tick(now)
      if (this.#peers === null || this.#peers.self === 0) this.templates.sweep(now)
      this.neighTick = (now + NEIGH_TICK) | 0
    }
    this.cuts.turn(now)
    return this.#expiry.turn(now, this.cuts.busy ? CUT_PACE : NEIGH_TICK)
  }

  /** Timeouts in ms by state, for what comes from now on. */
  setTimeouts(ms: Int32Array): void {
    this.timeoutMs.set(ms)
    this.conns.times.set(ms)
    this.setup.setEstablished(ms[State.ESTABLISHED])
  }

  /** Tells the neighbourhood every address of the arm: it has come up, and caches around it may hold another MAC. */
  announce(arm: Arm): void {
    for (const { family, address } of arm.addresses) this.announceAddress(arm, family, address)
  }

  /** The same for one address, which is new. */
  announceAddress(arm: Arm, family: number, word: number): void {
    this.resolvers[family].announce(arm, word)
  }
}

/** A world: hosts on both arms of an appliance, what they do, and what befalls them, by one virtual clock. */

import { ipv4Int } from '../../src/wire/address.ts'
import { Appliance, type Sent } from './appliance.ts'
import { Broken, type Outcome } from './broken.ts'
import { MAC_OF_RS, rsAddress, VIP } from './config.ts'
import { Events } from './events.ts'
import { Happenings } from './happenings.ts'
import { Host, type Outside } from './host.ts'
import { Judge } from './judge.ts'
import { Mixed } from './mixed.ts'
import { Network, type Sending } from './network.ts'
import { get16, get32, IP_AT, macAt } from './packet.ts'
import { isAsking } from './pending.ts'
import type { Plan } from './plan.ts'
import type { Attempt, Side } from './talk.ts'
import { Talks } from './talks.ts'
import { isDirect, wayOf } from './ways.ts'
import { Wire } from './wire.ts'

/** ms from the last that happens to the end of the world at the latest, and from there until nothing may be left. */
const LAST = 600_000
const EMPTY = 200_000
const CLIENT_HOSTS = 4
const MAC_OF_CLIENT = 0x5254_0000_0002
const ALL = 0xffff_ffff_ffff
const GROUPS_OF_SIX = 0x3333

/** Sees each frame that goes into the appliance or comes out of it. */
export type Watcher = (arm: number, bytes: Uint8Array, isOut: boolean, side?: Side) => void

export class World {
  readonly plan: Plan
  readonly events = new Events()
  readonly appliance: Appliance
  readonly network: Network
  readonly clients: Host[] = []
  readonly rss: Host[] = []
  readonly talks: Talks
  readonly wire: Wire
  readonly attempts = new Map<number, Attempt>()
  /** MACs of the appliance's arms. */
  readonly macs: readonly number[]
  /** What it has beside TCP. */
  readonly mixed: Mixed | undefined
  readonly #judge: Judge
  readonly #watch: Watcher | undefined
  /** By how much the engine's clock is ahead. */
  skew: number
  /** Until then connections of an RS end. */
  cutUntil = -1
  /** Until then frames wait before the appliance. */
  stalledUntil = 0
  #frames = 0
  readonly #notes = new Map<string, number>()
  #waiting: (() => void)[] = []

  constructor(plan: Plan, only?: ReadonlySet<number>, watch?: Watcher) {
    this.plan = plan
    this.#watch = watch
    this.skew = plan.clock
    this.appliance = new Appliance(plan, this.skew)
    this.network = new Network(plan, this.events, only)
    this.#judge = new Judge(this)
    this.talks = new Talks(this)
    const way = wayOf(plan)
    this.wire = new Wire(way, () => this.events.now)
    const macs = [0, 1].map(arm => Number.parseInt(this.appliance.mac(arm).replaceAll(':', ''), 16))
    this.macs = macs
    for (let i = 0; i < CLIENT_HOSTS; i++) {
      const address = ipv4Int(`202.108.10.${2 + i}`)
      this.clients.push(new Host(MAC_OF_CLIENT + i, macs[0] ?? 0, [address], this.#outside(0)))
    }
    for (let i = 0; i < plan.rss; i++) {
      const addresses = [ipv4Int(rsAddress(i)), ...(isDirect(way) ? [ipv4Int(VIP)] : [])]
      this.rss.push(new Host(MAC_OF_RS + i, macs[1] ?? 0, addresses, this.#outside(1)))
    }
    this.mixed = plan.mixed && new Mixed(this, plan.mixed)
    this.network.lost = (...lost) => this.mixed?.lost(...lost)
    for (const index of plan.actors.keys()) this.talks.begin(index, 0)
    const happenings = new Happenings(this)
    for (const one of plan.happenings) this.events.after(one.at, () => happenings.do(one))
  }

  afterInput: ((verdict: number) => void) | undefined
  /** The engine's time. */
  get clock(): number {
    return this.events.now + this.skew
  }

  fail(rule: string, what: string): never {
    throw new Broken(rule, what, this.events.now)
  }

  note(what: string): void {
    this.#notes.set(what, (this.#notes.get(what) ?? 0) + 1)
  }

  /** Those that have not ended at both ends need not end well. */
  excuseAll(why: string, isMeant: (attempt: Attempt) => boolean = () => true): void {
    for (const attempt of this.attempts.values()) {
      const { client, server } = attempt
      const isOver = client?.why !== undefined && server?.why !== undefined
      if (!isOver && isMeant(attempt)) attempt.excuses.add(why)
    }
  }

  /** Runs it to its end. Throws Broken. */
  run(): Outcome {
    this.#deliver(this.appliance.take())
    const end = this.plan.quiet + LAST
    this.#until(end, () => this.events.waiting === 0 && !this.appliance.engines.some(isAsking))
    this.#judge.conversations()
    const questions = this.mixed?.conclude() ?? 0
    this.#until(this.events.now + EMPTY, () => false)
    this.#checkEmpty()
    const excuses = this.#notes
    for (const attempt of this.attempts.values()) {
      for (const why of attempt.excuses) excuses.set(why, (excuses.get(why) ?? 0) + 1)
    }
    const { happened, frames } = this.network
    return { frames, attempts: this.attempts.size + questions, excuses, happened }
  }

  #until(end: number, isOver: () => boolean): void {
    const { events } = this
    let wake = events.now
    while (events.now < end && !isOver()) {
      if (events.step(Math.min(wake, end))) continue
      events.now = Math.max(events.now, Math.min(wake, end))
      wake = events.now + Math.max(1, this.#tick())
    }
  }

  #tick(): number {
    if (this.events.now < this.stalledUntil) return this.stalledUntil - this.events.now
    this.appliance.now = this.clock
    const waiting = this.#waiting
    this.#waiting = []
    for (const frame of waiting) frame()
    const sleep = this.appliance.tick()
    this.#deliver(this.appliance.take())
    return sleep
  }

  #checkEmpty(): void {
    this.#judge.books()
    for (const { conns, lips, frames } of this.appliance.engines) {
      const used = lips.reduce((sum, lip) => sum + (lip?.used ?? 0), 0)
      const left = [conns.table.used, used, frames.slots - frames.free]
      if (left.some(count => count > 0)) this.fail('left', `${left} connections, lports, frames`)
    }
  }

  #outside(arm: 0 | 1): Outside {
    return {
      events: this.events,
      send: (bytes, host, socket, owned) => {
        const sending = { bytes, side: socket?.app as Side | undefined, spoilt: false, ...owned }
        if (this.mixed !== undefined) this.mixed.fromHost(arm, host, sending)
        else this.network.send(sending, arm, arrived => this.arrive(arm, arrived))
      },
      accept: (host, segment) => this.talks.accept(host, segment),
    }
  }

  /** A frame is at the appliance. */
  arrive(arm: number, sending: Sending): void {
    if (this.events.now < this.stalledUntil) this.#waiting.push(() => this.#input(arm, sending))
    else this.#input(arm, sending)
  }

  #input(arm: number, sending: Sending): void {
    const { appliance } = this
    appliance.now = this.clock
    this.#watch?.(arm, sending.bytes, false, sending.side)
    const seen = { ...sending, bytes: this.wire.look(sending.bytes) }
    this.mixed?.before(seen)
    appliance.input(this.#frames++ % appliance.workers.length, arm, sending.bytes)
    this.afterInput?.(appliance.verdict)
    const out = appliance.take()
    this.mixed?.checkOut(out)
    const looked = out.map(({ arm, bytes }) => ({ arm, bytes: this.wire.look(bytes) }))
    this.#judge.frame(seen, looked)
    this.#deliver(out, sending.spoilt)
  }

  /** `isSpoilt`: they are of something spoilt. */
  #deliver(out: readonly Sent[], isSpoilt = false): void {
    for (const { arm, bytes } of out) {
      const to = macAt(bytes, 10)
      const seen = this.wire.look(bytes)
      if (this.#watch !== undefined) {
        const hosts = [...this.clients, ...this.rss]
        this.#watch(arm, bytes, true, hosts.map(host => sideOf(host, seen)).find(Boolean))
      }
      const isToAll = to === ALL || get16(bytes, 10) === GROUPS_OF_SIX
      for (const host of arm === 0 ? this.clients : this.rss) {
        if (!isToAll && host.mac !== to) continue
        const sending = { bytes, side: sideOf(host, seen), spoilt: isSpoilt }
        this.#send(arm as 0 | 1, host, sending, seen)
      }
    }
  }

  /** `seen`: its bytes as hosts read them. */
  #send(arm: 0 | 1, host: Host, sending: Sending, seen: Uint8Array): void {
    const { mixed, network } = this
    if (mixed === undefined) network.send(sending, arm + 2, ({ bytes }) => host.take(bytes))
    else {
      const owned = sending.side === undefined ? mixed.owned(seen) : undefined
      network.send({ ...sending, ...owned }, arm + 2, got => mixed.toHost(arm, host, got))
    }
  }
}

/** Whose a frame is that leaves for this host. */
function sideOf(host: Host, bytes: Uint8Array): Side | undefined {
  if (!host.addresses.includes(get32(bytes, IP_AT + 16))) return undefined
  if (get16(bytes, 22) !== 0x0800 || bytes[IP_AT + 9] !== 6) return undefined
  const [sport, dport] = [get16(bytes, IP_AT + 20), get16(bytes, IP_AT + 22)]
  return host.find(get32(bytes, IP_AT + 12), sport, dport)?.app as Side | undefined
}

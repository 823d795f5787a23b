/** A world: hosts on both arms of an appliance, what they do, and what befalls them, by one virtual clock. */

import { ipv4Int } from '../../src/wire/address.ts'
import { Appliance, type Sent } from './appliance.ts'
import { Broken, type Outcome } from './broken.ts'
import { BANNER_PORT, MAC_OF_RS, rsAddress, VIP, VPORT } from './config.ts'
import { Events } from './events.ts'
import { Happenings } from './happenings.ts'
import { Host, type Outside } from './host.ts'
import { Judge } from './judge.ts'
import { Mixed } from './mixed.ts'
import { Network, type Sending } from './network.ts'
import { get16, get32, IP_AT, macAt, type Segment } from './packet.ts'
import { isAsking } from './pending.ts'
import type { Plan } from './plan.ts'
import { type Around, type Attempt, Side } from './talk.ts'
import { Socket } from './tcp.ts'

/** ms from the last that happens to the end of the world at the latest, and from there until nothing may be left. */
const LAST = 600_000
const EMPTY = 200_000
const CLIENT_HOSTS = 4
const MAC_OF_CLIENT = 0x5254_0000_0002
const ALL = 0xffff_ffff_ffff
/** Numbers of an actor's conversations, the first of which is not 0. */
const TALKS_MOST = 4096

/** Sees each frame that goes into the appliance or comes out of it. */
export type Watcher = (arm: number, bytes: Uint8Array, isOut: boolean, side?: Side) => void

export class World {
  readonly plan: Plan
  readonly events = new Events()
  readonly appliance: Appliance
  readonly network: Network
  readonly clients: Host[] = []
  readonly rss: Host[] = []
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
    const macs = [0, 1].map(arm => Number.parseInt(this.appliance.mac(arm).replaceAll(':', ''), 16))
    this.macs = macs
    for (let i = 0; i < CLIENT_HOSTS; i++) {
      const address = ipv4Int(`202.108.10.${2 + i}`)
      this.clients.push(new Host(MAC_OF_CLIENT + i, macs[0] ?? 0, [address], this.#outside(0)))
    }
    for (let i = 0; i < plan.rss; i++) {
      const address = ipv4Int(rsAddress(i))
      this.rss.push(new Host(MAC_OF_RS + i, macs[1] ?? 0, [address], this.#outside(1)))
    }
    this.mixed = plan.mixed && new Mixed(this, plan.mixed)
    this.network.lost = (...lost) => this.mixed?.lost(...lost)
    for (const index of plan.actors.keys()) this.#begin(index, 0)
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
      accept: (host, segment) => this.#accept(host, segment),
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
    this.mixed?.before(sending)
    appliance.input(this.#frames++ % appliance.workers.length, arm, sending.bytes)
    this.afterInput?.(appliance.verdict)
    const out = appliance.take()
    this.#judge.frame(sending, out)
    this.#deliver(out, sending.spoilt)
  }

  /** `isSpoilt`: they are of something spoilt. */
  #deliver(out: readonly Sent[], isSpoilt = false): void {
    for (const { arm, bytes } of out) {
      const to = macAt(bytes, 10)
      if (this.#watch !== undefined) {
        const hosts = [...this.clients, ...this.rss]
        this.#watch(arm, bytes, true, hosts.map(host => sideOf(host, bytes)).find(Boolean))
      }
      for (const host of arm === 0 ? this.clients : this.rss) {
        if (to !== ALL && host.mac !== to) continue
        this.#send(arm as 0 | 1, host, bytes, isSpoilt)
      }
    }
  }

  #send(arm: 0 | 1, host: Host, bytes: Uint8Array, isSpoilt: boolean): void {
    const { mixed, network } = this
    const side = sideOf(host, bytes)
    const sending = { bytes, side, spoilt: isSpoilt }
    if (mixed === undefined) network.send(sending, arm + 2, ({ bytes }) => host.take(bytes))
    else {
      const owned = side === undefined ? mixed.owned(bytes) : undefined
      network.send({ ...sending, ...owned }, arm + 2, got => mixed.toHost(arm, host, got))
    }
  }

  #begin(index: number, n: number): void {
    const talk = this.plan.actors[index]?.talks[n]
    if (talk !== undefined) this.events.after(talk.start, () => this.#connect(index, n))
  }

  #connect(index: number, n: number): void {
    const { actors, rto } = this.plan
    const actor = actors[index] as Plan['actors'][number]
    const talk = actor.talks[n] as (typeof actor.talks)[number]
    const { port: sport, mss, sack } = actor
    const host = this.clients[actor.host] as Host
    const dport = talk.banner ? BANNER_PORT : VPORT
    const ends = { src: host.addresses[0] as number, sport, dst: ipv4Int(VIP), dport }
    const own = { mss, sack, rto, fits: this.mixed !== undefined, keepalive: talk.keepalive }
    const made = { ...ends, ...host.make(ends), ...own }
    host.find(ends.dst, dport, sport)?.end('closed')
    const attempt: Attempt = {
      id: 1 + index * TALKS_MOST + n,
      talk,
      client: undefined,
      server: undefined,
      excuses: new Set(),
      forwarded: 0,
      fin: false,
      rst: false,
      carried: false,
      answered: false,
      lapsed: false,
      refused: undefined,
    }
    if (this.events.now < this.cutUntil) attempt.excuses.add('its RS was cut')
    const socket = new Socket(made)
    this.#narrow(host, socket)
    attempt.client = new Side(
      socket,
      attempt,
      talk.banner,
      this.#around(() => this.#begin(index, n + 1)),
    )
    this.attempts.set(attempt.id, attempt)
    host.put(socket)
    socket.start()
  }

  /** What its host knows of the path. */
  #narrow({ stack }: Host, socket: Socket): void {
    if (stack !== undefined) socket.narrow(stack.mtu(socket.make.dst) - 40)
  }

  #accept(host: Host, syn: Segment): boolean {
    const { dst: src, dport: sport, src: dst, sport: dport } = syn
    if (sport !== 80 && sport !== 81) return false
    if (syn.timestamps) this.fail('options', 'a SYN with timestamps at an RS')
    const ends = { src, sport, dst, dport }
    const { rto } = this.plan
    const fits = this.mixed !== undefined
    const socket = new Socket(
      { ...ends, ...host.make(ends), mss: 1460, sack: true, rto, fits, keepalive: 30_000 },
      syn,
    )
    this.#narrow(host, socket)
    host.find(dst, dport, sport)?.end('closed')
    new Side(
      socket,
      undefined,
      sport === 81,
      this.#around(() => {}),
    )
    host.put(socket)
    socket.start()
    return true
  }

  #around(next: () => void): Around {
    return {
      after: (ms, run) => void this.events.after(ms, run),
      attempt: id => this.attempts.get(id),
      fail: (rule, what) => this.fail(rule, what),
      proxy: this.plan.proxy,
      isRevived: ({ excuses }) => this.plan.syn === true && excuses.has('its RS was cut'),
      ended: ({ isClient, why }) => {
        if (isClient && why !== 'gave up') next()
      },
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

/** Conversations by TCP: who calls whom when, at which ports, and who takes a call. */

import { ipv4Int } from '../../src/wire/address.ts'
import { BANNER_PORT, behind, VIP, VPORT } from './config.ts'
import type { Host } from './host.ts'
import type { Segment } from './packet.ts'
import type { Talk } from './plan.ts'
import { type Around, type Attempt, Side } from './talk.ts'
import { Socket } from './tcp.ts'
import { isAsIs, isOut, type Way, wayOf } from './ways.ts'
import type { World } from './world.ts'

/** Numbers of an actor's conversations, the first of which is not 0. */
const TALKS_MOST = 4096

export class Talks {
  readonly #world: World
  readonly #way: Way
  readonly #vip = ipv4Int(VIP)

  constructor(world: World) {
    this.#world = world
    this.#way = wayOf(world.plan)
  }

  /** Hosts behind the RSs' arm call such outside. */
  get isOut(): boolean {
    return isOut(this.#way)
  }

  /** The address that is called: the VIP, or of hosts outside one. */
  serverOf(which: number): number {
    if (!this.isOut) return this.#vip
    const { clients } = this.#world
    return (clients[which % clients.length] as Host).addresses[0] as number
  }

  begin(index: number, n: number): void {
    const talk = this.#world.plan.actors[index]?.talks[n]
    if (talk !== undefined)
      this.#world.events.after(talk.start, () => this.#connect(index, n, talk))
  }

  #connect(index: number, n: number, talk: Talk): void {
    const world = this.#world
    const { actors, rto } = world.plan
    const actor = actors[index] as (typeof actors)[number]
    const { port: sport, mss, sack } = actor
    const host = (this.isOut ? world.rss : world.clients)[actor.host] as Host
    const dport = talk.banner ? BANNER_PORT : VPORT
    const src = host.addresses[0] as number
    const ends = { src, sport, dst: this.serverOf(index + n), dport }
    const own = { mss, sack, rto, fits: world.mixed !== undefined, keepalive: talk.keepalive }
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
    if (world.events.now < world.cutUntil) attempt.excuses.add('its RS was cut')
    const socket = new Socket(made)
    narrow(host, socket)
    const around = this.#around(() => this.begin(index, n + 1))
    attempt.client = new Side(socket, attempt, talk.banner, around)
    world.attempts.set(attempt.id, attempt)
    host.put(socket)
    socket.start()
  }

  /** A SYN. => whether its port is open, and has a socket for it now */
  accept(host: Host, syn: Segment): boolean {
    const world = this.#world
    const { dst: src, dport: sport, src: dst, sport: dport } = syn
    const isPort = (vport: number) => behind(vport, this.#way).port === sport
    if (![VPORT, BANNER_PORT].some(isPort)) return false
    if (syn.timestamps && this.#way.by === 'fullnat')
      world.fail('options', 'a SYN with timestamps at an RS')
    const ends = { src, sport, dst, dport }
    const { rto } = world.plan
    const fits = world.mixed !== undefined
    const socket = new Socket(
      { ...ends, ...host.make(ends), mss: 1460, sack: true, rto, fits, keepalive: 30_000 },
      syn,
    )
    narrow(host, socket)
    host.find(dst, dport, sport)?.end('closed')
    const around = this.#around(() => {})
    new Side(socket, undefined, isPort(BANNER_PORT), around)
    host.put(socket)
    socket.start()
    return true
  }

  #around(next: () => void): Around {
    const world = this.#world
    return {
      after: (ms, run) => void world.events.after(ms, run),
      attempt: id => world.attempts.get(id),
      fail: (rule, what) => world.fail(rule, what),
      proxy: world.plan.proxy,
      seesClients: isAsIs(this.#way),
      isRevived: ({ excuses }) => world.plan.syn === true && excuses.has('its RS was cut'),
      ended: ({ isClient, why }) => {
        if (isClient && why !== 'gave up') next()
      },
    }
  }
}

/** What its host knows of the path. */
function narrow({ stack }: Host, socket: Socket): void {
  if (stack !== undefined) socket.narrow(stack.mtu(socket.make.dst) - 40)
}

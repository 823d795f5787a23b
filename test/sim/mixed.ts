/** What a mixed world has beside TCP, put together: stacks, links between hosts and balancer, who asks and answers, pings, forgers. */

import { PARKED } from '../../src/engine/counters.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import type { Sent } from './appliance.ts'
import { Answerer, Asker, type Question, type Surroundings } from './ask.ts'
import { behind, LIPS, UDP_SERVICES, VIP } from './config.ts'
import { Entries, endsOf } from './entries.ts'
import { Forger } from './forged.ts'
import type { Host } from './host.ts'
import { Link } from './link.ts'
import type { Forged, Mixed as MixedPlan } from './mixed-plan.ts'
import type { Sending } from './network.ts'
import { get16, get32, IP_AT, isFragment, macAt, putMac } from './packet.ts'
import { Pinger } from './ping.ts'
import type { Quote } from './quote.ts'
import { mix } from './random.ts'
import { isSix } from './six.ts'
import { SIX } from './six-packet.ts'
import { type Means, type Owned, Stack } from './stack.ts'
import { isDirect, isOut, type Way, wayOf } from './ways.ts'
import type { World } from './world.ts'

const ROUTERS = [ipv4Int('202.108.10.254'), ipv4Int('192.168.168.254')] as const
/** Addresses of our arms. */
const OWN = [VIP, '192.168.168.3'].map(ipv4Int)
/** ms that a frame waits at most for a MAC, and its worker stalls. */
const WAITS = 15_000
/** What makes the balancer's time go on while answers are on their way, or ends entries. */
const HASTENING = new Set(['stall', 'clock', 'cut', 'lip'])
/** Numbers for the network: errors, what leaves the balancer. */
const OF_ERRORS = 3
const OF_OUT = 4
/** Names by which no honest fragment is refused. */
const FRAGMENTS = /^FRAGMENT_(LENGTH|TINY|PAST_END|OVERLAP|MISFIT|TOO_MANY)$|^IP_FRAGMENT$/
/** Why a question need not be answered: nobody could take it. */
const REFUSALS = /^(UDP_NO_(RS|LIP)|LPORT_EXHAUSTED|CONN_TABLE_FULL|CLIENT_SHARE|NEIGH_\w+)$/

export class Mixed {
  readonly links: readonly [Link, Link]
  readonly entries: Entries
  readonly stacks: Stack[]
  readonly #world: World
  readonly #way: Way
  readonly #askers: Asker[]
  readonly #pinger: Pinger
  readonly #forger: Forger
  /** Until then an error of the balancer's own may be about what came spoilt. */
  #spoiltUntil = -1
  /** MTU of each arm. */
  readonly mtus: [number, number]
  /** When it last changed: what waited for a MAC may be larger for a while. */
  changed = Number.NEGATIVE_INFINITY

  constructor(world: World, plan: MixedPlan) {
    this.#world = world
    this.#way = wayOf(world.plan)
    this.mtus = [...plan.mtus]
    this.entries = new Entries(world)
    const link = (arm: 0 | 1) => new Link(plan.links[arm], ROUTERS[arm])
    this.links = [link(0), link(1)]
    const hosts = [...world.clients, ...world.rss]
    const clients = world.clients.length
    this.stacks = hosts.map((host, i) => new Stack(host, i, this.#means(i < clients ? 0 : 1)))
    for (const stack of this.stacks) stack.host.stack = stack
    const around = this.#surroundings()
    this.#askers = plan.askers.map((asker, i) => {
      const { vport } = UDP_SERVICES[asker.tells ? 1 : 0]
      const stack = this.stacks[world.talks.isOut ? clients + asker.host : asker.host] as Stack
      return new Asker(i, asker, [world.talks.serverOf(asker.port), vport], stack, around)
    })
    const servers = world.talks.isOut ? this.stacks.slice(0, clients) : this.stacks.slice(clients)
    for (const stack of servers) this.#answer(stack, around)
    const lip = ipv4Int(LIPS[0])
    const target = (ofRs: boolean, host: number) =>
      ofRs && !world.talks.isOut ? lip : world.talks.serverOf(host)
    this.#pinger = new Pinger(plan.pings, this.stacks, target, clients, around)
    this.#forger = new Forger(world, world.macs)
    for (const forged of plan.forged) world.events.after(forged.at, () => this.#forge(forged))
  }

  #answer(stack: Stack, around: Surroundings): void {
    for (const [i, { vport }] of UDP_SERVICES.entries()) {
      const { port } = behind(vport, this.#way)
      new Answerer(stack, [port, vport], i === 1, id => this.#question(id), around)
    }
  }

  #means(arm: 0 | 1): Means {
    const world = this.#world
    return {
      now: () => world.events.now,
      fail: (rule, what) => world.fail(rule, what),
      isLate: (host, quote) => this.#isLate(host, quote, arm),
      routers: this.#routersFor(arm),
      isSix: this.#way.six[arm],
      pongs: world.talks.isOut,
    }
  }

  /** FullNAT hides those behind the other arm, and us; of other ways an RS, and of SNAT a host inside, sees some of both. */
  #routersFor(arm: 0 | 1): number[] {
    if (this.#way.by === 'fullnat' || (arm === 0 && !isOut(this.#way))) return [ROUTERS[arm]]
    return [...ROUTERS, ...OWN]
  }

  #surroundings(): Surroundings {
    const { events, plan } = this.#world
    const hasHastened = plan.happenings.some(({ what }) => HASTENING.has(what))
    return {
      entries: this.entries,
      way: this.#way,
      quiet: plan.quiet,
      now: () => events.now,
      after: (ms, run) => void events.after(ms, run),
      fail: (rule, what) => this.#world.fail(rule, what),
      isStray: () => {
        if (hasHastened) this.#world.note('an answer, for which an entry did not wait')
        return hasHastened
      },
    }
  }

  #question(id: number): Question | undefined {
    for (const { questions } of this.#askers) {
      const found = questions.find(question => question.id === id)
      if (found) return found
    }
    return undefined
  }

  /** A frame of a host, on its way to the balancer. */
  fromHost(arm: 0 | 1, host: Host, sending: Sending): void {
    const { bytes } = sending
    if (get16(bytes, 22) !== 0x0800) {
      this.#put(arm, sending)
      return
    }
    host.stack?.note(bytes)
    const back = (error: Uint8Array) => this.#world.events.after(1, () => host.take(error))
    for (const piece of this.links[arm].pass(bytes, true, back)) {
      if (arm === 1 && isDirect(this.#way)) this.#past({ ...sending, bytes: piece })
      else this.#put(arm, { ...sending, bytes: piece })
    }
  }

  #put(arm: 0 | 1, sending: Sending): void {
    const { network, wire } = this.#world
    const bytes = wire.put(arm, sending.bytes)
    if (bytes === undefined) return
    network.send({ ...sending, bytes }, arm, arrived => this.#world.arrive(arm, arrived))
  }

  /** What an RS answers comes to its client by a way of its own, where it is spoilt and lost as elsewhere. */
  #past(sending: Sending): void {
    const { network, clients } = this.#world
    network.send(sending, 1, arrived => {
      const host = clients.find(
        ({ addresses }) => addresses[0] === get32(arrived.bytes, IP_AT + 16),
      )
      if (host === undefined) return
      putMac(arrived.bytes, 10, host.mac)
      putMac(arrived.bytes, 16, host.gateway)
      this.toHost(0, host, arrived)
    })
  }

  /** One of the balancer has come to the link of this host. */
  toHost(arm: 0 | 1, host: Host, { bytes, spoilt }: Sending): void {
    const { wire } = this.#world
    const read = wire.read(bytes)
    if (get16(read, 22) !== 0x0800) {
      host.take(read)
      return
    }
    const say = (error: Uint8Array) => this.#sayOf(arm, error)
    for (const piece of this.links[arm].pass(read, !spoilt, say)) {
      const opened = wire.open(host, piece)
      if (opened !== undefined) host.take(opened)
    }
  }

  /** One got lost between a link and the balancer. */
  lost(sending: Sending, way: number, chance: number): void {
    const { bytes, spoilt } = sending
    const arm = (way & 1) as 0 | 1
    if (spoilt || get16(bytes, 22) !== 0x0800) return
    this.links[arm].lost(bytes, chance, error => {
      if (way >= 2) this.#sayOf(arm, error)
      else this.#world.events.after(1, () => this.#hostOf(arm, bytes)?.take(error))
    })
  }

  /** Whose a frame is that leaves the balancer. */
  owned(bytes: Uint8Array): Owned {
    const at = IP_AT + 20
    const ports = isFragment(bytes) ? get16(bytes, IP_AT + 4) : get32(bytes, at)
    const isUdp = bytes[IP_AT + 9] === 17
    const bare = bytes[IP_AT + 9] === 248 || (isUdp && get16(bytes, at + 6) === 0)
    return { key: mix(OF_OUT, get32(bytes, IP_AT + 16), ports), bare }
  }

  before(sending: Sending): void {
    this.entries.before(sending)
  }

  /** `out` as hosts read it. */
  after(sending: Sending, verdict: number, name: string, out: readonly Sent[]): void {
    const { bytes, spoilt, expected } = sending
    const world = this.#world
    if (expected !== undefined && !spoilt && !isFragment(bytes) && name !== expected) {
      world.fail('named', `${name || verdict}, not ${expected}`)
    }
    if (get16(bytes, 22) === 0x0800 && !spoilt && isFragment(bytes) && FRAGMENTS.test(name)) {
      world.fail('fragments', `a good one is refused as ${name}`)
    }
    const isAnswered = out.some(sent => sent.bytes[IP_AT + 9] === 1)
    if (spoilt && (verdict === PARKED || isAnswered)) this.#spoiltUntil = world.events.now + WAITS
    this.entries.after(sending, verdict, out)
  }

  /** No frame is larger than its arm, but for what has waited while that became smaller. */
  checkOut(out: readonly Sent[]): void {
    const { events } = this.#world
    for (const { arm, bytes } of out) {
      if (![0x0800, 0x86dd].includes(get16(bytes, 22))) continue
      const bytesOfIp = isSix(bytes) ? SIX + get16(bytes, IP_AT + 4) : get16(bytes, IP_AT + 2)
      const most = this.mtus[arm as 0 | 1]
      if (bytesOfIp > most && events.now > this.changed + 10_000) {
        this.#world.fail('mtu', `${bytesOfIp} bytes on an arm of ${most}`)
      }
    }
  }

  /** At the end: each question that could be was answered. => how many there were */
  conclude(): number {
    let count = this.#pinger.conclude()
    for (const { questions } of this.#askers) {
      for (const { ask, isAnswered, isRefused, refused, id, isHeard } of questions) {
        count++
        if (isAnswered) continue
        if (ask.ttl < 64) this.#world.note('a traceroute, which went nowhere')
        else if (isRefused) this.#world.note('a question that was refused')
        else if (refused !== undefined && REFUSALS.test(refused)) {
          this.#world.note(refused)
        } else {
          const heard = isHeard ? 'heard, not answered' : 'not heard'
          this.#world.fail('ended', `question ${id} was ${heard}: ${refused ?? 'forwarded'}`)
        }
      }
    }
    return count
  }

  /** An error of a router on its way to the balancer. */
  #sayOf(arm: 0 | 1, error: Uint8Array): void {
    this.#put(arm, { bytes: error, side: undefined, spoilt: false, key: OF_ERRORS })
  }

  #hostOf(arm: number, bytes: Uint8Array): Host | undefined {
    const mac = macAt(bytes, 16)
    const hosts = arm === 0 ? this.#world.clients : this.#world.rss
    return hosts.find(host => host.mac === mac)
  }

  /** The entry, or the socket, that an error is about was another's a moment ago, or something spoilt waits for a MAC in vain. */
  #isLate(host: Host, { dst, ports, protocol }: Quote, arm: number): boolean {
    if (this.#world.events.now < this.#spoiltUntil) return true
    const [own, other] = [ports >>> 16, ports & 0xffff]
    const address = host.addresses[0] as number
    if (protocol === 17) {
      const isClient = (arm === 0) !== this.#world.talks.isOut
      if (isClient) return this.entries.isLateOf(address, own, [dst, other])
      return this.entries.isLate(endsOf(address, own, dst, other))
    }
    const socket = host.find(dst, other, own)
    return socket === undefined || this.#world.events.now - socket.born < 3000
  }

  /** Not on any wire, so that it is judged as it was made. */
  #forge(forged: Forged): void {
    const world = this.#world
    if (world.events.now < world.stalledUntil) return
    const made = this.#forger.make(forged)
    if (made === undefined) return
    const { arm, bytes, expected } = made
    world.arrive(arm, { bytes, side: undefined, spoilt: false, key: OF_ERRORS, expected })
  }
}

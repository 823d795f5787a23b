/**
 * The playground's world: clients, the network and real servers, with the engine between them. Nothing is by chance and no clock
 * of the machine is asked: the same scenario is the same conversation, to the byte.
 */

import type { DropReason } from '../api/names.ts'
import { addresses, routes, services } from '../control/readings/listings.ts'
import type { Sent } from '../control/replay/rig.ts'
import { dropOf, packetLine, sentLine } from '../control/replay/transcript-lines.ts'
import { Heard, TRACE_HEARD, TraceKind } from '../engine/trace-kinds.ts'
import { DROP_WORDS, explainDrop } from '../see/drops/drops.ts'
import { segmentIn } from '../see/frame/notation.ts'
import type { FrameIn, Moment, Said } from '../see/moments/moment.ts'
import { kindOf } from '../see/words/trace-words.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import { Appliance, ARMS, EPOCH_US, type Turn } from './appliance.ts'
import { arpAnswer, askedFor } from './arp.ts'
import { isOfFlood } from './clients.ts'
import { Clock } from './clock.ts'
import { Hosts } from './ends.ts'
import type { Leg } from './fields.ts'
import { type Ends, type Segment, tcpFrame, udpFrame } from './frames.ts'
import type { Beside, Move, Played, Refusal, Step } from './played.ts'
import type { Scenario } from './scenario.ts'
import type { SocketState } from './tcp.ts'

/** ms that a packet takes between an end and the balancer. */
const WAY_MS = 1
/** SYNs of the flood in a ms: a hundred thousand in a second. */
const FLOOD_PACE = 100
/** Packets that the balancer is given, at most. */
export const STEPS_MOST = 20_000

type Side = 'client' | 'rs'
const ARM_OF: Record<Side, number> = { client: 0, rs: 1 }

/** What becomes of it. */
export function play(scenario: Scenario): Played {
  return new World(scenario).run()
}

class World {
  readonly #scenario: Scenario
  readonly #clock = new Clock()
  readonly #appliance: Appliance
  readonly #hosts: Hosts
  readonly #steps: Step[] = []
  readonly #beside: Beside[] = []
  readonly #moves: Move[] = []
  readonly #passed: Record<Leg, number> = { client: 0, vip: 0, lip: 0, rs: 0 }
  readonly #lost: ReadonlySet<string>
  /** By the balancer's own end of a connection. */
  readonly #clientBehind = new Map<string, string>()
  #conns: readonly string[] = []
  #cut = false

  constructor(scenario: Scenario) {
    this.#scenario = scenario
    this.#appliance = new Appliance(scenario)
    this.#lost = new Set(scenario.lost)
    this.#hosts = new Hosts(scenario, {
      clock: this.#clock,
      segment: (from, segment, isFlood) => this.#segment(from, segment, isFlood),
      datagram: (from, ends, length) => this.#datagram(from, ends, length),
      movedAtClient: (connection, from, to) =>
        this.#moves.push({ ...this.#when, who: 'client', connection, from, to }),
      movedAtRs: (peer, from, to) => this.#movedAtRs(peer, from, to),
      said: text => this.#notes(text, null, []),
    })
  }

  get #when() {
    return { atMs: this.#clock.now, behind: this.#steps.length }
  }

  #notes(text: string, lost: Leg | null, ends: readonly string[]): void {
    const atUs = EPOCH_US + this.#clock.now * 1000
    this.#beside.push({ atUs, behind: this.#steps.length, text, lost, ends })
  }

  run(): Played {
    const { connections, gap, flood, seconds } = this.#scenario
    for (let i = 0; i < flood; i++)
      this.#clock.after(Math.floor(i / FLOOD_PACE), () => this.#hosts.flood(i))
    const begin = flood === 0 ? 0 : Math.ceil(flood / FLOOD_PACE) + 1
    for (let i = 0; i < connections; i++)
      this.#clock.after(begin + i * gap, () => this.#hosts.begin(i))
    const end = seconds * 1000
    for (;;) {
      const due = this.#clock.next(end)
      if (due === undefined || this.#cut) break
      this.#passTo(due.at)
      due.run()
    }
    if (!this.#cut) this.#passTo(end)
    return this.#played()
  }

  /** What sockets do for a flood is nobody's conversation. */
  #movedAtRs(peer: string, from: SocketState, to: SocketState): void {
    const connection = this.#hosts.numberOf(this.#clientBehind.get(peer) ?? '')
    if (connection !== undefined)
      this.#moves.push({ ...this.#when, who: 'rs', connection, from, to })
  }

  #segment(from: Side, segment: Segment, isFlood = false): void {
    const frame = tcpFrame(from, this.#appliance.macOf(ARM_OF[from]), segment)
    this.#onTheWay(from, frame, isFlood)
  }

  #datagram(from: Side, ends: Ends, length: number): void {
    this.#onTheWay(from, udpFrame(from, this.#appliance.macOf(ARM_OF[from]), ends, length), false)
  }

  /** From an end to the balancer. */
  #onTheWay(from: Side, frame: Uint8Array, isFlood: boolean): void {
    const name = isFlood ? null : this.#named(from)
    if (this.#isLost(from, name, frame)) return
    this.#clock.after(WAY_MS, () => this.#arrive(ARM_OF[from], frame, name))
  }

  /** Counts the packets of a leg. */
  #named(leg: Leg): string {
    return `${leg}.${++this.#passed[leg]}`
  }

  #isLost(leg: Leg, name: string | null, frame: Uint8Array): boolean {
    if (name === null || !this.#lost.has(name)) return false
    const line = packetLine(frame.subarray(VNET.BYTES)) ?? 'a packet'
    const ends = [...line.matchAll(/(\d+(?:\.\d+){3})\.(\d+)\b/g)]
    this.#notes(
      line,
      leg,
      ends.map(([, address, port]) => `${address}:${port}`),
    )
    return true
  }

  #arrive(arm: number, frame: Uint8Array, name: string | null): void {
    if (this.#steps.length >= STEPS_MOST) {
      this.#cut = true
      return
    }
    const turn = this.#appliance.input(arm, frame)
    const packet = `${ARMS[arm]} | ${packetLine(frame.subarray(VNET.BYTES)) ?? ''}`
    const drop = dropOf(turn.verdict)
    const seq = segmentIn(frame.subarray(VNET.BYTES))?.seq ?? null
    this.#step({ packet, seq }, drop, turn, name)
  }

  #passTo(at: number): void {
    const ms = at - this.#clock.now
    if (ms <= 0) return
    const turn = this.#appliance.pass(ms)
    this.#clock.now = at
    this.#step({ waitMs: ms }, null, turn, null)
  }

  #step(
    given: Step['given'],
    drop: string | null,
    { sent, moments }: Turn,
    came: string | null,
  ): void {
    const isFlood = moments.length > 0 && moments.every(isFlooding)
    if (moments.length > 0 && !isFlood) this.#conns = this.#appliance.conns()
    const said = moments.flatMap(moment =>
      moment.kind === 'out' ? [] : moment.said.filter(isLogged).map(({ text }) => text),
    )
    const lines = sent.map(one => sentLine(one, ARMS))
    for (const { conn } of moments) if (conn) this.#clientBehind.set(conn.lip, conn.client)
    const left = sent.map(({ arm, bytes }) =>
      isFlood || askedFor(bytes) !== undefined ? null : this.#named(arm === 0 ? 'vip' : 'lip'),
    )
    const made = { given, sent: lines, drop, said, moments, came, left, isFlood }
    this.#steps.push({ atMs: this.#clock.now, ...made, conns: this.#conns })
    for (const [i, one] of sent.entries()) this.#left(one, left[i] ?? null)
  }

  /** From the balancer to an end. */
  #left({ arm, bytes }: Sent, name: string | null): void {
    const side: Side = arm === 0 ? 'client' : 'rs'
    const asked = askedFor(bytes)
    if (asked !== undefined) {
      if (this.#hosts.has(side, asked)) this.#answer(side, asked, bytes)
      return
    }
    const frame = bytes.subarray(VNET.BYTES)
    if (this.#isLost(arm === 0 ? 'vip' : 'lip', name, bytes)) return
    this.#clock.after(WAY_MS, () => this.#hosts.take(side, frame))
  }

  /** A host says its MAC. */
  #answer(side: Side, address: string, request: Uint8Array): void {
    this.#clock.after(2 * WAY_MS, () => {
      const turn = this.#appliance.input(ARM_OF[side], arpAnswer(side, request))
      this.#step({ packet: `${ARMS[ARM_OF[side]]} | arp ${address}`, seq: null }, null, turn, null)
    })
  }

  #played(): Played {
    const { yaml, worker, used } = this.#appliance
    return {
      scenario: this.#scenario,
      yaml,
      arms: ARMS,
      worker,
      steps: this.#steps,
      beside: this.#beside,
      moves: this.#moves,
      refusals: refusalsOf(
        this.#appliance,
        this.#steps.flatMap(step => step.moments),
      ),
      ...this.#appliance.listings(),
      used,
      answers: this.#hosts.answers,
      served: this.#hosts.served,
      cut: this.#cut,
    }
  }
}

/** What is about the flood: by the connection, or by the ends of a frame that has none. */
export function isFlooding(moment: Moment): boolean {
  if (moment.conn !== null) return isOfFlood(moment.conn.client)
  if (moment.kind === 'event') return false
  const segment = segmentIn(moment.bytes)
  return segment !== undefined && (isOfFlood(segment.src) || isOfFlood(segment.dst))
}

/** Events that the debug log passes over, so as to keep to DPVS's lines. */
const UNLOGGED: ReadonlySet<string> = new Set(
  Object.values(TraceKind)
    .filter(kind => TRACE_HEARD[kind] === Heard.RECORDED)
    .map(kind => kindOf(Int32Array.of(kind)).event),
)

function isLogged({ event }: Said): boolean {
  return !UNLOGGED.has(event)
}

/** What was refused, by reason; the first frame of each is explained. */
function refusalsOf(appliance: Appliance, moments: readonly Moment[]): Refusal[] {
  const first = new Map<string, { frame: FrameIn; count: number }>()
  for (const moment of moments) {
    if (moment.kind !== 'in' || !('drop' in moment.verdict)) continue
    const { drop } = moment.verdict
    const known = first.get(drop)
    if (known) known.count++
    else first.set(drop, { frame: moment, count: 1 })
  }
  const context = contextOf(appliance)
  return [...first].map(([reason, { frame, count }]) => {
    const { arm, bytes, length } = frame
    const refused = { arm, bytes, length, vnet: new Uint8Array(VNET.BYTES) }
    const explained = explainDrop(reason as DropReason, refused, context)
    return { reason, count, words: DROP_WORDS[reason] ?? '', ...explained }
  })
}

function contextOf(appliance: Appliance) {
  const { sources, config, used } = appliance
  return {
    arms: config.arms.map(({ name, mac, mtu }) => ({ name, mac, mtu, up: true })),
    addresses: addresses(sources),
    routes: routes(sources),
    services: services(sources),
    conns: { used, capacity: config.connections.tableSize },
    settings: {
      xmitTtl: config.tcp.xmitTtl,
      bareAck: config.tcp.bareAck,
      unresQueueLength: config.neighbours.unresQueueLength,
      loss: Object.fromEntries(config.arms.map(({ name }) => [name, '0%'])),
    },
  }
}

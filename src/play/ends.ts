/** Clients and real servers: who has which address and port, and what each does with a packet that has come. */

import { datagramIn } from '../see/frame/datagram-notation.ts'
import { FLAG } from '../wire/tcp.ts'
import { PORT, rsAddress, VIP } from './appliance.ts'
import { clientsOf, floodOf } from './clients.ts'
import type { Clock } from './clock.ts'
import { type Ends, readTcp, type Segment } from './frames.ts'
import type { Scenario } from './scenario.ts'
import { clientApp, serverApp } from './talk.ts'
import { Socket, type SocketState } from './tcp.ts'

/** The seed's numbers. */
const CLIENT_FIRST = 4_164_191_644
const CLIENT_STAMP = 125_357_496
const RS_FIRST = 4_072_520_983
/** From one connection's first sequence number to the next. */
const APART = 64_000

/** Half-open connections that an RS has room for; it answers no SYN more. */
export const BACKLOG = 256
/** Payload of a datagram: what a packet has room for. */
const DATAGRAM_MOST = 1400

export interface Outside {
  clock: Clock
  segment: (from: 'client' | 'rs', segment: Segment, isFlood?: boolean) => void
  datagram: (from: 'client' | 'rs', ends: Ends, length: number) => void
  movedAtClient: (connection: number, from: SocketState, to: SocketState) => void
  /** `peer` is who the RS talks to: the balancer's lport. */
  movedAtRs: (peer: string, from: SocketState, to: SocketState) => void
  said: (text: string) => void
}

/** `a > b` */
const key = ({ src, sport, dst, dport }: Ends) => `${src}:${sport} ${dst}:${dport}`
const back = ({ src, sport, dst, dport }: Ends): Ends => ({
  src: dst,
  sport: dport,
  dst: src,
  dport: sport,
})

export class Hosts {
  readonly answers: number[]
  readonly served: number[]
  readonly #scenario: Scenario
  readonly #out: Outside
  readonly #clientsLeft: ReturnType<typeof clientsOf>
  readonly #floodLeft: ReturnType<typeof floodOf>
  readonly #numbers = new Map<string, number>()
  readonly #clients = new Map<string, Socket>()
  readonly #servers = new Map<string, Socket>()
  readonly #datagrams = new Map<string, { connection: number; asked: number }>()
  readonly #asked = new Set<string>()
  /** Of each RS, by its address. */
  readonly #halfOpen = new Map<string, number>()
  /** RSs that were full once. */
  readonly #full = new Set<string>()

  constructor(scenario: Scenario, out: Outside) {
    this.#scenario = scenario
    this.#out = out
    this.#clientsLeft = clientsOf(scenario)
    this.#floodLeft = floodOf(scenario)
    this.answers = Array<number>(scenario.connections).fill(0)
    this.served = scenario.servers.map(() => 0)
  }

  /** A client begins its conversation. */
  begin(connection: number): void {
    const { address, port } = this.#clientsLeft.next().value
    const ends = { src: address, sport: port, dst: VIP, dport: PORT }
    this.#numbers.set(`${address}:${port}`, connection)
    if (this.#scenario.protocol === 'udp') {
      this.#datagrams.set(key(back(ends)), { connection, asked: 0 })
      this.#ask(ends)
      return
    }
    const { clock, segment, movedAtClient } = this.#out
    const socket = new Socket({
      clock,
      ends,
      first: (CLIENT_FIRST + connection * APART) >>> 0,
      stamp: CLIENT_STAMP,
      app: clientApp(this.#scenario, () => this.#answered(connection)),
      send: out => segment('client', out),
      moved: (from, to) => movedAtClient(connection, from, to),
    })
    this.#clients.set(key(back(ends)), socket)
    socket.open()
  }

  /** The number of the connection that this end of a client began; undefined of the flood's. */
  numberOf(client: string): number | undefined {
    return this.#numbers.get(client)
  }

  /** Whether a host at this side has the address, and answers for it. */
  has(side: 'client' | 'rs', address: string): boolean {
    if (side === 'rs') return this.#serverAt(address) >= 0
    return [...this.#numbers.keys()].some(end => end.startsWith(`${address}:`))
  }

  /** SYN number `i` of the flood, of an address that nobody has. */
  flood(i: number): void {
    const { address, port } = this.#floodLeft.next().value
    const ends = { src: address, sport: port, dst: VIP, dport: PORT }
    const first = (i * 2_654_435_761) >>> 0
    const options = [2, 4, 5, 180]
    const syn = { flags: FLAG.SYN, seq: first, ack: 0, window: 1024, options, length: 0 }
    this.#out.segment('client', { ...ends, ...syn }, true)
  }

  /** What has come at a side; what is for nobody there is for nobody. */
  take(side: 'client' | 'rs', frame: Uint8Array): void {
    const segment = readTcp(frame)
    if (segment) {
      if (side === 'client') this.#clients.get(key(segment))?.take(segment)
      else this.#atServer(segment)
      return
    }
    const datagram = datagramIn(frame)
    if (datagram && side === 'client') this.#heard(datagram)
    else if (datagram) this.#served(datagram)
  }

  #atServer(segment: NonNullable<ReturnType<typeof readTcp>>): void {
    const index = this.#serverAt(segment.dst)
    const manner = this.#scenario.servers[index]?.split('-')[1]
    if (index < 0 || manner === 'silent') return
    if (manner === 'refuses') {
      if ((segment.bits & FLAG.RST) === 0) this.#refuse(segment)
      return
    }
    const name = key(segment)
    const socket = this.#servers.get(name)
    if (socket && socket.state !== 'CLOSED') socket.take(segment)
    else if ((segment.bits & FLAG.SYN) === 0) {
      if ((segment.bits & FLAG.RST) === 0) this.#refuse(segment)
    } else if (this.#hasRoom(segment.dst)) this.#accept(segment, index, name)
  }

  #serverAt(address: string): number {
    return this.#scenario.servers.findIndex((_, i) => rsAddress(i) === address)
  }

  #hasRoom(address: string): boolean {
    if ((this.#halfOpen.get(address) ?? 0) < BACKLOG) return true
    if (!this.#full.has(address))
      this.#out.said(`${address} has ${BACKLOG} half-open connections and takes no SYN more`)
    this.#full.add(address)
    return false
  }

  #accept(segment: NonNullable<ReturnType<typeof readTcp>>, index: number, name: string): void {
    const { clock, movedAtRs } = this.#out
    const socket = new Socket({
      clock,
      ends: back(segment),
      first: (RS_FIRST + this.#servers.size * APART) >>> 0,
      app: serverApp(this.#scenario, () => this.#serve(index)),
      send: out => this.#out.segment('rs', out),
      moved: (from, to) => {
        const change = Number(to === 'SYN-RECEIVED') - Number(from === 'SYN-RECEIVED')
        this.#halfOpen.set(segment.dst, (this.#halfOpen.get(segment.dst) ?? 0) + change)
        movedAtRs(`${segment.src}:${segment.sport}`, from, to)
      },
    })
    this.#servers.set(name, socket)
    socket.take(segment)
  }

  /** Nobody listens, or nobody knows of it (RFC 9293 3.10.7.1). */
  #refuse({ bits, seq, ack, payload, ...ends }: NonNullable<ReturnType<typeof readTcp>>): void {
    const hasAck = (bits & FLAG.ACK) !== 0
    const length = payload.length + ((bits & FLAG.SYN) !== 0 ? 1 : 0)
    this.#out.segment('rs', {
      ...back(ends),
      flags: hasAck ? FLAG.RST : FLAG.RST | FLAG.ACK,
      seq: hasAck ? ack : 0,
      ack: hasAck ? 0 : (seq + length) >>> 0,
      window: 0,
      options: [],
      length: 0,
    })
  }

  #answered(connection: number): void {
    this.answers[connection] = (this.answers[connection] ?? 0) + 1
  }

  #serve(index: number): void {
    this.served[index] = (this.served[index] ?? 0) + 1
  }

  #ask(ends: Ends): void {
    const conversation = this.#datagrams.get(key(back(ends)))
    if (!conversation || conversation.asked >= this.#scenario.requests) return
    conversation.asked++
    this.#out.datagram('client', ends, Math.min(this.#scenario.bytes, DATAGRAM_MOST))
  }

  #heard(datagram: Ends): void {
    const conversation = this.#datagrams.get(key(datagram))
    if (!conversation) return
    this.#answered(conversation.connection)
    this.#ask(back(datagram))
  }

  #served(datagram: Ends): void {
    const index = this.#serverAt(datagram.dst)
    if (index < 0 || this.#scenario.servers[index]?.includes('-')) return
    const name = key(datagram)
    if (!this.#asked.has(name)) this.#serve(index)
    this.#asked.add(name)
    this.#out.datagram('rs', back(datagram), Math.min(this.#scenario.answer, DATAGRAM_MOST))
  }
}

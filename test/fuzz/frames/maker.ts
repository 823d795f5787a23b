/**
 * Frames as an attacker makes them who knows the appliance: of connections that live there, with numbers in their windows, of
 * new ones, out of a corpus, in pieces; then spoilt, and mostly summed up again. Made in one buffer, nothing is allocated.
 */

import { KEY, RECORD, TUPLE } from '../../../src/engine/conn-layout.ts'
import { CLIENT_MAC, RS_MAC, type Stand } from '../../kit/stand.ts'
import type { Chance } from '../chance.ts'
import { mutate } from './mutate.ts'
import { numbersOf } from './numbers.ts'
import { anyOptions, arp, icmpError, ipv6, type Making, tcpHeader } from './others.ts'
import { anyPieces } from './piece.ts'
import { type Given, OPTIONS, seeds } from './seeds.ts'
import { error6, head6, isOf6, portsOf, seeds6 } from './six.ts'
import { mendIp, mendL4 } from './sums.ts'
import { CLIENTS, SERVERS, type World } from './world.ts'

const HEAD = 24
const ROOM = 70_000
/** What is found on the way and worth to go on from. */
const FOUND_MAX = 2000
const QUEUE_MAX = 160
const VIP = 0xca6c_0a01 | 0
const CLIENT_NET = 0xca6c_0a00 | 0
const FLAGS = [0x02, 0x10, 0x10, 0x18, 0x12, 0x11, 0x04, 0x14, 0x00, 0x3f]

const macBytes = (text: string) => Uint8Array.from(text.split(':'), part => parseInt(part, 16))

export class Maker implements Making {
  readonly bytes = new Uint8Array(ROOM)
  readonly pkt = new DataView(this.bytes.buffer)
  length = 0
  side = CLIENTS
  readonly #chance: Chance
  readonly #world: World
  readonly #seeds: readonly Given[]
  readonly #found: Given[] = []
  readonly #queue: Given[] = []
  /** How often the frame at hand comes again, from another port each time. */
  #again = 0
  readonly #macs: readonly Uint8Array[]
  readonly #senders = [macBytes(CLIENT_MAC), macBytes(RS_MAC)]

  constructor(chance: Chance, world: World) {
    this.#chance = chance
    this.#world = world
    const [stand] = world.stands as [Stand]
    this.#seeds = world.isDual ? [...seeds(stand), ...seeds6(stand)] : seeds(stand)
    this.#macs = [macBytes(stand.macOf('dpdk0')), macBytes(stand.macOf('dpdk1'))]
  }

  get found(): readonly Given[] {
    return this.#found
  }

  /** The frame at hand did what none had done. */
  keep(): void {
    const given = { side: this.side, bytes: this.bytes.slice(0, Math.min(this.length, 2000)) }
    if (this.#found.length < FOUND_MAX) this.#found.push(given)
    else this.#found[this.#chance.below(FOUND_MAX)] = given
  }

  /** The next frame is in `bytes`. */
  next(): void {
    const chance = this.#chance
    if (this.#again > 0) {
      this.#repeat()
      return
    }
    const queued = this.#queue.length > 0 && chance.below(4) > 0 ? this.#queue.shift() : undefined
    if (queued !== undefined) {
      this.#take(queued)
      if (chance.once(30)) mutate(this, chance)
      return
    }
    const kind = chance.below(100)
    if (kind < 45) this.#bring() || this.#living()
    else if (kind < 60) this.#begin()
    else if (kind < 64) this.#other()
    else if (kind < 97) this.#of(this.#seeds, this.#found)
    else this.#noise()
    if (chance.below(3) === 0) {
      for (let times = 1 + chance.below(3); times > 0; times--) mutate(this, chance)
      if (chance.below(4) > 0) this.mend()
    } else if (chance.once(10)) this.#inPieces()
    if (chance.once(1500)) this.#again = chance.below(150)
  }

  /** A flood: limits are met, queues and tables fill. */
  #repeat(): void {
    this.#again--
    const at = HEAD + 20
    if (this.length > at + 2) this.pkt.setUint16(at, this.pkt.getUint16(at) + 1)
    this.mend()
  }

  mend(): void {
    if (this.length >= HEAD + 40 && this.pkt.getUint16(22) === 0x86dd) {
      if (this.#world.isDual && this.#chance.below(8) > 0) mendL4(this.pkt, 0, this.length)
      return
    }
    const header = ((this.bytes[HEAD] as number) & 15) * 4
    if (this.length < HEAD + 20 || header < 20 || this.length < HEAD + header) return
    if (this.pkt.getUint16(22) !== 0x0800) return
    mendIp(this.pkt, HEAD)
    const isWhole = (this.pkt.getUint16(HEAD + 6) & 0x3fff) === 0
    if (isWhole && this.#chance.below(8) > 0) mendL4(this.pkt, 0, this.length)
  }

  #take({ side, bytes }: Given): void {
    this.side = side
    this.length = bytes.length
    this.bytes.set(bytes)
  }

  #of(seeds: readonly Given[], found: readonly Given[]): void {
    const isOld = found.length === 0 || this.#chance.below(3) > 0
    this.#take(this.#chance.pick(isOld ? seeds : found))
    if (this.#chance.once(50)) this.side = 1 - this.side
  }

  /** Of a network that speaks more than IPv4. */
  #other(): void {
    this.side = this.#chance.below(2)
    if (this.#chance.below(2) === 0) arp(this, this.#chance)
    else ipv6(this, this.#chance)
  }

  /** Random bytes, half of them behind a good Ethernet header. */
  #noise(): void {
    const chance = this.#chance
    this.side = chance.below(2)
    this.length = 10 + chance.below(120)
    for (let i = 0; i < this.length; i++) this.bytes[i] = chance.below(256)
    if (chance.below(2) === 0) this.head(chance.below(3) === 0 ? 0x0806 : 0x0800)
  }

  head(type: number): void {
    this.bytes.fill(0, 0, 10)
    this.bytes.set(this.#macs[this.side] as Uint8Array, 10)
    this.bytes.set(this.#senders[this.side] as Uint8Array, 16)
    if (this.#chance.once(40)) this.bytes[21] = this.#chance.below(4)
    this.pkt.setUint16(22, type)
  }

  /** A new connection, or one of few clients that has gone. */
  #begin(): void {
    const chance = this.#chance
    const client = CLIENT_NET | (2 + chance.below(chance.once(8) ? 250 : 3))
    const port = chance.below(2) === 0 ? 4096 + chance.below(40) : 1024 + chance.below(60_000)
    const ports = (port << 16) | (chance.below(4) === 0 ? 6380 : 6379)
    this.side = CLIENTS
    if (this.#world.isDual && chance.below(2) === 0) {
      const [stand] = this.#world.stands as [Stand]
      const ports6 = (port << 16) | 6379
      if (chance.below(3) === 0) this.#datagram6(stand, -1, ports6)
      else this.#segment6(stand, -1, ports6, 0x02, [chance.below(0x10000) << 16, 0])
    } else if (chance.below(4) === 0) this.#datagram(client, VIP, ports)
    else this.#segment(client, VIP, ports, 0x02, chance.below(0x10000) << 16, 0)
  }

  /** A cookie, as often as not where cookies are given. => false if it is to be something else */
  #bring(): boolean {
    const { cookies } = this.#world
    if (cookies === null || cookies.isEmpty || !this.#chance.once(4)) return false
    this.side = CLIENTS
    const payload = Math.min(this.#payload(), 1400)
    const isMade = cookies.bring(this, this.#chance, payload)
    this.mend()
    return isMade
  }

  /** Of a connection that lives, in either direction, and mostly within its windows. */
  #living(): void {
    const chance = this.#chance
    const stand = chance.pick(this.#world.stands)
    const { table } = stand.engine.conns
    const from = chance.below(Math.max(1, table.top))
    const conn = table.nextUsed(from, table.top)
    if (conn < 0) {
      this.#begin()
      return
    }
    const t = (conn << 1) | chance.below(2)
    const at = RECORD.tuple(t)
    const [src = 0, dst = 0, ports = 0] = [
      table.cells[at | TUPLE.SADDR],
      table.cells[at | TUPLE.DADDR],
      table.cells[at | TUPLE.PORTS],
    ]
    this.side = (t & 1) === 0 ? CLIENTS : SERVERS
    const isUdp = table.protocol(conn) === KEY.UDP
    const [seq, ack] = isUdp ? [0, 0] : numbersOf(stand, t, chance)
    if (isOf6(stand, t) && chance.once(6)) {
      error6(this, chance, stand, t, [seq, ack])
      this.mend()
    } else if (isOf6(stand, t) && isUdp) this.#datagram6(stand, t, portsOf(stand, t))
    else if (isOf6(stand, t))
      this.#segment6(stand, t, portsOf(stand, t), chance.pick(FLAGS), [seq, ack])
    else if (chance.once(12)) {
      icmpError(this, chance, { src, dst, ports, protocol: isUdp ? 17 : 6 }, seq, ack)
      this.mend()
    } else if (isUdp) this.#datagram(src, dst, ports)
    else this.#segment(src, dst, ports, chance.pick(FLAGS), seq, ack)
  }

  ip(src: number, dst: number, protocol: number, bytes: number): void {
    const { pkt } = this
    const chance = this.#chance
    pkt.setUint32(HEAD, 0x4500_0000 + 20 + bytes)
    pkt.setUint16(HEAD + 4, 1 + chance.below(5))
    pkt.setUint16(HEAD + 6, chance.below(4) === 0 ? 0 : 0x4000)
    pkt.setUint16(HEAD + 8, (chance.once(20) ? chance.below(3) : 64) * 256 + protocol)
    pkt.setInt32(HEAD + 12, src)
    pkt.setInt32(HEAD + 16, dst)
    this.length = HEAD + 20 + bytes
    this.head(0x0800)
  }

  #payload(): number {
    const chance = this.#chance
    const kind = chance.below(40)
    if (kind < 20) return 0
    return kind < 34 ? chance.below(60) : kind < 39 ? chance.below(1500) : chance.edge()
  }

  /** Of tuple t, or with t below 0 of a client that begins. */
  #segment6(
    stand: Stand,
    t: number,
    ports: number,
    flags: number,
    numbers: [number, number],
  ): void {
    const chance = this.#chance
    const options = chance.once(4) ? anyOptions(chance) : chance.pick(OPTIONS)
    const payload = Math.min(this.#payload(), 65_400 - options.length)
    head6(this, chance, stand, t, 20 + options.length + payload)
    tcpHeader(this, HEAD + 40, ports, flags, numbers, options)
    const isLarge = payload > 1300
    if (chance.once(isLarge ? 2 : 10)) this.#offload(16, isLarge ? 4 : 0, 74 + options.length, 54)
    this.mend()
  }

  #segment(src: number, dst: number, ports: number, flags: number, seq: number, ack: number): void {
    const chance = this.#chance
    const options = chance.once(4) ? anyOptions(chance) : chance.pick(OPTIONS)
    const payload = Math.min(this.#payload(), 65_400 - options.length)
    this.ip(src, dst, 6, 20 + options.length + payload)
    tcpHeader(this, HEAD + 20, ports, flags, [seq, ack], options)
    const isLarge = payload > 1300
    if (chance.once(isLarge ? 2 : 10)) this.#offload(16, isLarge ? 1 : 0, 54 + options.length)
    this.mend()
  }

  #datagram(src: number, dst: number, ports: number): void {
    const bytes = 8 + Math.min(this.#payload(), 65_400)
    this.ip(src, dst, 17, bytes)
    const at = HEAD + 20
    this.pkt.setInt32(at, ports)
    this.pkt.setUint16(at + 4, bytes)
    this.pkt.setUint16(at + 6, 0)
    const isLarge = bytes > 1300
    if (this.#chance.once(isLarge ? 3 : 10)) this.#offload(6, isLarge ? 5 : 0, 42)
    if (this.#chance.once(6)) mendIp(this.pkt, HEAD)
    else this.mend()
  }

  /** Of tuple t, or with t below 0 of a client that begins. */
  #datagram6(stand: Stand, t: number, ports: number): void {
    const bytes = 8 + Math.min(this.#payload(), 65_400)
    head6(this, this.#chance, stand, t, bytes, 17)
    const at = HEAD + 40
    this.pkt.setInt32(at, ports)
    this.pkt.setUint32(at + 4, bytes << 16)
    const isLarge = bytes > 1300
    if (this.#chance.once(isLarge ? 3 : 10)) this.#offload(6, isLarge ? 5 : 0, 62, 54)
    this.mend()
  }

  /** What a kernel with offloads hands over. */
  #offload(field: number, gso: number, headers: number, start = 34): void {
    this.bytes[0] = 1
    this.bytes[1] = gso
    this.pkt.setUint16(2, gso === 0 ? 0 : headers, true)
    this.pkt.setUint16(4, gso === 0 ? 0 : 536 + this.#chance.below(1000), true)
    this.pkt.setUint16(6, start, true)
    this.pkt.setUint16(8, field, true)
  }

  /** The packet at hand comes in fragments: this one now, the others soon, and not always in order or once. */
  #inPieces(): void {
    const list = anyPieces(this, this.#chance, this.side)
    const first = list.shift()
    if (first === undefined) return
    this.#take(first)
    if (this.#queue.length < QUEUE_MAX) this.#queue.push(...list)
  }
}

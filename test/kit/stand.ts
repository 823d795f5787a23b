/**
 * A bare engine on a test stand: no kernel, no clock of its own. Frames go in by arm name, what comes out is decoded and
 * judged (decode() recomputes every checksum), and log lines are put into words as the daemon does it.
 */

import assert from 'node:assert/strict'
import type { Change } from '../../src/config/changes.ts'
import { type Config, parseConfig } from '../../src/config/config.ts'
import { Model } from '../../src/control/model/model.ts'
import { Readings } from '../../src/control/readings/readings.ts'
import {
  applyChange,
  applyRunning,
  type Built,
  buildBare,
  restoreBuilt,
  type Surroundings,
} from '../../src/control/threads/apply.ts'
import { type Flight, newTables } from '../../src/control/threads/memory.ts'
import type { Arm } from '../../src/engine/arm.ts'
import { DONE, Drop, Event, HAND_OVER, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { FlightReader, FlightRing, Want, wantFlight } from '../../src/engine/flight.ts'
import { FlightKind } from '../../src/engine/flight-records.ts'
import { type EngineImage, saveEngine } from '../../src/engine/image.ts'
import { type IsnSource, KeyedIsn } from '../../src/engine/isn.ts'
import { TraceRing } from '../../src/engine/trace.ts'
import { RECORD_CELLS } from '../../src/engine/trace-kinds.ts'
import type { Exchange } from '../../src/io/exchange.ts'
import { Watch } from '../../src/io/watch.ts'
import type { Moment } from '../../src/see/moments/moment.ts'
import { Moments } from '../../src/see/moments/moments.ts'
import { wordsOf } from '../../src/see/words/trace-words.ts'
import { endpointText, ipv4Int } from '../../src/wire/address.ts'
import { type DatagramLine, datagram, offloadUdp, parseDatagram } from './datagram.ts'
import { type Decoded, type DecodedTcp, decode } from './decode.ts'
import { arpFrame, concat, ethernet, type TcpFields, tcpFrame, vnetHeader } from './frame.ts'
import { isIcmpLine, parseIcmp } from './icmp-notation.ts'
import { answer } from './nd.ts'
import { parseTcp, typeOf } from './notation.ts'
import { printed } from './printed.ts'
import { uncounted } from './uncounted.ts'

export const CLIENT_MAC = '52:54:00:00:00:02'
export const RS_MAC = '52:54:00:00:01:02'

/** The seed's appliance: arms named as in its listings, one worker with all lports. */
export const SEED_CONFIG = `
arms:
  - name: dpdk0
    addresses: [202.108.10.1/32]
    routes: [{ to: 202.108.10.0/24 }]
  - name: dpdk1
    addresses: [192.168.168.3/32]
    local_addresses: [192.168.168.7]
    routes: [{ to: 192.168.168.0/24 }]
services:
  - address: 202.108.10.1
    port: 6379
    protocol: tcp
    scheduler: wrr
    real_servers: [{ address: 192.168.168.2, weight: 100 }]
`

/** Where the clock of a stand and its sequence numbers begin. */
export const STAND_START = 1_000_000
export const STAND_ISN: IsnSource = new KeyedIsn(Int32Array.of(1, 2, 3, 4))

export interface Out {
  arm: string
  /** virtio-net header and frame. */
  bytes: Uint8Array
  decoded: Decoded
}

export class Stand {
  readonly config: Config
  readonly engine: Engine
  readonly model: Model
  /** Of the engine's drop book. */
  readonly dropMemory: SharedArrayBuffer
  readonly #built: Built
  /** Where frames of other workers go. */
  exchange: Exchange | null = null
  /** ms; starts away from 0 so that nothing depends on it. */
  now: number
  /** Verdict of the last input. */
  verdict = 0
  readonly #trace: TraceRing
  /** Memory of the flight recorder, once it is on. */
  flight: Flight | undefined
  watch: Watch | undefined
  #moments: Moments | undefined

  constructor(
    yaml = SEED_CONFIG,
    isn: IsnSource = STAND_ISN,
    { bare, ...around }: Partial<Surroundings> & { bare?: (engine: Engine) => void } = {},
    image?: EngineImage,
  ) {
    this.config = parseConfig(yaml, 'stand.yaml')
    this.#trace = new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(4096)), 4096)
    this.#trace.log(true)
    const { now = STAND_START } = around
    this.now = now
    const { tables = newTables(this.config) } = around
    this.dropMemory = tables.drops
    this.model = new Model(this.config, new Readings(this.config, [tables]))
    this.#built = buildBare(this.config, {
      trace: this.#trace,
      isn,
      seed: 7,
      now,
      tables,
      ...uncounted(this.config),
      ...around,
    })
    this.engine = this.#built.engine
    bare?.(this.engine)
    if (image) restoreBuilt(this.#built, image)
    else for (const change of this.model.initial) applyChange(this.#built, change, now)
    this.drain()
  }

  image(): EngineImage {
    return saveEngine(this.engine, this.now | 0)
  }

  /** Turns the flight recorder on; its clock is the stand's. `flight` is that of a Watching, which says what it wants. */
  record(worker = 1, workers = 1, flight?: Flight, wanted: number = Want.MOMENTS): this {
    const cells = flight?.cells ?? 1 << 20
    const memory = flight?.memory ?? new SharedArrayBuffer(FlightRing.bytesFor(cells))
    const ring = new FlightRing(memory, cells)
    if (!flight) wantFlight(memory, wanted, 65_535)
    this.flight = { memory, cells }
    const names = { worker, arms: this.config.arms.map(arm => arm.name) }
    this.watch = new Watch(ring, this.engine, worker - 1, workers, () => this.now * 1000)
    this.watch.settle(this.now)
    this.#moments = new Moments(new FlightReader(memory, cells, true), names)
    return this
  }

  /** What the recorder saw since the last call. */
  moments(): Moment[] {
    assert.ok(this.watch && this.#moments, 'nothing is recorded')
    this.watch.settle(this.now)
    return this.#moments.take(Number.POSITIVE_INFINITY)
  }

  /** Changes what is set up, as a worker does. */
  change(changes: readonly Change[]): void {
    this.carryOut(changes)
    this.drain()
  }

  /** The same, and what it sends stays in the outboxes. */
  carryOut(changes: readonly Change[]): void {
    for (const change of changes) {
      this.watch?.noteJson(FlightKind.CHANGE, this.now | 0, change)
      applyRunning(this.#built, change, this.now | 0)
    }
  }

  /** The RSs that take the service's next connections: those of a whole cycle of weights. */
  answersFrom(vip: string, vport: number): string[] {
    const service = this.engine.setup.services.find(6, ipv4Int(vip), vport)
    assert.ok(service)
    return Array.from({ length: 20 }, () => {
      const dest = service.pick(service, 0, { client: 0, port: 0, id: 0 })
      return dest ? endpointText(dest.rip, dest.rport) : 'none'
    })
  }

  /** Lets every RS answer the ARP request that was sent ahead for it; the log starts afresh behind that. */
  resolveRss(rsMac = RS_MAC): this {
    for (const service of this.config.services) {
      for (const { address } of service.realServers) this.arpReply(address, rsMac)
    }
    this.drain()
    this.log()
    return this
  }

  /** What answers a question for its MAC; of IPv6 an advertisement to our first address there. */
  arpReply(address: string, macText: string): Out[] {
    const arm = this.armFacing(address)
    const of = this.config.arms[this.armIndex(arm)]
    if (address.includes(':')) return this.input(arm, answer(of, address, macText))
    const our = { mac: of.mac, ip: of.addresses[0].address }
    return this.input(arm, arpFrame(2, { mac: macText, ip: address }, our, our.mac))
  }

  /** Puts a frame in (without virtio-net header: one is put before it). => Everything that is to be sent, checked. */
  input(arm: string, frame: Uint8Array, vnet = vnetHeader()): Out[] {
    return this.inputRaw(arm, concat(vnet, frame))
  }

  /** The same with the virtio-net header in front. */
  inputRaw(arm: string, bytes: Uint8Array): Out[] {
    this.judge(arm, bytes)
    return this.drain()
  }

  /** Puts `bytes` in and carries out the verdict as the loop does, but leaves what is to be sent in the outboxes. */
  judge(arm: string, bytes: Uint8Array): void {
    const { frames, arms } = this.engine
    const slot = frames.take()
    assert.ok(slot >= 0, 'arena is empty')
    new Uint8Array(frames.pkt.buffer, frames.start[slot], bytes.length).set(bytes)
    frames.length[slot] = bytes.length
    this.engine.counters.rx(this.armIndex(arm), bytes.length)
    this.judgeSlot(arms[this.armIndex(arm)], slot)
  }

  /** The same with a frame that is in a slot. */
  judgeSlot(arm: Arm, slot: number): void {
    const { frames, arms, counters } = this.engine
    this.engine.turn(this.now | 0)
    const verdict = (this.watch ?? this.engine).input(arm, slot, this.now | 0)
    this.verdict = verdict
    if (verdict >= 0) arms[verdict].send(slot)
    else if (verdict <= HAND_OVER) {
      assert.ok(this.exchange, 'a stand without other workers')
      this.exchange.handOver(this.engine, HAND_OVER - verdict, arm.index, slot)
    } else if (verdict !== PARKED) {
      if (verdict !== DONE) counters.rxDrop(arm.index, -verdict, slot)
      frames.release(slot)
    }
  }

  /** A TCP segment or an ICMP error in tcpdump's notation, with the MACs that belong to the arm. */
  segment(arm: string, line: string | TcpFields): Out[] {
    const from = this.armIndex(arm) === 0 ? CLIENT_MAC : RS_MAC
    if (typeof line === 'string' && isIcmpLine(line))
      return this.input(arm, ethernet(this.macOf(arm), from, typeOf(line), parseIcmp(line)))
    if (typeof line === 'string' && parseDatagram(line)) return this.datagram(arm, line)
    const fields = typeof line === 'string' ? parseTcp(line) : line
    const srcMac = fields.srcMac ?? from
    return this.input(
      arm,
      tcpFrame({ ...fields, srcMac, dstMac: fields.dstMac ?? this.macOf(arm) }),
    )
  }

  /** A datagram, in its own words. */
  datagram(arm: string, line: string | DatagramLine): Out[] {
    const fields = typeof line === 'string' ? parseDatagram(line) : line
    assert.ok(fields, 'no datagram')
    const srcMac = fields.srcMac ?? (this.armIndex(arm) === 0 ? CLIENT_MAC : RS_MAC)
    const dstMac = fields.dstMac ?? this.macOf(arm)
    const frame = ethernet(dstMac, srcMac, typeOf(fields.src), datagram(fields))
    if (fields.gso === undefined) return this.input(arm, frame)
    return this.inputRaw(arm, offloadUdp(frame, fields.gso))
  }

  /** segment() whose one forwarded segment comes back decoded. */
  forward(arm: string, line: string | TcpFields): DecodedTcp {
    const out = this.segment(arm, line)
    assert.equal(out.length, 1, `sent ${out.length} frames, verdict ${this.verdictName()}`)
    assert.equal(out[0].decoded.kind, 'tcp')
    return out[0].decoded as DecodedTcp
  }

  /** Lets `ms` pass in steps of 10, as a loop would. => What the timers sent. */
  pass(ms: number, step = 10): Out[] {
    const out: Out[] = []
    for (const end = this.now + ms; this.now < end; ) {
      this.now = Math.min(end, this.now + step)
      this.watch?.begin(this.now)
      this.watch?.note(FlightKind.TICK, this.now | 0)
      this.engine.tick(this.now | 0)
      out.push(...this.drain())
    }
    return out
  }

  /** Empties the outboxes; every frame must decode. */
  drain(): Out[] {
    return this.collect().map(out => ({ ...out, decoded: decode(out.bytes) }))
  }

  /** Empties the outboxes without judging the frames: for those that are corrupt on purpose. */
  collect(): { arm: string; bytes: Uint8Array }[] {
    const { frames, arms } = this.engine
    const out: { arm: string; bytes: Uint8Array }[] = []
    for (const arm of arms) {
      for (let i = 0; i < arm.outboxCount; i++) {
        const slot = arm.outbox[i]
        const bytes = new Uint8Array(frames.pkt.buffer, frames.start[slot], frames.length[slot])
        out.push({ arm: this.config.arms[arm.index].name, bytes: bytes.slice() })
        this.watch?.output(arm.index, slot, 0)
        this.engine.counters.tx(arm.index, frames.length[slot])
        frames.release(slot)
      }
      arm.outboxCount = 0
    }
    return out
  }

  /** Log lines since the last call, debug lines included, of a worker of this number. */
  log(worker = 1): string[] {
    const record = new Int32Array(RECORD_CELLS)
    const lines: string[] = []
    const names = { worker, arms: this.config.arms.map(arm => arm.name) }
    while (this.#trace.read(record)) lines.push(wordsOf(record, names).text)
    return lines
  }

  verdictName(): string {
    if (this.verdict >= 0) return `arm ${this.verdict}`
    if (this.verdict === PARKED) return 'PARKED'
    if (this.verdict === DONE) return 'DONE'
    return (
      Object.entries(Drop).find(([, n]) => n === -this.verdict)?.[0] ?? `verdict ${this.verdict}`
    )
  }

  drops(reason: keyof typeof Drop): number {
    return this.engine.counters.events[Drop[reason]]
  }

  events(name: keyof typeof Event): number {
    return this.engine.counters.events[Event[name]]
  }

  armIndex(arm: string): number {
    const index = this.config.arms.findIndex(({ name }) => name === arm)
    assert.ok(index >= 0, `no arm ${arm}`)
    return index
  }

  macOf(arm: string): string {
    return this.config.arms[this.armIndex(arm)].mac
  }

  armFacing(address: string): string {
    const [clients, servers = clients] = this.config.arms
    return /^(192\.168\.|2001:db8:168:)/.test(address) ? servers.name : clients.name
  }
}

/** What was sent, one line each, `arm | segment`. */
export function lines(out: readonly Out[]): string[] {
  return out.map(({ arm, decoded }) => `${arm} | ${printed(decoded)}`)
}

/** An ISN source with a given answer. */
export function fixedIsn(isn: number): IsnSource {
  return { choose: () => isn | 0 }
}

/**
 * An engine as the daemon builds it, with as many services, RSs, LIPs and connections as wanted and no kernel below:
 * frames are written into slots as a read would leave them, and judged as the loop does it.
 */

import { performance } from 'node:perf_hooks'
import type { Protocol } from '../../src/api/protocols.ts'
import type { ConfigArm } from '../../src/config/arms.ts'
import { NO_CHECK } from '../../src/config/check-keys.ts'
import type { ConfigValues } from '../../src/config/config.ts'
import { buildEngine } from '../../src/control/threads/build.ts'
import type { Arm } from '../../src/engine/arm.ts'
import { NO_HASHING } from '../../src/engine/asker.ts'
import { ConnTable } from '../../src/engine/conn.ts'
import { DONE, PARKED } from '../../src/engine/counters.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { FlightRing, Want, wantFlight } from '../../src/engine/flight.ts'
import { BURST } from '../../src/engine/frames.ts'
import { KeyedIsn } from '../../src/engine/isn.ts'
import { DEFAULT_TIMEOUTS } from '../../src/engine/tcp-state.ts'
import { TraceRing } from '../../src/engine/trace.ts'
import { UDP_TIMEOUTS } from '../../src/engine/udp-state.ts'
import { Watch } from '../../src/io/watch.ts'
import { ipv4Int, ipv4Text, macInts } from '../../src/wire/address.ts'
import { writeArpRequest } from '../../src/wire/arp.ts'
import { clearVnetHdr, VNET } from '../../src/wire/vnet-hdr.ts'
import type { Mac } from './segments.ts'

export interface RigOptions {
  /** Room in the connection table. */
  conns: number
  /** Of the services; TCP. */
  protocol?: Protocol
  /** `realServers` of them each. */
  services?: number
  realServers?: number
  /** Only the last RS of each service takes connections. */
  lastOnly?: boolean
  lips?: number
  /** Seconds; ESTABLISHED of every service, of UDP all states. */
  establishedSec?: number
  lports?: { mask: number; residue: number }
  /** Half-open connections make room when lports or the table are short. */
  makeRoom?: boolean
  /** The flight recorder is on, with the memory that it has by default. */
  record?: boolean
}

/** Cells of 8 MiB. */
const FLIGHT_CELLS = 1 << 21
/** `capture.snaplen` and the virtio-net header. */
const FLIGHT_SNAP = 160 + VNET.BYTES

export const CLIENT_MAC: Mac = macInts('02:00:0a:00:00:01')
export const RS_MAC: Mac = macInts('02:00:ac:10:00:01')
/** Addresses that RSs share when there are more of them: one neighbour entry each, and those are 4096. */
const RS_ADDRESSES = 2048
const VIP = ipv4Int('203.0.113.0')
const LIP = ipv4Int('172.16.240.1')
const RIP = ipv4Int('172.16.0.1')
const VIPS = 16

export class Rig {
  readonly engine: Engine
  readonly ext: Arm
  readonly int: Arm
  readonly services: number
  /** Slots of the burst at hand, taken and not yet judged. */
  readonly slots = new Int32Array(BURST)
  /** The engine's clock, ms. */
  now = 1_000_000
  readonly #watch: Watch | undefined

  constructor(options: RigOptions) {
    this.services = options.services ?? 1
    const realServers = options.realServers ?? 16
    this.engine = buildEngine(config(options, this.services, realServers), {
      trace: new TraceRing(new SharedArrayBuffer(TraceRing.bytesFor(4096)), 4096),
      isn: new KeyedIsn(Int32Array.of(1, 2, 3, 4)),
      seed: 7,
      now: this.now,
      ...(options.lports && { lports: options.lports }),
    })
    this.ext = this.engine.arms[0]
    this.int = this.engine.arms[1]
    this.clearOutboxes()
    if (options.record) this.#watch = recorder(this.engine)
    this.#answerArp(Math.min(this.services * realServers, RS_ADDRESSES))
  }

  vip(service: number): number {
    return VIP + (service % VIPS)
  }

  vport(service: number): number {
    return 1000 + Math.floor(service / VIPS)
  }

  /** Takes the slots of a burst, as the loop has them ready before it reads. */
  take(): Int32Array {
    for (let i = 0; i < BURST; i++) this.slots[i] = this.engine.frames.take()
    return this.slots
  }

  /** Judges the burst. => ms that took */
  judge(arm: Arm): number {
    const from = performance.now()
    if (this.#watch) judgeOnRecord(this.#watch, this.engine, arm, this.slots, this.now)
    else judgeBurst(this.engine, arm, this.slots, this.now)
    return performance.now() - from
  }

  /** One call of the engine's tick. => ms that took */
  tick(): number {
    const from = performance.now()
    this.engine.tick(this.now)
    return performance.now() - from
  }

  /** What writing the frames out would do to their slots. */
  clearOutboxes(): void {
    for (const arm of this.engine.arms) {
      for (let i = 0; i < arm.outboxCount; i++) this.engine.frames.release(arm.outbox[i])
      arm.outboxCount = 0
    }
  }

  /** The RSs answer what the engine has asked when they were added. */
  #answerArp(addresses: number): void {
    const { frames } = this.engine
    for (let i = 0; i < addresses; i++) {
      const slot = frames.take()
      const start = frames.start[slot]
      clearVnetHdr(frames.pkt, start)
      const eth = start + VNET.BYTES
      const { macHi, macLo } = this.int
      writeArpRequest(frames.pkt, eth, RS_MAC[0], RS_MAC[1], RIP + i, LIP)
      frames.pkt.setUint16(eth, macHi)
      frames.pkt.setInt32(eth + 2, macLo)
      frames.pkt.setUint16(eth + 14 + 6, 2)
      frames.length[slot] = VNET.BYTES + 42
      judge(this.engine, this.int, slot, this.now)
      this.clearOutboxes()
    }
  }
}

function judgeBurst(engine: Engine, arm: Arm, slots: Int32Array, now: number): void {
  engine.expect(slots, BURST)
  for (let i = 0; i < BURST; i++) judge(engine, arm, slots[i], now)
}

function recorder(engine: Engine): Watch {
  const memory = new SharedArrayBuffer(FlightRing.bytesFor(FLIGHT_CELLS))
  wantFlight(memory, Want.MOMENTS, FLIGHT_SNAP)
  return new Watch(new FlightRing(memory, FLIGHT_CELLS), engine)
}

/** A turn of the loop with the recorder on: the same burst, and each frame once more as it leaves. */
function judgeOnRecord(
  watch: Watch,
  engine: Engine,
  arm: Arm,
  slots: Int32Array,
  now: number,
): void {
  const { frames, counters, arms } = engine
  watch.settle(now)
  watch.begin(now)
  engine.expect(slots, BURST)
  for (let i = 0; i < BURST; i++) {
    const slot = slots[i]
    counters.rx(arm.index, frames.length[slot])
    const verdict = watch.input(arm, slot, now)
    if (verdict < 0) throw new Error(`a frame on record was refused: ${verdict}`)
    arms[verdict].send(slot)
    watch.output(verdict, slot, 0)
  }
}

/** What the loop does with every frame it has read. */
function judge(engine: Engine, arm: Arm, slot: number, now: number): void {
  const { frames, counters, arms } = engine
  counters.rx(arm.index, frames.length[slot])
  const verdict = engine.input(arm, slot, now)
  if (verdict >= 0) {
    arms[verdict].send(slot)
    return
  }
  if (verdict === PARKED) return
  if (verdict !== DONE) counters.rxDrop(arm.index, -verdict, slot)
  frames.release(slot)
}

const UNGUARDED = {
  acl: { deny: [], allow: null, established: 'drop' },
  connectionRate: null,
  clientRate: null,
} as const satisfies Partial<ConfigValues['services'][number]>

function config(options: RigOptions, services: number, realServers: number): ConfigValues {
  const lips = Array.from({ length: options.lips ?? 3 }, (_, i) => ipv4Text(LIP + i))
  return {
    arms: [
      arm('ext0', '02:00:00:00:00:01', '10.0.0.0', 8, Math.min(services, VIPS), []),
      arm('int0', '02:00:00:00:00:02', '172.16.0.0', 16, 0, lips),
    ],
    lists: {},
    services: Array.from({ length: services }, (_, service) => ({
      protocol: options.protocol ?? 'tcp',
      address: ipv4Text(VIP + (service % VIPS)),
      port: 1000 + Math.floor(service / VIPS),
      scheduler: 'wrr',
      hashing: NO_HASHING,
      module: null,
      localAddresses: lips,
      connTimeout: options.establishedSec ?? 1_000_000,
      check: NO_CHECK,
      passive: null,
      whenDown: 'drop',
      onePacket: false,
      ...UNGUARDED,
      proxyProtocol: 'off',
      persistence: { timeout: 0, prefix: 32 },
      realServers: Array.from({ length: realServers }, (_, i) => {
        const rs = service * realServers + i
        return {
          address: ipv4Text(RIP + (rs % RS_ADDRESSES)),
          port: 6379 + Math.floor(rs / RS_ADDRESSES),
          weight: options.lastOnly && i < realServers - 1 ? 0 : 1,
          upperThreshold: 0,
          lowerThreshold: 0,
          backup: false,
          forwarding: 'fullnat' as const,
        }
      }),
    })),
    workers: { count: 1, steering: 'bpf' },
    connections: {
      tableSize: ConnTable.capacityFor(options.conns),
      makeRoom: options.makeRoom ?? false,
      clientShare: 1,
    },
    capture: { ring: false, bytes: 1 << 20, snaplen: 160, dump: null },
    tcp: {
      toa: 'seed',
      bareAck: 'drop',
      reuse: 'new',
      strict: true,
      windowMost: 2 ** 25,
      xmitTtl: false,
      timeouts: [...DEFAULT_TIMEOUTS],
    },
    udp: { uoa: 'off', uoaMaxTrail: 3, timeouts: [...UDP_TIMEOUTS] },
    neighbours: { timeout: 60, unresQueueLength: 128 },
    fragments: { datagrams: 64, timeout: 2 },
    history: { connections: 0, file: null, keep: 30, size: 2 ** 30 },
    log: {
      level: 'info',
      timestamps: false,
      format: 'text',
      modules: {},
      rate: { debug: 1000, kind: 50 },
      file: null,
      sessions: null,
    },
    control: { socket: '', drain: 0, http: null, ui: null },
  }
}

function arm(
  name: string,
  mac: string,
  network: string,
  prefixLength: number,
  vips: number,
  localAddresses: string[],
): ConfigArm {
  return {
    name,
    kind: 'tap',
    netns: null,
    mac,
    mtu: 1500,
    mtuLimit: 1500,
    vlan: null,
    addresses: Array.from({ length: vips }, (_, i) => ({
      address: ipv4Text(VIP + i),
      prefixLength: 32,
    })),
    localAddresses,
    routes: [{ to: network, prefixLength, via: null }],
    neighbours: [],
    impair: { loss: 0, duplicate: 0, reorder: 0, corrupt: 0, seed: 0 },
  }
}

/** Config -> engine: memory, arms, LIPs, services. The only place where the two meet. */

import { Arm } from '../engine/arm.ts'
import { ConnTable } from '../engine/conn.ts'
import { Conns } from '../engine/conns.ts'
import { Counters } from '../engine/counters.ts'
import { Engine } from '../engine/engine.ts'
import { arenaSlots, Frames } from '../engine/frames.ts'
import type { IsnSource } from '../engine/isn.ts'
import type { Peers } from '../engine/peers.ts'
import { type Partition, SaPool } from '../engine/sa-pool.ts'
import { Dests } from '../engine/service.ts'
import { type SessionRing, Sessions } from '../engine/sessions.ts'
import { Steering } from '../engine/steering.ts'
import { ToaMode } from '../engine/toa.ts'
import type { TraceRing } from '../engine/trace.ts'
import { ipv4Int, macInts } from '../wire/address.ts'
import type { Config, ConfigArm } from './config.ts'
import { REAL_SERVERS_MAX } from './config-checks.ts'

/** What the engine is given from outside, so that a test can give something else. */
export interface Surroundings {
  /** Which of the workers it is, by index; 0 if left out. */
  worker?: number
  /** The frames of all workers, arenaBytes(config); left out for one worker, which makes its own. */
  arena?: SharedArrayBuffer
  /** Left out for one worker. */
  peers?: Peers
  /** Other lports than the worker's own, for tests. */
  lports?: Partition
  trace: TraceRing
  /** Where a record of each connection goes that has ended; left out for nowhere. */
  sessions?: SessionRing
  isn: IsnSource
  /** Not 0. */
  seed: number
  /** ms, the engine's clock. */
  now: number
}

/** Neighbour entries over all arms; an entry is a next hop, and those are few. */
const NEIGH_CAPACITY = 4096
const TOA_MODES = { off: ToaMode.OFF, seed: ToaMode.SEED, master: ToaMode.MASTER } as const

/** What listings and logs call the worker of this index: DPVS's number 0 is its master, here the control thread. */
export function workerId(index: number): number {
  return index + 1
}

/** Bytes of the arena that all workers share. */
export function arenaBytes({ arms, workers }: Config): number {
  return Frames.bytesFor(arenaSlots(arms.length) * workers.count)
}

/** Builds the engine of one worker that `config` describes. Throws RangeError for what the checks of the config let through. */
export function buildEngine(config: Config, around: Surroundings): Engine {
  const { worker = 0, arena = new ArrayBuffer(arenaBytes(config)) } = around
  const workers = config.workers.count
  const frames = new Frames(arena, arenaSlots(config.arms.length), workers, worker)
  const arms = config.arms.map((arm, index) => buildArm(arm, index, frames.allSlots))
  const connCapacity = ConnTable.capacityFor(Math.ceil(config.connections.tableSize / workers))
  const engine = new Engine({
    frames,
    arms,
    counters: new Counters(new SharedArrayBuffer(Counters.bytesFor(arms.length)), arms.length),
    trace: around.trace,
    isn: around.isn,
    connMemory: new ArrayBuffer(Conns.bytesFor(connCapacity)),
    connCapacity,
    destMemory: new SharedArrayBuffer(Dests.bytesFor(REAL_SERVERS_MAX)),
    destCapacity: REAL_SERVERS_MAX,
    timeoutMs: Int32Array.from(config.tcp.timeouts, seconds => seconds * 1000),
    neigh: {
      capacity: NEIGH_CAPACITY,
      timeoutSec: config.neighbours.timeout,
      queueLimit: config.neighbours.unresQueueLength,
    },
    toaMode: TOA_MODES[config.tcp.toa],
    rstOnBareAck: config.tcp.bareAck === 'rst',
    decrementTtl: config.tcp.xmitTtl,
    sessions: around.sessions
      ? { memory: new ArrayBuffer(Sessions.bytesFor(connCapacity)), ring: around.sessions }
      : null,
    peers: around.peers ?? null,
    seed: around.seed,
    now: around.now,
  })
  const lports = around.lports ?? new Steering(workers).lportPartition(worker)
  addLips(engine, config, lports)
  addServices(engine, config, around.now)
  return engine
}

function buildArm(config: ConfigArm, index: number, slots: number): Arm {
  const [macHi, macLo] = macInts(config.mac)
  const arm = new Arm(index, macHi, macLo, config.mtu, slots)
  for (const { address, prefixLength } of config.addresses) {
    arm.addAddress(ipv4Int(address), prefixLength)
  }
  for (const lip of config.localAddresses) arm.addAddress(ipv4Int(lip), 32)
  for (const { to, prefixLength, via } of config.routes) {
    arm.addRoute({
      network: ipv4Int(to),
      prefixLength,
      gateway: via === null ? 0 : ipv4Int(via),
    })
  }
  return arm
}

function addLips(engine: Engine, config: Config, lports: Partition): void {
  for (const lip of config.arms.flatMap(arm => arm.localAddresses)) {
    const memory = new ArrayBuffer(SaPool.bytesFor(lports))
    engine.addLip(new SaPool(memory, ipv4Int(lip), lports))
  }
}

function addServices(engine: Engine, config: Config, now: number): void {
  const lips = config.arms.flatMap(arm => arm.localAddresses)
  for (const service of config.services) {
    const added = engine.addService(
      ipv4Int(service.address),
      service.port,
      service.scheduler,
      service.localAddresses.map(lip => lips.indexOf(lip)),
    )
    for (const rs of service.realServers) {
      const rip = ipv4Int(rs.address)
      engine.addRs(added, rip, rs.port, rs.weight, service.connTimeout * 1000, now)
    }
  }
}

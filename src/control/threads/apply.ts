/** Config -> engine: its memory and arms at the start, and each change later. The only place where the two meet. */

import { isMatch, type ServiceKey } from '../../api/edits.ts'
import type { Change, RsChange } from '../../config/changes.ts'
import { AddressBook } from '../../engine/address-book.ts'
import type { Arm } from '../../engine/arm.ts'
import { Counters } from '../../engine/counters.ts'
import { Engine } from '../../engine/engine.ts'
import { arenaSlots, Frames } from '../../engine/frames.ts'
import { type EngineImage, restoreEngine } from '../../engine/image.ts'
import type { IsnSource } from '../../engine/isn.ts'
import { Neighs } from '../../engine/neigh.ts'
import { connBytes } from '../../engine/parts.ts'
import type { Peers } from '../../engine/peers.ts'
import { LIP_CELLS, type Partition, SaPool } from '../../engine/sa-pool.ts'
import type { Service } from '../../engine/service.ts'
import { type SessionRing, Sessions } from '../../engine/sessions.ts'
import type { Setup } from '../../engine/setup.ts'
import { Steering } from '../../engine/steering.ts'
import { Templates } from '../../engine/templates.ts'
import type { TraceRing } from '../../engine/trace.ts'
import { ToaMode } from '../../engine/xmit/toa.ts'
import { UoaMode } from '../../engine/xmit/uoa.ts'
import { putNeighbour, putOfArm } from './apply-arm.ts'
import { methodOf, numberOf, putAcl, putList, putService } from './apply-services.ts'
import { newArms } from './config-arms.ts'
import { ListParts } from './list-tables.ts'
import {
  arenaBytes,
  type BareConfig,
  BOOK_CAPACITY,
  connCapacityOf,
  DEST_PLACES,
  NEIGH_CAPACITY,
  newTables,
  newTemplates,
  type Tables,
  TEMPLATES,
} from './memory.ts'
import { ownScheduler } from './own-scheduler.ts'
import { type Word, wordOf } from './word-of.ts'

/** What the engine is given from outside, so that a test can give something else. */
export interface Surroundings {
  /** Which of the workers it is, by index; 0 if left out. */
  worker?: number
  /** The frames of all workers, arenaBytes(config); left out for one worker, which makes its own. */
  arena?: SharedArrayBuffer
  /** Left out for one worker. */
  peers?: Peers
  /** Makes the arm of the health checks, behind those of the config, from its index and outbox slots; left out for none. */
  checkArm?: (index: number, outboxSlots: number) => Arm
  /** Other lports than the worker's own, for tests. */
  lports?: Partition
  /** Memory of the worker that control reads; left out, the engine makes its own. */
  tables?: Tables
  trace: TraceRing
  /** Persistent clients of all workers; left out for one, which makes its own. */
  templateMemory?: ArrayBufferLike
  /** Memory of the connections, with what another engine has left in it (engine/adopt.ts); left out, it makes its own. */
  connMemory?: ArrayBufferLike
  /** The same of the neighbours, and of what is told of connections that end. */
  neighMemory?: ArrayBufferLike
  sessionMemory?: ArrayBufferLike
  /** The same of addresses of IPv6. */
  bookMemory?: ArrayBufferLike
  /** Where a record of each connection goes that has ended; left out for nowhere. */
  sessions?: SessionRing
  isn: IsnSource
  /** Not 0. */
  seed: number
  /** ms, the engine's clock. */
  now: number
}

const TOA_MODES = { off: ToaMode.OFF, seed: ToaMode.SEED, master: ToaMode.MASTER } as const
const UOA_MODES = { off: UoaMode.OFF, opp: UoaMode.OPP, ipo: UoaMode.IPO } as const

/** Who a worker is among the others. */
export interface Share {
  index: number
  lports: Partition
  /** What it counts of LIPs, LIP_CELLS a place. */
  lipCounts: Int32Array
  /** How many they are, each of which has its part of a rate. */
  workers: number
  lists: ListParts
}

/** An engine, and what it takes to change it. */
export interface Built {
  engine: Engine
  share: Share
}

/** The engine of one worker before anything is set up in it. */
export function buildBare(config: BareConfig, around: Surroundings): Built {
  const { worker = 0, arena = new ArrayBuffer(arenaBytes(config)) } = around
  const tables = around.tables ?? newTables(config)
  const workers = config.workers.count
  const frames = new Frames(arena, arenaSlots(config.arms.length), workers, worker)
  const arms = newArms(config, frames.allSlots)
  if (around.checkArm) arms.push(around.checkArm(arms.length, frames.allSlots))
  const connCapacity = connCapacityOf(config)
  const engine = new Engine({
    frames,
    arms,
    counters: new Counters(tables.counters, arms.length, config.arms.length),
    trace: around.trace,
    isn: around.isn,
    connMemory: around.connMemory ?? new ArrayBuffer(connBytes(connCapacity)),
    connCapacity,
    destMemory: tables.dests,
    destCapacity: DEST_PLACES,
    limitMemory: tables.limits,
    outcomeMemory: tables.outcomes,
    edgeMemory: tables.edges,
    dropMemory: tables.drops,
    templates: new Templates(around.templateMemory ?? newTemplates(), TEMPLATES, worker),
    timeoutMs: milliseconds(config.tcp.timeouts),
    udp: {
      timeoutMs: milliseconds(config.udp.timeouts),
      uoa: UOA_MODES[config.udp.uoa],
      uoaMaxTrail: config.udp.uoaMaxTrail,
    },
    neigh: {
      capacity: NEIGH_CAPACITY,
      memory: around.neighMemory ?? new ArrayBuffer(Neighs.bytesFor(NEIGH_CAPACITY)),
      timeoutSec: config.neighbours.timeout,
      queueLimit: config.neighbours.unresQueueLength,
    },
    bookMemory: around.bookMemory ?? new ArrayBuffer(AddressBook.bytesFor(BOOK_CAPACITY)),
    bookCapacity: BOOK_CAPACITY,
    fragments: config.fragments,
    synProxy: config.tcp.synProxy,
    toaMode: TOA_MODES[config.tcp.toa],
    rstOnBareAck: config.tcp.bareAck === 'rst',
    keepOnReuse: config.tcp.reuse === 'keep',
    decrementTtl: config.tcp.xmitTtl,
    strict: config.tcp.strict,
    windowMost: config.tcp.windowMost,
    makeRoom: config.connections.makeRoom,
    clientShare: config.connections.clientShare,
    sessions: around.sessions
      ? {
          memory: around.sessionMemory ?? new ArrayBuffer(Sessions.bytesFor(connCapacity)),
          ring: around.sessions,
          arms: config.arms.length,
        }
      : null,
    peers: around.peers ?? null,
    seed: around.seed,
    now: around.now,
  })
  const lports = around.lports ?? new Steering(workers).lportPartition(worker)
  const lipCounts = new Int32Array(tables.lips)
  return { engine, share: { index: worker, lports, lipCounts, workers, lists: new ListParts() } }
}

function milliseconds(seconds: readonly number[]): Int32Array {
  return Int32Array.from(seconds, value => value * 1000)
}

/** One step of a change of the config, between two bursts. */
export function applyChange({ engine, share }: Built, change: Change, now: number): void {
  const { setup } = engine
  switch (change.put) {
    case 'timeouts':
      engine.setTimeouts(milliseconds(change.timeouts))
      return
    case 'udp-timeouts':
      engine.udpTimeoutMs.set(milliseconds(change.timeouts))
      return
    case 'address':
    case 'no-address':
    case 'device':
    case 'route':
    case 'no-route':
      putOfArm(engine, change, now)
      return
    case 'neighbour':
    case 'no-neighbour':
      putNeighbour(engine, change, now)
      return
    case 'lip':
      putLip(setup, share, change.place, wordOf(engine.addressBook, change.address))
      return
    case 'no-lip':
      // No service names it any more; what its connections still need of it goes with its place.
      return
    case 'list':
      putList(engine, share.lists, change)
      return
    case 'no-list':
      setup.guards.lists.remove(change.name)
      return
    case 'acl':
    case 'no-acl':
      putAcl(engine, change)
      return
    case 'service':
      putService(engine, change.service, share.workers, now)
      return
    case 'no-service':
      removeService(engine, change)
      return
    case 'rs':
      putRs(engine, change.rs, now)
      // It takes connections again, so old ones that are left may live as well.
      if (change.rs.weight > 0) engine.cuts.stop(change.rs.place)
      return
    case 'no-rs': {
      const service = findService(engine, change)
      const { family, word } = wordOf(engine.addressBook, change.address)
      const place = service ? setup.removeRs(service, word, change.port, family) : -1
      if (change.cut && place >= 0) engine.cuts.begin(place)
      return
    }
    case 'cut':
      engine.cuts.begin(change.place)
      return
    case 'no-cut':
      engine.cuts.stop(change.place)
      return
  }
}

/** The same while it runs: a new address is announced, and one worker speaks for all. */
export function applyRunning(built: Built, change: Change, now: number): void {
  applyChange(built, change, now)
  if (built.share.index !== 0) return
  const { engine } = built
  if (change.put === 'device') engine.announce(engine.arms[change.arm] as Arm)
  if (change.put !== 'address') return
  const { family, word } = wordOf(engine.addressBook, change.address)
  engine.announceAddress(engine.arms[change.arm] as Arm, family, word)
}

/** A LIP that comes back before its connections are gone finds its lports as they are. */
function putLip(setup: Setup, share: Share, place: number, lip: Word): void {
  setup.putLip(place, setup.lipAt(place, lip.word, lip.family) ?? newPool(share, place, lip))
}

function newPool({ lports, lipCounts }: Share, place: number, { word, family }: Word): SaPool {
  const memory = new ArrayBuffer(SaPool.bytesFor(lports))
  return new SaPool(memory, word, lports, lipCounts, place * LIP_CELLS, family)
}

/** Makes of a bare engine the one that the image was taken of. Throws RangeError if it is too small for that. */
export function restoreBuilt({ engine, share }: Built, image: EngineImage): void {
  restoreEngine(engine, image, (place, word, family) => newPool(share, place, { word, family }))
  for (const [service, module] of engine.setup.modules())
    engine.setup.setOwn(service, ownScheduler(module, engine))
}

function removeService({ setup, addressBook }: Engine, key: ServiceKey): void {
  if (isMatch(key)) {
    setup.removeMatch(numberOf(key), key.address)
    return
  }
  const { family, word } = wordOf(addressBook, key.address)
  setup.removeService(numberOf(key), word, key.port, family)
}

/** The service at a VIP. */
function findService({ setup, addressBook }: Engine, key: OfService): Service | undefined {
  if (isMatch({ address: key.vip })) return setup.services.matches.named(numberOf(key), key.vip)
  const { family, word } = wordOf(addressBook, key.vip)
  return setup.services.find(numberOf(key), word, key.vport, family)
}

function putRs(engine: Engine, rs: RsChange, now: number): void {
  const service = findService(engine, rs)
  if (service === undefined) throw new RangeError(`no service ${rs.vip}:${rs.vport}`)
  const { family, word } = wordOf(engine.addressBook, rs.address)
  const options = {
    index: rs.place,
    rip: word,
    family,
    rport: rs.port,
    weight: rs.weight,
    upper: rs.upperThreshold === 0 ? -1 : rs.upperThreshold,
    lower: rs.lowerThreshold,
    // Journals of before have none.
    backup: rs.backup ?? false,
    method: methodOf(rs),
  }
  engine.setup.putRs(service, options, now)
}

type OfService = Pick<RsChange, 'protocol' | 'vip' | 'vport'>

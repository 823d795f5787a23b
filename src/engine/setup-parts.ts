/** What setup.ts is asked for and puts together. */

import { PROTO } from '../wire/ipv4.ts'
import type { AclImage, ListImage } from './acl.ts'
import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { type Asker, type Hashing, NO_HASHING } from './asker.ts'
import { type Candidate, Candidates } from './candidates.ts'
import { ARMS_MAX, METHOD, PROXY } from './conn-layout.ts'
import { Family } from './family.ts'
import { savedGuards } from './guards.ts'
import type { Match } from './match.ts'
import { ByConnectionId } from './quic.ts'
import type { SaPool } from './sa-pool.ts'
import { type CostOf, type SchedulerName, schedulerOf } from './schedule.ts'
import { ANY_ARM, type Dest, DestCell, type Dests, type Lips, type Service } from './service.ts'
import type { OutImage } from './services.ts'

const { IPV4 } = Family
/** Of an address, by family. */
export const BITS = [32, 128]
const { ACTIVE, INACTIVE } = DestCell

/** A scheduler of the operator's own, as text. */
export interface SchedulerModule {
  path: string
  source: string
}

/** What it has become, asked before the service's scheduler. */
export interface OwnScheduler {
  module: SchedulerModule
  /** => a place in the service's list that can take a connection; or -1, and the service's scheduler chooses */
  choose(service: Service, without: number, asker: Asker): number
}

export interface ServiceOptions {
  scheduler: SchedulerName
  hashing: Hashing
  own?: OwnScheduler | undefined
  /** Places of the LIPs that it may use. */
  lips: readonly number[]
  /** ms of ESTABLISHED, of UDP those of every state; 0 means the table's timeout. */
  establishedMs: number
  /** SYNs that no RS can take are answered by a RST, datagrams by port unreachable. */
  reject: boolean
  /** Of UDP: each datagram has a connection of its own, which is over behind it. */
  onePacket: boolean
  /** Of UDP: the RS that a connection ID of QUIC names is chosen; left out for no. */
  quic?: boolean
  /** Of the VIP; left out for IPv4. */
  family?: number
  /** Of a match service. */
  match?: Match | undefined
  /** One of PROXY (conn-layout.ts); left out for none. */
  proxy?: number
  /** Index of the only arm whose clients it serves, from its first put on; left out for any. */
  onlyArm?: number
  /** ms for which a client keeps its RS, 0 for not at all; clients are told apart by this many bits. */
  persistenceMs: number
  clientPrefix: number
}

export interface RsOptions {
  /** Place in Dests, of no other RS that has connections. */
  index: number
  /** Of `rip`; left out for IPv4. */
  family?: number
  rip: number
  rport: number
  weight: number
  /** Connections of all workers that it may have; -1 for any number. */
  upper: number
  /** Full, it is used again below this; 0 means below `upper`. */
  lower: number
  /** It takes connections only while no other RS of the service has a weight. */
  backup: boolean
  /** One of METHOD, of its new connections; left out for FULLNAT. */
  method?: number
}

/** A service with the RSs and the scheduler's place in their list. */
export interface ServiceImage
  extends Omit<
    Service,
    'pick' | 'dests' | 'candidates' | 'table' | 'tableVersion' | 'acl' | 'byConnectionId'
  > {
  quic: boolean
  scheduler: SchedulerName
  acl: AclImage | null
  module?: SchedulerModule | undefined
  dests: Omit<Dest, 'service' | 'rank'>[]
}

export interface SetupImage extends OutImage {
  lists: ListImage[]
  services: ServiceImage[]
  /** Words by family; a LIP that was taken away may still have its pool. */
  lips: number[][]
  establishedMs: number
}

/** Where a service is. */
interface ServiceAt {
  protocol: number
  family: number
  vip: number
  vport: number
  /** Left out for IPv4. */
  vipKey?: number
  onlyArm?: number | undefined
  match?: Match | null | undefined
}

/** Without RSs, LIPs and all that ServiceOptions say. */
export function newService({
  protocol,
  family,
  vip,
  vport,
  vipKey = vip,
  onlyArm = ANY_ARM,
  match = null,
}: ServiceAt): Service {
  const dests: Dest[] = []
  return {
    protocol,
    family,
    vip,
    vport,
    match,
    vipKey,
    scheduler: '',
    pick: () => undefined,
    dests,
    candidates: new Candidates(dests),
    table: null,
    tableVersion: -1,
    hashing: NO_HASHING,
    isMixed: false,
    lips: [],
    lipArms: 0,
    establishedMs: 0,
    reject: false,
    onePacket: false,
    byConnectionId: null,
    proxy: PROXY.OFF,
    onlyArm,
    persistenceMs: 0,
    clientMask: -1,
    clientPrefix: BITS[family],
    acl: null,
    rate: null,
    clientRate: null,
    syn: null,
    cursor: -1,
    currentWeight: 0,
    lipCursors: new Array(ARMS_MAX).fill(-1),
  }
}

/** Of a service, for an image. */
export function savedService(service: Service, module: SchedulerModule | undefined): ServiceImage {
  const { pick, dests, candidates, table, tableVersion, byConnectionId, ...rest } = service
  return {
    ...rest,
    quic: byConnectionId !== null,
    lips: [...rest.lips],
    lipCursors: [...rest.lipCursors],
    ...savedGuards(service),
    scheduler: service.scheduler as SchedulerName,
    module,
    dests: dests.map(({ service: _, rank: __, ...dest }) => ({ ...dest })),
  }
}

/** Spelt out: what a spread makes is read many times slower by whoever walks over thousands of them. */
export function newDest(service: Service, options: RsOptions, hashKey = options.rip): Dest {
  const { index, family = IPV4, rip, rport, weight, upper, lower, backup } = options
  return {
    index,
    service,
    family,
    rip,
    rport,
    hashKey,
    weight,
    upper,
    lower,
    overloaded: false,
    backup,
    method: options.method ?? METHOD.FULLNAT,
    rank: -1,
  }
}

/** A service's scheduler is another, or one of its own again: what it goes by is made for it. */
export function scheduleBy(service: Service, name: SchedulerName, dests: Dests): void {
  const { pick, cost, table } = schedulerOf(name)
  const { cells } = dests
  service.scheduler = name
  service.pick = pick
  service.table = table?.() ?? null
  service.tableVersion = -1
  const ofTcp = service.protocol === PROTO.TCP
  const costOf = ({ index, weight }: Candidate) => {
    const active = cells[(index << 4) | ACTIVE]
    const inactive = cells[(index << 4) | INACTIVE]
    return (cost as CostOf)(active, inactive, ofTcp ? active : inactive, weight)
  }
  service.candidates.costs(cost === undefined ? null : costOf)
  for (const dest of service.dests) dests.setCounted(dest)
}

/** Has `own`, if there is one, asked before the service's scheduler. */
export function askFirst(service: Service, own: OwnScheduler | undefined): void {
  const { pick } = schedulerOf(service.scheduler as SchedulerName)
  service.pick = own
    ? (of, without, asker) => {
        const at = own.choose(of, without, asker)
        return at < 0 ? pick(of, without, asker) : of.dests[at]
      }
    : pick
}

/** Connection IDs of QUIC are read from now on, or not. */
export function readIds(service: Service, quic: boolean, book: AddressBook): void {
  const isRead = quic && service.protocol === PROTO.UDP
  service.byConnectionId = isRead ? new ByConnectionId(service.dests, book) : null
}

/** A scheduler's place in a list that has changed means nothing. */
export function startOver(service: Service): void {
  service.cursor = -1
  service.currentWeight = 0
  service.candidates.renew()
  service.byConnectionId?.renew()
  service.isMixed = service.dests.some(
    ({ method }) => method !== METHOD.FULLNAT && method !== METHOD.SNAT,
  )
}

/** Changes the RS of a service that is there. */
export function changeDest(
  known: Dest,
  { weight, backup, method = METHOD.FULLNAT }: RsOptions,
): void {
  const { service } = known
  if (known.backup !== backup) service.candidates.renew()
  const isOther = known.method !== method
  Object.assign(known, { weight, backup, method })
  if (isOther) startOver(service)
}

/** => a mask of the arms that have the LIPs of these places */
export function armsOf(lips: readonly number[], pools: Lips, arms: readonly Arm[]): number {
  let mask = 0
  for (const place of lips) {
    const pool = pools[place]
    if (pool === undefined) continue
    for (const arm of arms) if (arm.owns(pool.family, pool.lip)) mask |= 1 << arm.index
  }
  return mask
}

/** One of the addresses has both pools, if there is a first. */
export function isSame(one: SaPool | undefined, other: SaPool): boolean {
  return one?.lip === other.lip && one.family === other.family
}

export function findRs(
  { dests }: Service,
  rip: number,
  rport: number,
  family: number = IPV4,
): Dest | undefined {
  return dests.find(dest => dest.rip === rip && dest.rport === rport && dest.family === family)
}

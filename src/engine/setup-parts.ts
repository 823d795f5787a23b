/** What setup.ts is asked for and puts together. */

import type { Arm } from './arm.ts'
import { Family } from './family.ts'
import type { SchedulerName } from './schedule.ts'
import type { Dest, Lips, Service } from './service.ts'

const { IPV4 } = Family

export interface ServiceOptions {
  scheduler: SchedulerName
  /** Places of the LIPs that it may use. */
  lips: readonly number[]
  /** ms of ESTABLISHED, of UDP those of every state; 0 means the table's timeout. */
  establishedMs: number
  /** SYNs that no RS can take are answered by a RST, datagrams by port unreachable. */
  reject: boolean
  /** Of UDP: each datagram has a connection of its own, which is over behind it. */
  onePacket: boolean
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
  rip: number
  rport: number
  weight: number
  /** Connections of all workers that it may have; -1 for any number. */
  upper: number
  /** Full, it is used again below this; 0 means below `upper`. */
  lower: number
  /** It takes connections only while no other RS of the service has a weight. */
  backup: boolean
}

/** A service with the RSs and the scheduler's place in their list. */
export interface ServiceImage extends Omit<Service, 'pick' | 'dests' | 'candidates'> {
  scheduler: SchedulerName
  dests: Omit<Dest, 'service' | 'rank'>[]
}

export interface SetupImage {
  services: ServiceImage[]
  /** Addresses; a LIP that was taken away may still have its pool. */
  lips: number[]
  establishedMs: number
}

/** Spelt out: what a spread makes is read many times slower by whoever walks over thousands of them. */
export function newDest(
  service: Service,
  { index, rip, rport, weight, upper, lower, backup }: RsOptions,
): Dest {
  return {
    index,
    service,
    rip,
    rport,
    weight,
    upper,
    lower,
    overloaded: false,
    backup,
    rank: -1,
  }
}

/** A scheduler's place in a list that has changed means nothing. */
export function startOver(service: Service): void {
  service.cursor = -1
  service.currentWeight = 0
  service.candidates.renew()
}

/** => a mask of the arms that have the LIPs of these places */
export function armsOf(lips: readonly number[], pools: Lips, arms: readonly Arm[]): number {
  let mask = 0
  for (const place of lips) {
    const lip = pools[place]?.lip
    for (const arm of arms) if (arm.owns(IPV4, lip)) mask |= 1 << arm.index
  }
  return mask
}

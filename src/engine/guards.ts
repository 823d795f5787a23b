/** Whom services take and how many at once, as it is set up: lists by name, and the rates of each service. */

import { type AclImage, PrefixLists } from './acl.ts'
import { type Bucket, newBucket, type Rates } from './rates.ts'
import type { Service } from './service.ts'
import { SynGates } from './syn-gate.ts'

export interface RateOptions {
  perSecond: number
  burst: number
}

export class Guards {
  readonly lists = new PrefixLists()
  readonly rates: Rates
  readonly gates = new SynGates()

  constructor(rates: Rates) {
    this.rates = rates
  }

  /** Whom a service takes, by lists that are there; null for everybody. */
  putAcl(service: Service, acl: AclImage | null): void {
    service.acl = acl === null ? null : this.lists.acl(acl)
  }

  /** Connections that this worker opens for it, for all and for each client; undefined for any number. */
  limit(
    service: Service,
    rate: RateOptions | undefined,
    clientRate: RateOptions | undefined,
    now: number,
  ): void {
    service.rate = bucketFor(service.rate, rate, now)
    service.clientRate = bucketFor(service.clientRate, clientRate, now)
    if (service.clientRate !== null) this.rates.open()
  }

  /** Into a service that has the buckets of an image. */
  restore(service: Service, acl: AclImage | null): void {
    service.rate = service.rate?.slice() ?? null
    service.clientRate = service.clientRate?.slice() ?? null
    service.syn = service.syn?.slice() ?? null
    this.gates.restore(service)
    this.putAcl(service, acl)
  }
}

/** Of a service, for an image. */
export function savedGuards({ acl, rate, clientRate, syn }: Service) {
  return {
    acl: acl?.save() ?? null,
    rate: rate?.slice() ?? null,
    clientRate: clientRate?.slice() ?? null,
    syn: syn?.slice() ?? null,
  }
}

/** The bucket for `options`: `known`, if it is one for the same. */
function bucketFor(
  known: Bucket | null,
  options: RateOptions | undefined,
  now: number,
): Bucket | null {
  if (options === undefined) return null
  const bucket = newBucket(options.perSecond, options.burst, now)
  return known?.[0] === bucket[0] && known?.[1] === bucket[1] ? known : bucket
}

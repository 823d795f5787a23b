/** Which RS a new connection goes to. How it gets there is of its method (xmit/), its record conns.ts's. */

import { KEY } from './conn-layout.ts'
import { type Counters, Event } from './counters.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { sayScheduled } from './say.ts'
import type { Dest, Dests, Service } from './service.ts'
import { LOCKED, type Templates } from './templates.ts'
import { Chosen, type TraceRing } from './trace.ts'

const { IPV6 } = KEY

export class Placement {
  readonly #dests: Dests
  readonly #templates: Templates
  readonly #counters: Counters
  readonly #trace: TraceRing

  constructor({ dests, templates, counters, trace }: Parts) {
    this.#counters = counters
    this.#dests = dests
    this.#templates = templates
    this.#trace = trace
  }

  /**
   * A persistent service's client goes where it went before, if that RS still takes connections. `without`: what its method says
   * of RSs that it could not be bound to. The RS has been taken for one connection more (Dests.take), and is to be given back
   * if that comes to nothing.
   */
  destFor(service: Service, p: Parsed, without: number, now: number): Dest | undefined {
    // Each turn but the last has found an RS full, or one free again, that another worker had made so.
    for (;;) {
      const dest = this.#destFor(service, p, without, now)
      if (dest === undefined ? !this.#dests.lookAtLimits(now) : this.#dests.take(dest)) return dest
    }
  }

  #destFor(service: Service, p: Parsed, without: number, now: number): Dest | undefined {
    if (service.persistenceMs === 0) {
      return this.#chosen(pickOf(service, without), p, Chosen.SCHEDULER)
    }
    const network = this.#networkOf(service, p)
    const { vip, candidates } = service
    // What answers TCP and UDP at one port, as DNS does, are two services.
    const port = (service.family << 24) | (service.protocol << 16) | service.vport
    const place = this.#templates.find(network, vip, port, now)
    const known = place < 0 ? undefined : this.#dests.list[place]
    const keeps =
      known !== undefined && known.service === service && candidates.takes(known, without)
    const dest = keeps ? known : service.pick(service, without)
    // Where none has an lport nothing will be opened, and the client stays whose it is.
    if (dest === undefined) return this.#chosen(pickOf(service, without), p, Chosen.SCHEDULER)
    const until = (now + service.persistenceMs) | 0
    // Whoever has the client's bucket may never give it back: better another RS than no connection.
    if (place === LOCKED || !this.#templates.put(network, vip, port, dest.index, until))
      this.#counters.count(Event.PERSISTENCE_LOCKED)
    return this.#chosen(dest, p, keeps ? Chosen.PERSISTENCE : Chosen.SCHEDULER)
  }

  /** What a client is known by to all workers. */
  #networkOf({ clientMask, clientPrefix }: Service, { key, saddr, source }: Parsed): number {
    return key < IPV6 ? saddr & clientMask : this.#templates.clientOf(source, clientPrefix)
  }

  #chosen(dest: Dest | undefined, p: Parsed, why: number): Dest | undefined {
    if (this.#trace.debug && dest !== undefined) sayScheduled(this.#trace, p, dest, why)
    return dest
  }
}

/** An RS towards which no lport is left is passed over; if that leaves none, the scheduler's next is the one that is missed. */
function pickOf(service: Service, without: number): Dest | undefined {
  const dest = service.pick(service, without)
  return dest === undefined && without !== 0 ? service.pick(service, 0) : dest
}

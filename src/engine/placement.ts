/** Which RS a new connection goes to. How it gets there is of its method (xmit/), its record conns.ts's. */

import { UDP } from '../wire/udp.ts'
import type { Asker } from './asker.ts'
import { KEY, PROTOCOL_BITS } from './conn-layout.ts'
import { type Counters, Event } from './counters.ts'
import { clientOf, type Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { ByConnectionId } from './quic.ts'
import { sayScheduled } from './say.ts'
import type { Dest, Dests, Service } from './service.ts'
import { LOCKED, type Templates } from './templates.ts'
import { Chosen, type TraceRing } from './trace.ts'

const { IPV6 } = KEY
/** Of a gQUIC datagram's first byte, in clients' ones: a connection ID of 8 bytes follows (its draft 00, 6.1); the others are 0. */
const [ID_BITS, HAS_ID, ID_BYTES] = [0xc8, 0x08, 8]

export class Placement {
  readonly #pkt: DataView
  readonly #asker: Asker = { client: 0, port: 0, source: null, id: 0 }
  readonly #dests: Dests
  readonly #templates: Templates
  readonly #counters: Counters
  readonly #trace: TraceRing

  constructor({ frames, dests, templates, counters, trace }: Parts) {
    this.#pkt = frames.pkt
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
    const asker = this.#asker
    const client = clientOf(p)
    asker.client = client
    asker.port = p.ports >>> 16
    asker.source = p.key < IPV6 ? null : p.source
    asker.id = service.hashing.byId ? this.#idOf(p) : client
    const named = service.byConnectionId === null ? undefined : this.#named(service, p, without)
    if (named !== undefined && this.#dests.take(named)) {
      this.#counters.count(Event.QUIC_BY_ID)
      return this.#chosen(named, p, Chosen.CONNECTION_ID)
    }
    // Each turn but the last has found an RS full, or one free again, that another worker had made so.
    for (;;) {
      const dest = this.#destFor(service, p, without, now)
      if (dest === undefined ? !this.#dests.lookAtLimits(now) : this.#dests.take(dest)) return dest
    }
  }

  /**
   * The RS that the datagram's connection ID of QUIC names, if that can take it. With a short header a conversation goes on that is nobody
   * else's, so a weight of 0 does not matter; one with a long header may begin with an ID of the client's making.
   */
  #named({ byConnectionId, candidates }: Service, p: Parsed, without: number): Dest | undefined {
    const ids = byConnectionId as ByConnectionId<Dest>
    const bytes = p.gsoSize === 0 ? p.payload : Math.min(p.payload, p.gsoSize)
    const dest = ids.find(this.#pkt, p.l4 + UDP.HEADER, bytes)
    if (dest === undefined) return undefined
    const can = ids.isShort ? candidates.hasRoom(dest, without) : candidates.takes(dest, without)
    return can ? dest : undefined
  }

  #destFor(service: Service, p: Parsed, without: number, now: number): Dest | undefined {
    if (service.persistenceMs === 0) {
      return this.#chosen(this.#pickOf(service, without), p, Chosen.SCHEDULER)
    }
    const network = this.#networkOf(service, p)
    const { vipKey, candidates } = service
    // What answers TCP and UDP at one port, as DNS does, are two services.
    const port = (service.family << 24) | (service.protocol << 16) | service.vport
    const place = this.#templates.find(network, vipKey, port, now)
    const known = place < 0 ? undefined : this.#dests.list[place]
    const keeps =
      known !== undefined && known.service === service && candidates.takes(known, without)
    const dest = keeps ? known : service.pick(service, without, this.#asker)
    // Where none has an lport nothing will be opened, and the client stays whose it is.
    if (dest === undefined) return this.#chosen(this.#pickOf(service, without), p, Chosen.SCHEDULER)
    const until = (now + service.persistenceMs) | 0
    // Whoever has the client's bucket may never give it back: better another RS than no connection.
    if (place === LOCKED || !this.#templates.put(network, vipKey, port, dest.index, until))
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

  /** An RS towards which no lport is left is passed over; if that leaves none, the scheduler's next is the one that is missed. */
  #pickOf(service: Service, without: number): Dest | undefined {
    const asker = this.#asker
    const dest = service.pick(service, without, asker)
    return dest === undefined && without !== 0 ? service.pick(service, 0, asker) : dest
  }

  #idOf(p: Parsed): number {
    const at = p.l4 + UDP.HEADER
    const hasId =
      (p.key & PROTOCOL_BITS) === KEY.UDP &&
      p.payload > ID_BYTES &&
      (this.#pkt.getUint8(at) & ID_BITS) === HAS_ID
    return hasId ? this.#pkt.getInt32(at + 1) ^ this.#pkt.getInt32(at + 5) : clientOf(p)
  }
}

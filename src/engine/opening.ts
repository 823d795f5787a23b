/** Which segment or datagram may open a connection, and what becomes of one that does not. */

import { IPV6 } from '../wire/ipv6.ts'
import { FLAG } from '../wire/tcp.ts'
import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { familyOfKey, KEY, PROTOCOL_BITS, PROTOCOL_NUMBERS } from './conn-layout.ts'
import { Drop, Event } from './counters.ts'
import { isIntactDatagram, isPing } from './datagrams.ts'
import type { Icmp } from './icmp.ts'
import type { EngineOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { turnIntoRst } from './rst.ts'
import { sayNotSyn, sayRefused } from './say.ts'
import { ANY_ARM, type Service } from './service.ts'
import type { Services } from './services.ts'
import type { SynAnswers } from './syn-answers.ts'
import { isIntact, isPlausibleClient, isPlausibleClient6 } from './verify.ts'

/** No verdict: the segment goes on and opens a connection. */
export const MAY_OPEN = -1000

const { SYN, ACK, FIN, RST } = FLAG

/** The service that a packet without a connection, which came in on `arm`, is for. */
export function serviceOf(services: Services, p: Parsed, arm: Arm): Service | undefined {
  const { key, daddr, ports } = p
  const protocol = PROTOCOL_NUMBERS[key & PROTOCOL_BITS]
  const service = services.find(protocol, daddr, ports & 0xffff, familyOfKey(key))
  return service ?? services.matches.find(p, arm)
}

/** What the connections of a client are counted by. */
function counted({ key, saddr, source }: Parsed, book: AddressBook): number {
  return key < KEY.IPV6 ? saddr : book.counted(source[0], source[1])
}

export class Opening {
  /** No connection is opened any more; those that are there go on. */
  stopping = false
  readonly #parts: Parts
  readonly #icmp: Icmp
  readonly #synAnswers: SynAnswers
  readonly #rstOnBareAck: boolean
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, icmp: Icmp, synAnswers: SynAnswers, options: EngineOptions) {
    this.#parts = parts
    this.#icmp = icmp
    this.#synAnswers = synAnswers
    this.#rstOnBareAck = options.rstOnBareAck
    this.#decrementsTtl = options.decrementTtl
  }

  /**
   * Preconditions of a new connection (semantics 1.5, 1.6); t is -1, or the tuple that the packet has found, in whose place it would come.
   * => MAY_OPEN, or the verdict.
   */
  judge(
    p: Parsed,
    arm: Arm,
    slot: number,
    service: Service | undefined,
    t: number,
    now: number,
  ): number {
    if ((p.key & PROTOCOL_BITS) !== KEY.TCP) return this.#judgeDatagram(p, arm, slot, service, now)
    const { frames, arms } = this.#parts
    if (service === undefined) return -Drop.TCP_NO_SERVICE
    if (service.onlyArm !== ANY_ARM && service.onlyArm !== arm.index) return -Drop.TCP_NO_SERVICE
    const unwanted = service.acl === null ? 0 : service.acl.judge(p)
    if (unwanted !== 0) return -unwanted
    const flags = p.flags & (SYN | ACK | FIN | RST)
    const isCookie = flags === ACK && this.#synAnswers.brings(p, service)
    if (flags !== SYN && !isCookie) return this.#notSyn(slot, p, arm, flags)
    if (this.stopping) return -Drop.STOPPING
    if (!this.#isPlausible(arms, arm, p)) return -Drop.IP_SOURCE
    if (!isIntact(frames.pkt, p)) return -Drop.TCP_CHECKSUM
    if (goesNowhere(p, service)) return -Drop.NAT64_EXTENSION
    if (!isCookie && this.#synAnswers.takes(service, t)) {
      if (service.candidates.next(0, 1, 0) < 0)
        return this.refuse(p, arm, slot, service, -Drop.TCP_NO_RS)
      return this.#synAnswers.answer(slot, p, arm, service)
    }
    return this.#reaches(p, arm, slot, service, now)
  }

  /** Of no connection, and none begins so. */
  #notSyn(slot: number, p: Parsed, arm: Arm, flags: number): number {
    const { frames, counters, trace } = this.#parts
    if (trace.debug) sayNotSyn(trace, p)
    if (flags !== ACK || !this.#rstOnBareAck) return -Drop.TCP_NO_CONN
    if (!isIntact(frames.pkt, p)) return -Drop.TCP_CHECKSUM
    turnIntoRst(frames, slot, p)
    counters.count(Event.RST_BARE_ACK)
    return arm.index
  }

  /** What may open a connection in time, and does: a traceroute must not open what it does not reach. */
  #reaches(p: Parsed, arm: Arm, slot: number, service: Service, now: number): number {
    const verdict = this.#inTime(p, service, now)
    if (verdict !== MAY_OPEN || !this.#decrementsTtl || p.ttl > 1) return verdict
    return this.#icmp.expired(slot, p, arm)
  }

  /** Whether its service, and its client, may open one more now. */
  #inTime(p: Parsed, service: Service, now: number): number {
    if (service.rate === null && service.clientRate === null) return MAY_OPEN
    const { rates, book } = this.#parts
    const refusal = rates.refusal(service, counted(p, book), now)
    return refusal === 0 ? MAY_OPEN : -refusal
  }

  #isPlausible(arms: readonly Arm[], arm: Arm, p: Parsed): boolean {
    if (p.key < KEY.IPV6) return isPlausibleClient(arms, arm, p.saddr)
    // The digest of whom an RS answers by NAT may be the word of a VIP: that is no client.
    if (p.client !== p.source) return false
    return isPlausibleClient6(arms, arm, p, this.#parts.book)
  }

  /** The same of a datagram: any of them may, to a service that is there. */
  #judgeDatagram(
    p: Parsed,
    arm: Arm,
    slot: number,
    service: Service | undefined,
    now: number,
  ): number {
    const { frames, arms } = this.#parts
    if (service === undefined) return -Drop.UDP_NO_SERVICE
    if (service.onlyArm !== ANY_ARM && service.onlyArm !== arm.index) return -Drop.UDP_NO_SERVICE
    const unwanted = service.acl === null ? 0 : service.acl.judge(p)
    if (unwanted !== 0) return -unwanted
    if (this.stopping) return -Drop.STOPPING
    if (!this.#isPlausible(arms, arm, p)) return -Drop.IP_SOURCE
    if (!isPing(p) && !isIntactDatagram(frames.pkt, p)) return -Drop.UDP_CHECKSUM
    if (goesNowhere(p, service)) return -Drop.NAT64_EXTENSION
    return this.#reaches(p, arm, slot, service, now)
  }

  /** A SYN or datagram that opened nothing. => The verdict on it, or the arm if it has become an RST or an ICMP error. */
  refuse(p: Parsed, arm: Arm, slot: number, service: Service, verdict: number): number {
    const { frames, counters, trace } = this.#parts
    if (trace.debug) sayRefused(trace, p, -verdict)
    if (isPing(p)) return this.#icmp.prohibited(slot, p, arm, -verdict)
    if (!service.reject) return verdict
    if (verdict === -Drop.UDP_NO_RS) return this.#icmp.nobody(slot, p, arm)
    if (verdict !== -Drop.TCP_NO_RS) return verdict
    turnIntoRst(frames, slot, p)
    counters.count(Event.RST_NO_RS)
    return arm.index
  }
}

/** The RSs speak another family than the client, in which there are no extension headers (nat64.ts). */
function goesNowhere(p: Parsed, { family, dests }: Service): boolean {
  if (p.key < KEY.IPV6 || p.ipHeader === IPV6.HEADER) return false
  return dests.length > 0 && dests[0].family !== family
}

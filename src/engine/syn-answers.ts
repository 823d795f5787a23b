/**
 * SYNs that are answered without an RS and without a trace here, and the cookies that come back (semantics 2.8). Read RFC 4987 3.6
 * before changing this file.
 */

import { TCP } from '../wire/tcp.ts'
import type { Arm } from './arm.ts'
import { KEY, NO_SCALE } from './conn-layout.ts'
import { COOKIE_DATA, COOKIE_MS, Cookies, MSS_TABLE, MSS_UNSAID, NO_DATA } from './cookies.ts'
import { type Counters, Event } from './counters.ts'
import type { Frames } from './frames.ts'
import type { LongClock } from './long-clock.ts'
import type { SynProxyOptions } from './options.ts'
import type { Outcomes } from './outcomes.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import type { SynGate } from './rates.ts'
import { saySynProxy } from './say.ts'
import type { Service } from './service.ts'
import { readSaid, type Said, turnIntoSynAck } from './syn-frames.ts'
import {
  countSyn,
  given,
  isActive,
  mayBeGiven,
  passTime,
  type SynGates,
  synsOf,
  Turned,
} from './syn-gate.ts'
import { SynSpace } from './syn-space.ts'
import type { TraceRing } from './trace.ts'

const { IPV6 } = KEY
/** Bytes of headers without options, and what IPv6 has more of, with its TOA. */
const [HEADERS4, MORE_IN_6] = [40 + 8, 32]

export class SynAnswers {
  readonly cookies: Cookies
  /** What the cookie has said that brings() has found good last. */
  data = NO_DATA
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #counters: Counters
  readonly #outcomes: Outcomes
  readonly #long: LongClock
  readonly #trace: TraceRing
  readonly #gates: SynGates
  readonly #options: SynProxyOptions
  readonly #space: SynSpace
  readonly #said: Said = { mss: 0, scale: 0, sack: 0 }

  constructor(parts: Parts, gates: SynGates, options: SynProxyOptions) {
    this.cookies = new Cookies(parts.templates, parts.long)
    this.#frames = parts.frames
    this.#arms = parts.arms
    this.#counters = parts.counters
    this.#outcomes = parts.outcomes
    this.#long = parts.long
    this.#trace = parts.trace
    this.#gates = gates
    this.#options = options
    this.#space = new SynSpace(parts.table)
  }

  /** A SYN has come for the service, and found tuple t, or -1 for none. => Whether it is to be answered by a cookie */
  takes(service: Service, t: number): boolean {
    const { syn } = service
    if (syn === null) return false
    // What has an entry may have another in its place: that is none more. But a client that waits for its RS has proved its address,
    // and a SYN proves nothing.
    if (t >= 0) return this.#space.isPending(t >> 1)
    this.#passTime(service, syn)
    if (countSyn(syn) === Turned.ON) this.#say(service, synsOf(syn))
    return isActive(syn)
  }

  /** Several times a second. */
  tick(): void {
    if (this.#gates.isEmpty) return
    for (const service of this.#gates) {
      if (service.syn === null) continue
      this.#passTime(service, service.syn)
      this.#show(service)
    }
  }

  #passTime(service: Service, syn: SynGate): void {
    const syns = synsOf(syn)
    if (passTime(syn, this.#long.ms) === Turned.OFF) this.#say(service, syns)
  }

  /** To those who read the memory. */
  #show({ syn, dests }: Service): void {
    const cookies = isActive(syn) ? 1 : 0
    for (const { index } of dests) this.#outcomes.cookies[index] = cookies
  }

  #say(service: Service, syns: number): void {
    this.#show(service)
    saySynProxy(this.#trace, service, isActive(service.syn), syns)
  }

  /** Answers the SYN in `slot`. => The arm */
  answer(slot: number, p: Parsed, arm: Arm, service: Service): number {
    const { pkt } = this.#frames
    const said = this.#said
    const options = this.#options
    readSaid(pkt, p, said)
    const isScaled = options.scale > 0 && said.scale !== NO_SCALE
    const scale = isScaled ? said.scale : NO_SCALE
    const sack = options.sack ? said.sack : 0
    const mss = said.mss === 0 ? MSS_UNSAID : said.mss
    const isn = pkt.getInt32(p.l4 + TCP.SEQ)
    const cookie = this.cookies.give(p, service.vipKey, isn, COOKIE_DATA.of(sack, scale, mss))
    said.mss = Math.min(mss, this.#mssFor(p))
    said.scale = isScaled ? options.scale : NO_SCALE
    said.sack = sack
    turnIntoSynAck(this.#frames, slot, p, cookie, said)
    if (service.syn !== null) given(service.syn, this.#long.ms)
    this.#counters.count(Event.SYN_COOKIES_SENT)
    return arm.index
  }

  /** What a client may send: what is configured, and no more than fits with TOA through every arm. */
  #mssFor(p: Parsed): number {
    let least = this.#options.mss + HEADERS4
    for (const { mtu } of this.#arms) least = Math.min(least, mtu)
    return Math.max(MSS_TABLE[0], least - HEADERS4 - (p.key >= IPV6 ? MORE_IN_6 : 0))
  }

  /** The bare ACK in p has no connection, or begins another one. => Whether it brings a cookie of the service's back */
  brings(p: Parsed, service: Service): boolean {
    const { syn } = service
    if (syn === null || !mayBeGiven(syn, this.#long.ms, COOKIE_MS)) return false
    const isGood = this.isGood(p, service)
    this.#counters.count(isGood ? Event.SYN_COOKIES_GOOD : Event.SYN_COOKIES_BAD)
    return isGood
  }

  /** The same, and nobody counts it. */
  isGood(p: Parsed, service: Service): boolean {
    const { pkt } = this.#frames
    const isn = (pkt.getInt32(p.l4 + TCP.SEQ) - 1) | 0
    const cookie = (pkt.getInt32(p.l4 + TCP.ACK) - 1) | 0
    this.data = this.cookies.take(p, service.vipKey, isn, cookie)
    return this.data !== NO_DATA
  }
}

/** ICMP in one place for the packet's path: what comes in, what goes on, and what we have to say of packets that do not. */

import { ICMP_TYPE, UNREACHABLE } from '../wire/icmp.ts'
import { ICMPV6_TYPE, UNREACHABLE6 } from '../wire/icmpv6.ts'
import { MTU6_LEAST } from '../wire/ipv6.ts'
import { TOA_BYTES, TOA6_BYTES } from '../wire/tcp.ts'
import type { Arm } from './arm.ts'
import { familyOfKey, KEY, PROTOCOL_BITS } from './conn-layout.ts'
import { type Counters, Drop } from './counters.ts'
import type { Egress } from './egress.ts'
import type { Frames } from './frames.ts'
import { TranslatedErrors } from './icmp-errors.ts'
import { icmpInput } from './icmp-input.ts'
import { IcmpErrors } from './icmp-output.ts'
import { TranslatedErrors64 } from './icmp64-errors.ts'
import { TranslatedErrors6 } from './icmpv6-errors.ts'
import { Icmpv6Errors } from './icmpv6-output.ts'
import type { EngineOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { type Errors, Quoted } from './quoted.ts'
import { TunnelErrors } from './tunnel-errors.ts'
import { Unreachable } from './unreachable.ts'
import { ToaMode } from './xmit/toa.ts'

const { IPV6 } = KEY

export class Icmp {
  readonly errors: IcmpErrors
  readonly #errors6: Icmpv6Errors
  readonly unreachable: Unreachable
  readonly #quoted: Quoted
  readonly tunnels: TunnelErrors
  readonly #frames: Frames
  readonly #counters: Counters
  readonly #hasToa: boolean

  constructor(parts: Parts, egress: Egress, options: EngineOptions) {
    const { toaMode, decrementTtl } = options
    this.#frames = parts.frames
    this.#counters = parts.counters
    this.#hasToa = toaMode !== ToaMode.OFF
    this.errors = new IcmpErrors(parts)
    this.#errors6 = new Icmpv6Errors(parts, this.errors)
    const ofIpv4 = new TranslatedErrors(parts, toaMode)
    const ofIpv6 = new TranslatedErrors6(parts, ofIpv4)
    const across = new TranslatedErrors64(parts, ofIpv4, ofIpv6, this.#hasToa)
    const translated: Errors = [ofIpv4, ofIpv6, across]
    this.tunnels = new TunnelErrors(parts, egress, this.errors, this.#errors6, ofIpv4)
    this.#quoted = new Quoted(parts, egress, translated, decrementTtl)
    const errors = [this.errors, this.#errors6]
    this.unreachable = new Unreachable(parts, errors, translated, egress)
  }

  /** ICMP that quotes nothing of ours (Kind.ICMP). => As Engine.input */
  input(slot: number, p: Parsed, arm: Arm): number {
    return icmpInput(this.#frames, slot, p, arm, this.#counters)
  }

  /** An error (Kind.QUOTED) about a packet whose answer would be of tuple t, below 0 if that is of no connection. => As Engine.input */
  quoted(slot: number, p: Parsed, t: number, arm: Arm, now: number): number {
    if (t >= 0) return this.#quoted.input(slot, p, t, arm, now)
    return arm.owns(familyOfKey(p.key), p.daddr) ? -Drop.ICMP_NO_CONN : -Drop.ICMP_NOT_OURS
  }

  /**
   * The packet of tuple t, of FullNAT, in `slot`, which `arm` received, does not fit where it has to leave, on `out`, for the reason that
   * unfit() has given. => As Engine.input: its sender is told, if it would rather know
   */
  unfit(slot: number, p: Parsed, t: number, arm: Arm, out: Arm, refusal: number): number {
    return this.tooLarge(slot, p, arm, out.mtu - this.#toaBytes(p, t), refusal)
  }

  /**
   * The same of a packet that is to leave with the header of the other family, `by` bytes longer than its own: its sender counts in its own.
   * None of IPv6 has to believe that less than 1280 bytes fit (RFC 8201 4).
   */
  unfit64(slot: number, p: Parsed, t: number, arm: Arm, out: Arm, by: number): number {
    const mtu = out.mtu - by - this.#toaBytes(p, t)
    const most = p.key >= IPV6 ? Math.max(MTU6_LEAST, mtu) : mtu
    return this.tooLarge(slot, p, arm, most, -Drop.IP_TOO_BIG)
  }

  /** A client that makes its segments as large as it is told must find room for so much in them. */
  #toaBytes(p: Parsed, t: number): number {
    const grows = this.#hasToa && (p.key & PROTOCOL_BITS) === KEY.TCP && (t & 1) === 0
    if (!grows) return 0
    return p.key >= IPV6 ? TOA6_BYTES : TOA_BYTES
  }

  /** The same, where `mtu` bytes fit. */
  tooLarge(slot: number, p: Parsed, arm: Arm, mtu: number, refusal: number): number {
    if (refusal === -Drop.IP_TTL) return this.expired(slot, p, arm)
    const { IP_TOO_BIG } = Drop
    if (p.key >= IPV6)
      return this.#errors6.answer(slot, p, arm, ICMPV6_TYPE.TOO_BIG, 0, mtu, IP_TOO_BIG)
    const { UNREACHABLE: type } = ICMP_TYPE
    return this.errors.answer(slot, p, arm, type, UNREACHABLE.FRAG_NEEDED, mtu, IP_TOO_BIG)
  }

  /** The datagram is for a service that has nobody to take it. => As Engine.input */
  nobody(slot: number, p: Parsed, arm: Arm): number {
    return this.#refused(slot, p, arm, UNREACHABLE.PORT, UNREACHABLE6.PORT, Drop.UDP_NO_RS)
  }

  /** The ping of a host inside opens no connection for `reason`. => As Engine.input: its sender is told (RFC 5508 REQ-8) */
  prohibited(slot: number, p: Parsed, arm: Arm, reason: number): number {
    return this.#refused(slot, p, arm, UNREACHABLE.PROHIBITED, UNREACHABLE6.PROHIBITED, reason)
  }

  /** Its sender hears that whom it was for is unreachable, by the code of its family. */
  #refused(slot: number, p: Parsed, arm: Arm, code: number, code6: number, reason: number): number {
    return p.key >= IPV6
      ? this.#errors6.answer(slot, p, arm, ICMPV6_TYPE.UNREACHABLE, code6, 0, reason)
      : this.errors.answer(slot, p, arm, ICMP_TYPE.UNREACHABLE, code, 0, reason)
  }

  /** The fragment has waited too long for the others of its datagram. => As Engine.input */
  late(slot: number, p: Parsed, arm: Arm, isSix: boolean): number {
    const { FRAGMENT_TIMEOUT } = Drop
    return isSix
      ? this.#errors6.answer(slot, p, arm, ICMPV6_TYPE.TIME_EXCEEDED, 1, 0, FRAGMENT_TIMEOUT)
      : this.errors.answer(slot, p, arm, ICMP_TYPE.TIME_EXCEEDED, 1, 0, FRAGMENT_TIMEOUT)
  }

  /** The TTL of the packet would be 0 behind us. => As Engine.input */
  expired(slot: number, p: Parsed, arm: Arm): number {
    const { IP_TTL } = Drop
    return p.key >= IPV6
      ? this.#errors6.answer(slot, p, arm, ICMPV6_TYPE.TIME_EXCEEDED, 0, 0, IP_TTL)
      : this.errors.answer(slot, p, arm, ICMP_TYPE.TIME_EXCEEDED, 0, 0, IP_TTL)
  }
}

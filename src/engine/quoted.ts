/**
 * The path of an ICMP error about a packet that we have translated, of either family: from the arm towards which that packet went, on to
 * whoever sent it. What the headers are, icmp-errors.ts and icmpv6-errors.ts know.
 */

import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { CELL, FAMILIES, KEY, METHOD, ONE_WAY, RECORD, SIX_TO_FOUR } from './conn-layout.ts'
import { type Counters, Drop, Event } from './counters.ts'
import type { Egress } from './egress.ts'
import { armOf } from './family.ts'
import type { Frames } from './frames.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { DestCell, type Dests } from './service.ts'
import { Tunnel, tunnelMtu } from './xmit/tunnel.ts'

const { BINDING } = CELL
const { of: recordOf, dest: destOf, clientArm: clientArmOf, method: methodOf } = RECORD

/** Errors of one family, or of conns whose ends speak two, about packets whose answer would be of tuple t. */
export interface ErrorsOfFamily {
  /** Whether the error that p describes is believed, and fits where it leaves, where `mtu` bytes do. => 0, or minus a drop reason */
  judge(p: Parsed, t: number, binding: number, mtu: number): number
  /** The TTL or hop limit is one less. */
  decrement(p: Parsed): void
  /** The error in `slot` at `ip`, whose header of ICMP is at `icmp`, becomes what the sender of the packet must get. */
  translate(slot: number, ip: number, icmp: number, t: number): void
}

/** Errors by Family, and behind those the ones that go from one family to the other. */
export type Errors = readonly [ErrorsOfFamily, ErrorsOfFamily, ErrorsOfFamily]

/** Those for a packet that is looked up by `key`, of a conn with this binding. */
export function errorsFor(errors: Errors, key: number, binding: number): ErrorsOfFamily {
  return (binding & FAMILIES) === SIX_TO_FOUR ? errors[2] : errors[key < KEY.IPV6 ? 0 : 1]
}

export class Quoted {
  readonly #cells: Int32Array
  readonly #arms: readonly Arm[]
  readonly #dests: Dests
  readonly #counters: Counters
  readonly #egress: Egress
  readonly #frames: Frames
  readonly #errors: Errors
  readonly #tunnel: Tunnel
  readonly #decrementsTtl: boolean

  constructor(parts: Parts, egress: Egress, errors: Errors, decrementsTtl: boolean) {
    const { frames, table, arms, dests, counters } = parts
    this.#cells = table.cells
    this.#tunnel = new Tunnel(parts, egress)
    this.#arms = arms
    this.#dests = dests
    this.#counters = counters
    this.#egress = egress
    this.#frames = frames
    this.#errors = errors
    this.#decrementsTtl = decrementsTtl
  }

  /**
   * The error in `slot` (Kind.QUOTED) is about a packet whose answer would be of tuple t. => As Engine.input; nothing but the
   * frame has changed
   */
  input(slot: number, p: Parsed, t: number, arm: Arm, now: number): number {
    const binding = this.#cells[recordOf(t) | BINDING]
    const dest = destOf(binding)
    const outward = (t & 1) === 1
    const rsArm = armOf(this.#dests.cells[(dest << 4) | DestCell.LINK])
    const clientArm = clientArmOf(binding)
    if (arm.index !== (outward ? rsArm : clientArm)) return -Drop.IP_SOURCE
    const errors = errorsFor(this.#errors, p.key, binding)
    const out = this.#arms[outward ? clientArm : rsArm]
    const isTunnel = methodOf(binding) === METHOD.TUNNEL
    const mtu = isTunnel ? tunnelMtu(p.key, out.mtu) : out.mtu
    const refusal = errors.judge(p, t, binding, mtu)
    if (refusal !== 0) return refusal
    if (this.#decrementsTtl) {
      if (p.ttl <= 1) return -Drop.IP_TTL
      errors.decrement(p)
    }
    this.#counters.count(Event.ICMP_TRANSLATED)
    // What the RS has sent past us is known to it as it is, and the VIP is its own.
    if (isTunnel) return this.#tunnel.enter(slot, t, out, now)
    if ((binding & ONE_WAY) !== 0) return this.#egress.toRs(slot, p.eth, out, dest, now)
    errors.translate(slot, p.ip, p.l4, t)
    // Between two families the Ethernet header moves.
    const eth = this.#frames.start[slot] + VNET.BYTES
    return outward
      ? this.#egress.toClient(eth, out, t >> 1)
      : this.#egress.toRs(slot, eth, out, dest, now)
  }
}

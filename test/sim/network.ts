/**
 * The wires between hosts and the appliance. What becomes of a frame is said by a number of its own (whose frame it is, which way it
 * goes, and how many went before it), so it stays the same when other frames, or other faults, are left out.
 */

import type { Events } from './events.ts'
import { get16, IP_AT, isFragment } from './packet.ts'
import type { Faults, Plan } from './plan.ts'
import { mix } from './random.ts'
import { isSix } from './six.ts'
import { FRAGMENT } from './six-packet.ts'
import type { Owned } from './stack.ts'
import type { Side } from './talk.ts'

/** A frame on its way; `key` and what follows it are of UDP and ICMP. */
export interface Sending extends Partial<Owned> {
  bytes: Uint8Array
  /** Whose it is; undefined for ARP, and what nobody knows. */
  side: Side | undefined
  /** It was spoilt on its way. */
  spoilt: boolean
}

const LATE_MS = 400
/** Addresses of Ethernet and its type are not spoilt: a device drops such frames. */
const SPOILT_FROM = 24

export class Network {
  readonly #plan: Plan
  readonly #events: Events
  readonly #sent = new Map<number, number>()
  /** Keys of the faults that happened; of `plan.only`, if that is there, no others do. */
  readonly happened: number[] = []
  readonly only: ReadonlySet<number> | undefined
  frames = 0
  /** Called with what gets lost; `chance` is as good as any number. */
  lost: ((sending: Sending, way: number, chance: number) => void) | undefined
  /** Loses frames by a rule of a test's own. */
  loses: ((sending: Sending, way: number) => boolean) | undefined

  constructor(plan: Plan, events: Events, only?: ReadonlySet<number>) {
    this.#plan = plan
    this.#events = events
    this.only = only
  }

  /** `way`: 0 from the clients' hosts, 1 from the RSs', 2 and 3 back to them. */
  send(sending: Sending, way: number, arrive: (sending: Sending) => void): void {
    this.frames++
    if (this.loses?.(sending, way)) return
    const { side, key: own } = sending
    const whose =
      own === undefined
        ? mix(side?.attempt?.id ?? 0, way, side === undefined ? 0 : 1)
        : mix(own, way, 2)
    const count = this.#sent.get(whose) ?? 0
    this.#sent.set(whose, count + 1)
    const key = mix(this.#plan.seed, whose, count)
    const faults = this.#plan.faults[way & 1] as Faults
    const { delay } = faults
    if (this.#events.now >= this.#plan.quiet) {
      this.#events.after(delay, () => arrive(sending))
      return
    }
    const late = this.#is(key, 1, faults.late) ? 1 + (mix(key, 11) % LATE_MS) : 0
    const jitter = faults.jitter > 0 ? mix(key, 12) % faults.jitter : 0
    if (this.#is(key, 2, faults.double)) {
      const behind = delay + (mix(key, 13) % LATE_MS)
      this.#events.after(behind, () => arrive({ ...sending, bytes: sending.bytes.slice() }))
    }
    if (this.#is(key, 3, faults.loss)) {
      this.lost?.(sending, way, mix(key, 15))
      return
    }
    // Twice would make one of a thousand sums right again.
    const isSafe = sending.spoilt || sending.bare === true || isSafePiece(sending.bytes, way)
    const isSpoilt = this.#is(key, 4, faults.spoilt) && !isSafe
    const spoilt = isSpoilt ? spoil(sending, mix(key, 14)) : sending
    this.#events.after(delay + jitter + late, () => arrive(spoilt))
  }

  /** Whether the frame of this key has the fault. */
  #is(key: number, fault: number, percent: number): boolean {
    if (percent === 0) return false
    const chance = mix(key, fault)
    if (chance % 1000 >= percent * 10) return false
    if (this.only !== undefined && !this.only.has(chance)) return false
    this.happened.push(chance)
    return true
  }
}

function spoil(sending: Sending, chance: number): Sending {
  const bytes = sending.bytes.slice()
  const at = spoiltAt(bytes, chance)
  bytes[at] = (bytes[at] as number) ^ (1 + ((chance >>> 16) % 255))
  return { ...sending, bytes, spoilt: true }
}

/** What says of a fragment of IPv6 where it belongs nobody sums: a spoilt one is refused, or a good one is for its sake. Of a datagram over IPv4 only the first fragment is spoilt, and only on its way to the balancer: two would make a sum right again, too. */
function isSafePiece(bytes: Uint8Array, way: number): boolean {
  if (isSix(bytes)) return bytes[IP_AT + 6] === FRAGMENT
  if (get16(bytes, 22) !== 0x0800 || !isFragment(bytes)) return false
  return way >= 2 || (get16(bytes, IP_AT + 6) & 0x1fff) !== 0
}

/** A first fragment is not spoilt where UDP's ports are: routers would quote them, and nobody could say that they are wrong. */
function spoiltAt(bytes: Uint8Array, chance: number): number {
  const at = SPOILT_FROM + (chance % (bytes.length - SPOILT_FROM))
  const isHeader = at >= IP_AT + 20 && at < IP_AT + 28
  return isHeader && get16(bytes, 22) === 0x0800 && isFragment(bytes) ? IP_AT + 1 : at
}

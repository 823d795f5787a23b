/**
 * Captures that have each packet twice: of a mirror port that copies what comes in and what leaves, of `-i any` over a bridge, of two
 * points of one way merged. Who sends a segment anew gives it a new IP ID, so equal ones are copies. Only the balancer could be the
 * one that doubles, and it never sees what an end sends until it has been captured: where both directions of a service are doubled,
 * the capture did it.
 */

import { FLAG } from '../../wire/tcp.ts'
import type { Flow } from './flows.ts'
import type { Packets } from './packets.ts'

export interface Copies {
  /** Rows that repeat an earlier one. */
  count: number
  /** How long after it they come, half of them sooner; ns. */
  afterNs: number
}

/** Fewer copies of a service are chance. */
const LEAST = 3
/** A segment without an IP ID that comes again so soon is no retransmission. */
const WITHOUT_ID_NS = 1e6

/** Takes the copies out of the flows. */
export function removeCopies(packets: Packets, flows: readonly Flow[]): Copies {
  const earlier = earlierOf(packets)
  const services = new Map<string, Service>()
  for (const flow of flows) {
    const service = services.get(flow.server) ?? new Service(packets, earlier)
    services.set(flow.server, service)
    service.add(flow)
  }
  const after = [...services.values()].flatMap(service => service.remove()).sort((a, b) => a - b)
  return { count: after.length, afterNs: after[after.length >> 1] ?? 0 }
}

/** For each row, the latest one before it that is equal except for TTL and the link header; -1 for none. */
function earlierOf(packets: Packets): Int32Array {
  const { version, saddr, daddr, ports, seq, ack, flags, payload, hash, ipId, window } = packets
  const columns = [version, saddr, daddr, ports, seq, ack, flags, payload, hash, ipId, window]
  const latest = new Map<number, number>()
  const earlier = new Int32Array(packets.count).fill(-1)
  for (let i = 0; i < packets.count; i++) {
    let key = 0x811c9dc5
    for (const column of columns) key = Math.imul(key ^ column[i], 0x01000193) ^ (key >>> 15)
    const last = latest.get(key)
    if (last !== undefined && columns.every(column => column[last] === column[i])) earlier[i] = last
    latest.set(key, i)
  }
  return earlier
}

/** All flows of one server. */
class Service {
  readonly #packets: Packets
  readonly #earlier: Int32Array
  readonly #flows: Flow[] = []

  constructor(packets: Packets, earlier: Int32Array) {
    this.#packets = packets
    this.#earlier = earlier
  }

  add(flow: Flow): void {
    this.#flows.push(flow)
  }

  /** Takes the copies out, if each direction that has segments is doubled. => how long after the first ones they came, ns */
  remove(): number[] {
    const isCopy = this.#copies()
    if (isCopy === undefined) return []
    const copies = [0, 1].map(who => this.#flows.flatMap(({ rows }) => rows[who].filter(isCopy)))
    const isDoubled = copies.every((found, who) => {
      const all = this.#flows.reduce((sum, { rows }) => sum + rows[who].length, 0)
      return found.length >= all / 4
    })
    const after = copies.flat().map(row => this.#after(row) ?? 0)
    if (!isDoubled || after.length < LEAST) return []
    for (const { rows } of this.#flows)
      for (const who of [0, 1]) rows[who] = rows[who].filter(row => !isCopy(row))
    return after
  }

  /** With an ID what is equal is a copy; without one, if it comes as late as other copies do. */
  #copies(): ((row: number) => boolean) | undefined {
    const { ipId, payload, flags } = this.#packets
    const sure: number[] = []
    const soon: number[] = []
    for (const { rows } of this.#flows) {
      for (const row of rows.flat()) {
        const after = this.#after(row)
        if (after === undefined) continue
        const takes = payload[row] > 0 || (flags[row] & (FLAG.SYN | FLAG.FIN)) !== 0
        if (ipId[row] !== 0) sure.push(after)
        else if (takes && after < WITHOUT_ID_NS) soon.push(after)
      }
    }
    const sorted = (sure.length > 0 ? sure : soon).sort((a, b) => a - b)
    if (sorted.length === 0) return undefined
    const [least, most] = [sorted[0] / 2, sorted[Math.floor((sorted.length - 1) * 0.99)] * 2]
    return row => {
      const after = this.#after(row)
      return after !== undefined && (ipId[row] !== 0 || (after >= least && after <= most))
    }
  }

  #after(row: number): number | undefined {
    const last = this.#earlier[row]
    return last < 0 ? undefined : this.#packets.at[row] - this.#packets.at[last]
  }
}

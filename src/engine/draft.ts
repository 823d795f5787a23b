/**
 * The record of a connection that is to be, bound to an RS, a LIP and an lport, and found by nobody yet. Whoever has it opens
 * it, or gives all of it back.
 */

import { ETH } from '../wire/ethernet.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { type ConnTable, NO_CONN } from './conn.ts'
import {
  binding,
  CELL,
  COLD,
  familyOfKey,
  firstWord,
  HEADER_DUE,
  KEY,
  kindOf,
  METHOD,
  PROTOCOL_BITS,
  RECORD,
  SYN_PROXIED,
} from './conn-layout.ts'
import { Drop } from './counters.ts'
import { Family } from './family.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { Placement } from './placement.ts'
import type { Random } from './random.ts'
import type { Dest, Dests, Service } from './service.ts'
import type { Method } from './xmit/method.ts'
import type { Methods } from './xmit/methods.ts'
import { UOA_TRAIL_MAX } from './xmit/uoa.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { CIP, VIP, CLIENT_PORTS, WORD, RS_ISN1, RST_SEQ, MAC_LO } = CELL
const { CLIENT_ISN, OPENED } = COLD
const { at: recordAt, column: columnAt } = RECORD
const { TCP: TCP_KEY, IPV6 } = KEY
const { FULLNAT, SNAT } = METHOD
const { IPV6: IPV6_FAMILY } = Family
const { SRC: ETH_SRC } = ETH
const { SEQ: TCP_SEQ } = TCP
const { SYN } = FLAG

export class Drafts {
  readonly #pkt: DataView
  readonly #table: ConnTable
  readonly #dests: Dests
  /** By METHOD. */
  readonly methods: readonly Method[]
  readonly #placement: Placement
  readonly #random: Random
  /** Of the last draft: its RS, and the binding that it is to be opened with. */
  dest: Dest | undefined
  binding = 0
  /** The RS for which a connection was taken that is neither open nor given back yet. */
  taken: Dest | undefined

  constructor(parts: Parts, methods: Methods) {
    this.#pkt = parts.frames.pkt
    this.#table = parts.table
    this.#dests = parts.dests
    this.methods = methods.all
    this.#placement = new Placement(parts)
    this.#random = parts.random
  }

  /**
   * A draft for the client's packet in p: RS by the scheduler, record, LIP and lport, sequence delta (the order of semantics
   * 1.5). => Its conn, or minus a drop reason with nothing left behind.
   */
  make(p: Parsed, service: Service, clientArm: number, now: number): number {
    const first = this.methods[service.match === null ? FULLNAT : SNAT]
    const refusal = service.isMixed ? 0 : first.refusal(service)
    if (refusal !== 0) return refusal
    const without = service.isMixed ? 0 : first.without(service, p)
    const dest = this.#placement.destFor(service, p, without, now)
    if (dest === undefined) return -nobody(p.key & PROTOCOL_BITS, without)
    this.taken = dest
    const conn = this.#table.take()
    if (conn === NO_CONN) {
      this.settle()
      return -Drop.CONN_TABLE_FULL
    }
    const pkt = this.#pkt
    const { cells, cold } = this.#table
    const at = recordAt(conn)
    const column = columnAt(conn)
    cells[at | CIP] = p.saddr
    cells[at | VIP] = p.daddr
    cells[at | CLIENT_PORTS] = p.ports
    if (p.key >= IPV6) this.#table.wide.set(p.source, column)
    if (p.key >= IPV6 && service.match !== null) this.#table.syn.set(p.target, column)
    const isTcp = (p.key & PROTOCOL_BITS) === TCP_KEY
    // Without SYN it has brought a cookie back (syn-proxy.ts), and is one behind the number that it began with.
    const behind = isTcp && (p.flags & SYN) === 0 ? 1 : 0
    cold[column | CLIENT_ISN] = isTcp ? pkt.getInt32(p.l4 + TCP_SEQ) - behind : 0
    cold[column | OPENED] = now
    const method = service.match === null ? dest.method : SNAT
    const unbound =
      behind === 1 && !movesNumbers(p, method, dest)
        ? -Drop.TCP_NO_CONN
        : this.methods[method].bind(conn, service, dest, now)
    if (unbound !== 0) {
      this.settle()
      this.#table.giveBack(conn)
      return unbound
    }
    cells[at | WORD] = firstWord(pkt.getUint16(p.eth + ETH_SRC), this.#random.below(1000))
    cells[at | MAC_LO] = pkt.getInt32(p.eth + ETH_SRC + 2)
    // Who is told of by a header, or is seen, has no UOA.
    const tells = service.proxy !== 0 || method !== FULLNAT
    cells[at | RS_ISN1] = tells && !isTcp ? UOA_TRAIL_MAX : 0
    cells[at | RST_SEQ] = 0
    this.dest = dest
    const outKey = dest.family === IPV6_FAMILY ? p.key : p.key & PROTOCOL_BITS
    const due = service.proxy !== 0 && method === FULLNAT ? HEADER_DUE : 0
    const more = due | (behind * SYN_PROXIED)
    this.binding = binding(kindOf(p.key, outKey, method) | more, dest.index, clientArm)
    return conn
  }

  /** What was taken for the last draft is its RS's again, unless that is settled. */
  settle(): void {
    const { taken } = this
    this.taken = undefined
    if (taken !== undefined) this.#dests.give(taken)
  }

  /** The draft that was made last is not wanted. */
  giveBack(conn: number): void {
    this.methods[RECORD.method(this.binding)].release(conn)
    this.settle()
    this.#table.giveBack(conn)
  }
}

/** Why there is no RS for a packet of this protocol; of a ping it is the addresses that are passed over `without` an lport, if there are any. */
function nobody(protocol: number, without: number): number {
  if (protocol === KEY.ICMP) return without !== 0 ? Drop.LPORT_EXHAUSTED : Drop.ICMP_NO_RS
  return protocol === TCP_KEY ? Drop.TCP_NO_RS : Drop.UDP_NO_RS
}

/** Of the client, as a cookie needs it: the RS's way or family may have become another one since it was given. */
function movesNumbers({ key }: Parsed, method: number, { family }: Dest): boolean {
  return method === FULLNAT && family === familyOfKey(key)
}

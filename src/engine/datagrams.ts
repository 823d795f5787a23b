/**
 * Datagrams of known connections, as usual.ts and verify.ts have it of segments. What goes on as it did moves only the time at
 * which the connection ends, and is not summed for it. One that would move more, because the RS answers for the first time or
 * is heard of, or the client has another MAC, is summed first; and so is one that may leave behind a header of UOA, which takes
 * its checksum away and with it what would show the RS that it is spoilt. A checksum of zero says that there is none (RFC 768).
 */

import { fold, pseudoSum, sumWords } from '../wire/checksum.ts'
import { ETH } from '../wire/ethernet.ts'
import { PROTO } from '../wire/ipv4.ts'
import { pseudoSum6 } from '../wire/ipv6.ts'
import { UDP } from '../wire/udp.ts'
import { CELL, KEY, PROTOCOL_BITS, RECORD, STATE_MASK } from './conn-layout.ts'
import type { Conns } from './conns.ts'
import { Drop } from './counters.ts'
import type { Egress } from './egress.ts'
import type { UdpOptions } from './options.ts'
import type { Parsed } from './parsed.ts'
import type { Parts } from './parts.ts'
import { DestCell } from './service.ts'
import { nextState, tableOf } from './states.ts'
import { UdpState } from './udp-state.ts'
import { GOOD } from './usual.ts'
import { UoaMode } from './xmit/uoa.ts'

// Numbers of this module's own (ARCHITECTURE.md, Constants).
const { WORD, BINDING, DEADLINE, MAC_LO, UOA_SENT } = CELL
const { of: recordOf, jitter, dest: destOf } = RECORD
const { UDP: KEY_UDP, ICMP: KEY_ICMP, IPV6 } = KEY
const PROTOCOL = PROTOCOL_BITS
const { NORMAL } = UdpState
const { ESTABLISHED_MS } = DestCell
const { SRC: ETH_SRC } = ETH
const { CHECKSUM: UDP_CHECKSUM, HEADER: UDP_HEADER } = UDP
const { UDP: PROTO_UDP } = PROTO
const STATE_BITS = STATE_MASK

/** An echo, whose checksum has been looked at before it came this far (pings.ts). */
export function isPing(p: Parsed): boolean {
  return (p.key & PROTOCOL) === KEY_ICMP
}

/** True if the checksum is right, or partial, or there is none. */
export function isIntactDatagram(pkt: DataView, p: Parsed): boolean {
  if (p.partial === 1) return true
  const bytes = UDP_HEADER + p.payload
  if (p.key >= IPV6)
    return fold(pseudoSum6(pkt, p.ip, PROTO_UDP, bytes) + sumWords(pkt, p.l4, bytes)) === 0xffff
  if (pkt.getUint16(p.l4 + UDP_CHECKSUM) === 0) return true
  const sum = pseudoSum(p.saddr, p.daddr, PROTO_UDP, bytes) + sumWords(pkt, p.l4, bytes)
  return fold(sum) === 0xffff
}

export class Datagrams {
  readonly #pkt: DataView
  readonly #conns: Conns
  readonly #cells: Int32Array
  readonly #destCells: Int32Array
  readonly #egress: Egress
  /** ms by state, which others set. */
  readonly #timeoutMs: Int32Array
  /** Datagrams of a client that may leave without a checksum. */
  readonly #bare: number

  /** `timeoutMs` may change, the other options do not. */
  constructor(
    { frames, table, dests }: Parts,
    conns: Conns,
    egress: Egress,
    timeoutMs: Int32Array,
    { uoa, uoaMaxTrail }: UdpOptions,
  ) {
    this.#pkt = frames.pkt
    this.#conns = conns
    this.#cells = table.cells
    this.#destCells = dests.cells
    this.#egress = egress
    this.#timeoutMs = timeoutMs
    this.#bare = uoa === UoaMode.OPP ? uoaMaxTrail : 0
  }

  /** The datagram has opened tuple t. => GOOD */
  begin(t: number, now: number): number {
    this.#move(t, now)
    return GOOD
  }

  /** One of tuple t, which is known: it moves what it can. => GOOD, or minus a drop reason and nothing done */
  hear(t: number, p: Parsed, dest: number, now: number): number {
    const at = recordOf(t)
    const word = this.#cells[at | WORD]
    const outward = (t & 1) === 1
    const isUsual = outward
      ? (word & STATE_BITS) === NORMAL && !this.#egress.isNewsOfNextHop(p, dest, now)
      : this.#cells[at | UOA_SENT] >= this.#bare && this.#isOfKnownMac(at, word, p)
    if (isUsual) {
      this.#refresh(at, word, now)
      return GOOD
    }
    if (!isPing(p) && !isIntactDatagram(this.#pkt, p)) return -Drop.UDP_CHECKSUM
    if (outward) this.#egress.confirmRs(p, dest, now)
    else this.#rememberClient(at, p)
    this.#move(t, now)
    return GOOD
  }

  /** Moves the state for a datagram of tuple t and refreshes the timer. */
  #move(t: number, now: number): void {
    const at = recordOf(t)
    const state = this.#cells[at | WORD] & STATE_BITS
    const after = nextState(tableOf(KEY_UDP, t), state, 0)
    if (after !== state) this.#conns.datagramMoved(t >> 1, state, after, now)
    this.#refresh(at, this.#cells[at | WORD], now)
    // The time of the new state may be shorter.
    if (after !== state) this.#conns.times.fileAnew(t >> 1)
  }

  #isOfKnownMac(at: number, word: number, p: Parsed): boolean {
    const pkt = this.#pkt
    return (
      pkt.getInt32(p.eth + ETH_SRC + 2) === this.#cells[at | MAC_LO] &&
      pkt.getUint16(p.eth + ETH_SRC) === word >>> 16
    )
  }

  /** The client's MAC may change while a connection lives: a gateway fails over. */
  #rememberClient(at: number, p: Parsed): void {
    const pkt = this.#pkt
    const cells = this.#cells
    cells[at | MAC_LO] = pkt.getInt32(p.eth + ETH_SRC + 2)
    cells[at | WORD] = (cells[at | WORD] & 0xffff) | (pkt.getUint16(p.eth + ETH_SRC) << 16)
  }

  /** A service's own time is that of every state (semantics 2.5). */
  #refresh(at: number, word: number, now: number): void {
    const cells = this.#cells
    const own = this.#destCells[(destOf(cells[at | BINDING]) << 4) | ESTABLISHED_MS]
    const timeout = own === 0 ? this.#timeoutMs[word & STATE_BITS] : own
    cells[at | DEADLINE] = now + timeout + jitter(word)
  }
}

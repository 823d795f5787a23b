/**
 * FullNAT: the RS sees LIP and lport, the client VIP and vport. Read fullnat semantics 3 and RFC 1624 before changing
 * the translation.
 *
 * Both directions: addresses and ports become the mirror of the other tuple. IN: seq += delta; on a SYN the timestamp
 * option becomes NOPs; TOA. OUT: ack and SACK edges -= delta; MSS - 8 on the SYN+ACK. Nothing else is touched: IP ID,
 * TOS, DF, options, window and the RS's own sequence numbers pass through.
 *
 * Checksums are adjusted by differences, never computed anew, so that a segment that was corrupt when it came is still
 * corrupt when it leaves. With a partial checksum only pseudo-header changes count.
 */

import { diff32 } from '../../wire/checksum.ts'
import { TCP } from '../../wire/tcp.ts'
import { CELL, type ConnTable, RS_SEEN } from '../conn.ts'
import { type Counters, Event } from '../counters.ts'
import type { Frames } from '../frames.ts'
import type { Parsed } from '../parsed.ts'
import { decrementTtl, readdress } from './ip.ts'
import { rewriteTcp, settleHdrLen } from './tcp.ts'
import { insertToa, ToaMode, wantsToa } from './toa.ts'

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { SADDR, DADDR, PORTS, DELTA, WORD, RS_ISN1 } = CELL
const { ACK: TCP_ACK } = TCP
const { OFF } = ToaMode
const SEEN = RS_SEEN

export class FullNat {
  readonly #frames: Frames
  readonly #cells: Int32Array
  readonly #counters: Counters
  readonly #toaMode: number
  readonly #decrementsTtl: boolean

  constructor(
    frames: Frames,
    conns: ConnTable,
    counters: Counters,
    toaMode: number,
    decrementsTtl: boolean,
  ) {
    this.#frames = frames
    this.#cells = conns.cells
    this.#counters = counters
    this.#toaMode = toaMode
    this.#decrementsTtl = decrementsTtl
  }

  /**
   * Translates the segment of tuple t. The frame may grow towards its headroom; its Ethernet header is not valid
   * afterwards and the caller writes it. `mtu` is that of the arm it leaves on. => Event.TOA_MTU or TOA_NO_ROOM if a TOA
   * that was due could not be added, else 0.
   */
  translate(slot: number, p: Parsed, t: number, mtu: number): number {
    const { pkt } = this.#frames
    const cells = this.#cells
    const conn = (t >> 1) << 4
    const inward = (t & 1) === 0
    const toa = inward && this.#isToaDue(pkt, p, conn)
    const peer = conn | (inward ? 4 : 0)
    const src = cells[peer | DADDR]
    const dst = cells[peer | SADDR]
    const turned = cells[peer | PORTS]
    const ports = (turned << 16) | (turned >>> 16)
    const addresses = diff32(p.saddr, src) + diff32(p.daddr, dst)
    const withToa = this.#toaMode !== OFF
    rewriteTcp(pkt, p, inward, ports, cells[conn | DELTA], addresses, withToa, this.#counters)
    readdress(pkt, p.ip, src, dst, addresses)
    if (this.#decrementsTtl) decrementTtl(pkt, p.ip)
    const failed = toa ? this.#addToa(slot, p, conn, mtu) : 0
    if (p.gsoSize !== 0) settleHdrLen(pkt, p)
    return failed
  }

  #isToaDue(pkt: DataView, p: Parsed, conn: number): boolean {
    const cells = this.#cells
    const ackIsFirst =
      (cells[conn | WORD] & SEEN) !== 0 && pkt.getInt32(p.l4 + TCP_ACK) === cells[conn | RS_ISN1]
    return wantsToa(this.#toaMode, p.flags, ackIsFirst)
  }

  /** => 0, or why it is not there. */
  #addToa(slot: number, p: Parsed, conn: number, mtu: number): number {
    const cells = this.#cells
    const cport = cells[conn | PORTS] >>> 16
    const failed = insertToa(this.#frames, slot, p, cells[conn], cport, mtu, this.#toaMode)
    this.#counters.count(failed === 0 ? Event.TOA_ADDED : failed)
    return failed
  }
}

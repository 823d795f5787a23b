/**
 * FullNAT: the RS sees LIP and lport, the client VIP and vport. Read semantics 3 and RFC 1624 before changing
 * the translation.
 *
 * Both directions: addresses and ports become the mirror of the other tuple. IN: seq += delta; on a SYN the timestamp
 * option becomes NOPs; TOA. OUT: ack and SACK edges -= delta; MSS - 8 on the SYN+ACK. Nothing else is touched: IP ID,
 * TOS, DF, options, window and the RS's own sequence numbers pass through.
 *
 * Checksums are adjusted by differences, never computed anew, so that a segment that was corrupt when it came is still
 * corrupt when it leaves. With a partial checksum only pseudo-header changes count.
 */

import type { Parsed } from '../parsed.ts'
import type { Parts } from '../parts.ts'
import { TcpRewrite } from './tcp.ts'

export class FullNat {
  readonly #tcp: TcpRewrite

  constructor(parts: Parts, toaMode: number, decrementsTtl: boolean) {
    this.#tcp = new TcpRewrite(parts, toaMode, decrementsTtl)
  }

  /**
   * Translates the segment of tuple t. The frame may grow towards its headroom; its Ethernet header is not valid
   * afterwards and the caller writes it. `mtu` is that of the arm it leaves on. => Event.TOA_MTU or TOA_NO_ROOM if a TOA
   * that was due could not be added, else 0.
   */
  translate(slot: number, p: Parsed, t: number, mtu: number): number {
    return this.#tcp.rewrite(slot, p, t, mtu)
  }
}

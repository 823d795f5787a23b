/**
 * Frames that have waited for an RS's next hop in vain: whoever sent one learns at once that the RS cannot be reached, and need
 * not find out by waiting (RFC 1812 5.2.7.1: host unreachable, by the last router of the way).
 */

import { ETH } from '../wire/ethernet.ts'
import { IPV4, PROTO } from '../wire/ipv4.ts'
import { Located } from '../wire/locate.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { UDP } from '../wire/udp.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { Arm } from './arm.ts'
import { type ConnTable, NO_CONN } from './conn.ts'
import { KEY } from './conn-layout.ts'
import type { Egress } from './egress.ts'
import type { Frames } from './frames.ts'
import type { TranslatedErrors } from './icmp-errors.ts'
import type { IcmpErrors } from './icmp-output.ts'
import type { Parts } from './parts.ts'
import { isUoaAlone } from './xmit/uoa.ts'

export class Unreachable {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #table: ConnTable
  readonly #errors: IcmpErrors
  readonly #translated: TranslatedErrors
  readonly #egress: Egress
  readonly #headers = new Located()

  constructor(
    { frames, arms, table }: Parts,
    errors: IcmpErrors,
    translated: TranslatedErrors,
    egress: Egress,
  ) {
    this.#frames = frames
    this.#arms = arms
    this.#table = table
    this.#errors = errors
    this.#translated = translated
    this.#egress = egress
  }

  /**
   * The frame in `slot`, which was for an RS, is given up. => true if it has become the error to its client, in the outbox of that
   * one's arm; false, and nothing done, if it is none of a client
   */
  returns(slot: number): boolean {
    const { start, length } = this.#frames
    const t = this.#answer(start[slot] + VNET.BYTES, start[slot] + length[slot])
    if (t < 0 || (t & 1) === 0) return false
    const { l3, end } = this.#headers
    if (!this.#errors.returned(slot, l3, end - l3)) return false
    const eth = start[slot] + VNET.BYTES
    const ip = eth + ETH.HEADER
    this.#translated.translate(ip, ip + IPV4.HEADER, t)
    const arm = this.#arms[this.#table.clientArm(t >> 1)]
    this.#egress.toClient(eth, arm, t >> 1)
    arm.send(slot)
    return true
  }

  /**
   * The tuple that an answer to the frame at `eth`, of which there are bytes up to `end`, would have, or below 0. An RST is
   * none of a client that waits, and a datagram with nothing but UOA is one that we have sent ahead.
   */
  #answer(eth: number, end: number): number {
    const { pkt } = this.#frames
    const headers = this.#headers
    if (!headers.find(pkt, eth, end) || end < headers.l4 + UDP.HEADER) return NO_CONN
    const { l3, l4, protocol } = headers
    const isTcp = protocol === PROTO.TCP
    if (!isTcp && protocol !== PROTO.UDP) return NO_CONN
    if (isTcp && (end < l4 + TCP.HEADER || (pkt.getUint8(l4 + TCP.FLAGS) & FLAG.RST) !== 0))
      return NO_CONN
    if (!isTcp && isUoaAlone(pkt, l3, l4)) return NO_CONN
    const ports = pkt.getInt32(l4)
    return this.#table.find(
      isTcp ? KEY.TCP : KEY.UDP,
      pkt.getInt32(l3 + IPV4.DST),
      pkt.getInt32(l3 + IPV4.SRC),
      (ports << 16) | (ports >>> 16),
    )
  }
}

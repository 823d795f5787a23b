/**
 * Frames that have waited for an RS's next hop in vain: whoever sent one learns at once that the RS cannot be reached, and need
 * not find out by waiting (RFC 1812 5.2.7.1: host unreachable, by the last router of the way).
 */

import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { IPV4, PROTO } from '../wire/ipv4.ts'
import { IPV6, NEXT, readAddress6 } from '../wire/ipv6.ts'
import { Located } from '../wire/locate.ts'
import { FLAG, TCP } from '../wire/tcp.ts'
import { UDP } from '../wire/udp.ts'
import { VNET } from '../wire/vnet-hdr.ts'
import type { AddressBook } from './address-book.ts'
import type { Arm } from './arm.ts'
import { type ConnTable, NO_CONN } from './conn.ts'
import { CELL, KEY, RECORD } from './conn-layout.ts'
import { answerPorts, quotedKey } from './echo-tuple.ts'
import type { Egress } from './egress.ts'
import { Family } from './family.ts'
import type { Frames } from './frames.ts'
import type { IcmpErrors } from './icmp-output.ts'
import type { Parts } from './parts.ts'
import { type Errors, errorsFor } from './quoted.ts'
import { isUoaAlone } from './xmit/uoa.ts'

type ReturnedErrors = Pick<IcmpErrors, 'returned'>
const { of: recordOf } = RECORD
const { IPV4: IPV4_FAMILY, IPV6: IPV6_FAMILY } = Family

export class Unreachable {
  readonly #frames: Frames
  readonly #arms: readonly Arm[]
  readonly #table: ConnTable
  readonly #book: AddressBook
  /** By family. */
  readonly #errors: readonly ReturnedErrors[]
  readonly #translated: Errors
  readonly #egress: Egress
  readonly #headers = new Located()
  /** Of the frame at hand. */
  #family: number = IPV4_FAMILY

  constructor(
    { frames, arms, table, book }: Parts,
    errors: readonly ReturnedErrors[],
    translated: Errors,
    egress: Egress,
  ) {
    this.#frames = frames
    this.#book = book
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
    const family = this.#family
    if (!this.#errors[family].returned(slot, l3, end - l3)) return false
    const eth = start[slot] + VNET.BYTES
    const ip = eth + ETH.HEADER
    const isSix = family === IPV6_FAMILY
    const icmp = ip + (isSix ? IPV6.HEADER : IPV4.HEADER)
    const binding = this.#table.cells[recordOf(t) | CELL.BINDING]
    const errors = errorsFor(this.#translated, isSix ? KEY.IPV6 : 0, binding)
    errors.translate(slot, ip, icmp, t)
    const to = start[slot] + VNET.BYTES
    const arm = this.#arms[this.#table.clientArm(t >> 1)]
    this.#egress.toClient(to, arm, t >> 1)
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
    const isSix = pkt.getUint16(eth + ETH.TYPE) === ETHERTYPE.IPV6
    this.#family = isSix ? IPV6_FAMILY : IPV4_FAMILY
    const found = isSix ? headers.readIpv6(pkt, eth + ETH.HEADER, end) : headers.find(pkt, eth, end)
    if (!found || end < headers.l4 + UDP.HEADER) return NO_CONN
    const { l3, l4, protocol } = headers
    const key = quotedKey(protocol, isSix ? NEXT.ICMPV6 : PROTO.ICMP, pkt.getUint8(l4))
    if (key < 0) return NO_CONN
    const isTcp = key === KEY.TCP
    if (isTcp && (end < l4 + TCP.HEADER || (pkt.getUint8(l4 + TCP.FLAGS) & FLAG.RST) !== 0))
      return NO_CONN
    // Errors are translated of packets without extension headers, as those are that come from others (parsed6.ts).
    if (isSix && l4 !== l3 + IPV6.HEADER) return NO_CONN
    if (key === KEY.UDP && !isSix && isUoaAlone(pkt, l3, l4)) return NO_CONN
    const back = answerPorts(pkt, l4, key)
    if (!isSix)
      return this.#table.find(key, pkt.getInt32(l3 + IPV4.DST), pkt.getInt32(l3 + IPV4.SRC), back)
    // It was for an RS: both addresses have words.
    const lip = this.#book.read(pkt, l3 + IPV6.SRC)
    const rip = this.#book.read(pkt, l3 + IPV6.DST)
    const t = this.#table.find(key | KEY.IPV6, rip, lip, back)
    return t < 0 ? this.#answerByDigest(key | KEY.IPV6, l3, back) : t
  }

  /** By NAT the client's own stays, which is the source; by SNAT it was for whom a host inside speaks to. */
  #answerByDigest(key: number, ip: number, ports: number): number {
    const { pkt } = this.#frames
    const { index } = this.#table
    const { sought } = index
    const book = this.#book
    readAddress6(pkt, ip + IPV6.SRC, sought)
    const client = book.digest(sought[0], sought[1], sought[2], sought[3])
    const t = index.findWide(key, book.read(pkt, ip + IPV6.DST), client, ports)
    if (t >= 0) return t
    readAddress6(pkt, ip + IPV6.DST, sought)
    const far = book.far(sought[0], sought[1], sought[2], sought[3])
    return index.findWide(key, far, book.read(pkt, ip + IPV6.SRC), ports)
  }
}

/** What translation does to the TCP header: ports, the client's own sequence numbers, options. */

import { adjusted, diff32, fold } from '../../wire/checksum.ts'
import { TCP } from '../../wire/tcp.ts'
import { VNET } from '../../wire/vnet-hdr.ts'
import type { Counters } from '../counters.ts'
import type { Parsed } from '../parsed.ts'
import { inOptions, isUsual, outOptions } from './tcp-options.ts'

// Numbers of this module's own: V8 compiles them in, and loads and checks what is imported at every use.
const { SPORT: TCP_SPORT, SEQ: TCP_SEQ, ACK: TCP_ACK, CHECKSUM: TCP_CHECKSUM } = TCP
/** Every offset fits; said with a mask, it spares V8 the overflow check of each sum with it. */
const OFFSET_BITS = 0x3fffffff

/**
 * Gives the segment other ports and moves the client's own numbers: its seq on the way in, what acknowledges it on the way
 * out. `addresses` is the difference of the addresses, which the checksum covers. `toa` says whether TOA may be added.
 */
export function rewriteTcp(
  pkt: DataView,
  p: Parsed,
  inward: boolean,
  ports: number,
  delta: number,
  addresses: number,
  toa: boolean,
  counters: Counters,
): void {
  const l4 = p.l4 & OFFSET_BITS
  let options = 0
  if (!isUsual(pkt, p)) {
    options = inward ? inOptions(pkt, p, counters) : outOptions(pkt, p, delta, toa)
  }
  // All is read before anything is written: behind a store through the DataView V8 checks and loads anew what it knew.
  const moves = l4 + (inward ? TCP_SEQ : TCP_ACK)
  const before = pkt.getInt32(moves)
  const after = (inward ? before + delta : before - delta) | 0
  const field = pkt.getUint16(l4 + TCP_CHECKSUM)
  const sum =
    p.partial === 1
      ? fold(field + addresses)
      : adjusted(field, addresses + diff32(p.ports, ports) + diff32(before, after) + options)
  pkt.setInt32(l4 + TCP_SPORT, ports)
  pkt.setInt32(moves, after)
  pkt.setUint16(l4 + TCP_CHECKSUM, sum)
}

/** The length of the headers of a frame to be segmented is ours to keep true. */
export function settleHdrLen(pkt: DataView, p: Parsed): void {
  pkt.setUint16(p.eth - VNET.BYTES + VNET.HDR_LEN, p.l4 - p.eth + p.tcpHeader, true)
}

/** Packets of the ends, as bytes: what they send, as a TAP would give it, and what they read of what the balancer sends. */

import { FLAG_LETTERS, type PrintedTcp, segmentIn } from '../see/frame/notation.ts'
import { ipv4Int } from '../wire/address.ts'
import { fold, pseudoSum, sumWords } from '../wire/checksum.ts'
import { ETH, ETHERTYPE } from '../wire/ethernet.ts'
import { IPV4, PROTO, writeIpv4 } from '../wire/ipv4.ts'
import { TCP } from '../wire/tcp.ts'
import { UDP, udpSum } from '../wire/udp.ts'
import { VNET } from '../wire/vnet-hdr.ts'

/** Both ends of a packet. */
export interface Ends {
  src: string
  sport: number
  dst: string
  dport: number
}

export interface Segment extends Ends {
  flags: number
  seq: number
  ack: number
  window: number
  options: readonly number[]
  /** Bytes of payload, which are zero. */
  length: number
}

/** The last bytes of a MAC; the first ones are those of virtual machines. */
export const MACS = { client: 0x0002, rs: 0x0102 } as const
/** The first ones, which both have. */
export const MAC_HIGH = 0x5254
const IP_AT = VNET.BYTES + ETH.HEADER
const L4_AT = IP_AT + IPV4.HEADER

/** To the arm with this MAC. */
function packet(from: keyof typeof MACS, to: readonly number[], bytes: number): DataView {
  const frame = new Uint8Array(L4_AT + bytes)
  frame.set(to, VNET.BYTES)
  const view = new DataView(frame.buffer)
  view.setUint16(VNET.BYTES + 6, MAC_HIGH)
  view.setUint32(VNET.BYTES + 8, MACS[from])
  view.setUint16(VNET.BYTES + ETH.TYPE, ETHERTYPE.IPV4)
  return view
}

function finish(view: DataView, ends: Ends, protocol: number, checksumAt: number): Uint8Array {
  const [src, dst] = [ipv4Int(ends.src), ipv4Int(ends.dst)]
  const bytes = view.byteLength - L4_AT
  writeIpv4(view, IP_AT, protocol, IPV4.HEADER + bytes, src, dst)
  const sum = ~fold(pseudoSum(src, dst, protocol, bytes) + sumWords(view, L4_AT, bytes)) & 0xffff
  view.setUint16(L4_AT + checksumAt, protocol === PROTO.UDP ? udpSum(sum) : sum)
  return new Uint8Array(view.buffer)
}

/** `options` are padded with NOPs by who gives them. */
export function tcpFrame(from: keyof typeof MACS, to: readonly number[], s: Segment): Uint8Array {
  const header = TCP.HEADER + s.options.length
  const view = packet(from, to, header + s.length)
  view.setUint16(L4_AT + TCP.SPORT, s.sport)
  view.setUint16(L4_AT + TCP.DPORT, s.dport)
  view.setUint32(L4_AT + TCP.SEQ, s.seq)
  view.setUint32(L4_AT + TCP.ACK, s.ack)
  view.setUint8(L4_AT + TCP.OFFSET, header << 2)
  view.setUint8(L4_AT + TCP.FLAGS, s.flags)
  view.setUint16(L4_AT + TCP.WINDOW, s.window)
  new Uint8Array(view.buffer).set(s.options, L4_AT + TCP.HEADER)
  return finish(view, s, PROTO.TCP, TCP.CHECKSUM)
}

export function udpFrame(
  from: keyof typeof MACS,
  to: readonly number[],
  ends: Ends,
  length: number,
): Uint8Array {
  const view = packet(from, to, UDP.HEADER + length)
  view.setUint16(L4_AT + UDP.SPORT, ends.sport)
  view.setUint16(L4_AT + UDP.DPORT, ends.dport)
  view.setUint16(L4_AT + UDP.LENGTH, UDP.HEADER + length)
  return finish(view, ends, PROTO.UDP, UDP.CHECKSUM)
}

/** A segment with the flags as bits; undefined for what is none. */
export function readTcp(frame: Uint8Array): (PrintedTcp & { bits: number }) | undefined {
  const found = segmentIn(frame)
  if (found === undefined) return undefined
  const bits = [...FLAG_LETTERS].reduce(
    (sum, letter, i) => (found.flags.includes(letter) ? sum | (1 << i) : sum),
    0,
  )
  return { ...found, bits }
}

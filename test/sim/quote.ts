/** ICMP errors as routers and hosts make them, and what a host reads of one that it gets (RFC 792, RFC 1812 4.3.2). */

import { icmpFrame, type Way } from './ip.ts'
import { folded, get16, get32, IP_AT, ipHeader, put16, sum } from './packet.ts'
import { mix } from './random.ts'

export const Icmp = { ECHO_REPLY: 0, UNREACHABLE: 3, QUENCH: 4, REDIRECT: 5, ECHO: 8 } as const
export const TIME_EXCEEDED = 11
export const PARAMETER = 12
/** Codes of UNREACHABLE. */
export const Code = { NET: 0, HOST: 1, PORT: 3, FRAG_NEEDED: 4, PROHIBITED: 13 } as const

/** A packet that is quoted: all of it that is known, offsets aside. */
export interface Quote {
  type: number
  code: number
  /** What FRAG_NEEDED says. */
  mtu: number
  /** Of the error. */
  from: number
  /** Of the packet. */
  src: number
  dst: number
  protocol: number
  /** Both ports; of TCP the number behind them, of UDP length and checksum. */
  ports: number
  word: number
  /** TCP's, or undefined if it is not quoted. */
  ack: number | undefined
  /** All of it is quoted, and its checksum of TCP or UDP is wrong. */
  isWrong: boolean
}

/** Makes an error about the packet in a frame, of which so many bytes are quoted at most. */
export function errorAbout(
  about: Uint8Array,
  way: Way,
  [type, code]: readonly [number, number],
  mtu: number,
  quoted: number,
): Uint8Array {
  const bytes = Math.min(get16(about, IP_AT + 2), Math.max(quoted, ipHeader(about) + 8))
  const message = new Uint8Array(8 + bytes)
  message[0] = type
  message[1] = code
  put16(message, 6, mtu)
  message.set(about.subarray(IP_AT, IP_AT + bytes), 8)
  return icmpFrame(way, message, { id: 7, df: false, ttl: 64 })
}

/** Whether there may be an error about the packet: none about errors, later fragments, and RSTs (RFC 1812 4.3.2.7). */
export function isBlamable(bytes: Uint8Array): boolean {
  if ((get16(bytes, IP_AT + 6) & 0x1fff) !== 0) return false
  if (bytes[IP_AT + 9] !== 1) return true
  const type = bytes[IP_AT + ipHeader(bytes)]
  return type === Icmp.ECHO || type === Icmp.ECHO_REPLY
}

/** The error in a frame without fault(); a string says what is wrong with what it quotes. */
export function readQuote(bytes: Uint8Array): Quote | string {
  const icmp = IP_AT + ipHeader(bytes)
  const at = icmp + 8
  const there = IP_AT + get16(bytes, IP_AT + 2) - at
  const header = ((bytes[at] as number) & 15) * 4
  if (there < header + 8) return 'less than a header'
  if (folded(sum(bytes, at, at + header)) !== 0xffff) return 'IP checksum'
  const l4 = at + header
  const protocol = bytes[at + 9] as number
  const total = get16(bytes, at + 2)
  const isWhole = total <= there && (get16(bytes, at + 6) & 0x3fff) === 0
  const has = protocol !== 17 || get16(bytes, l4 + 6) !== 0
  const isSummed = isWhole && has && (protocol === 6 || protocol === 17)
  const pseudo = sum(bytes, at + 12, at + 20) + protocol + total - header
  return {
    type: bytes[icmp] as number,
    code: bytes[icmp + 1] as number,
    mtu: get16(bytes, icmp + 6),
    from: get32(bytes, IP_AT + 12),
    src: get32(bytes, at + 12),
    dst: get32(bytes, at + 16),
    protocol,
    ports: get32(bytes, l4),
    word: get32(bytes, l4 + 4),
    ack: protocol === 6 && there >= header + 12 ? get32(bytes, l4 + 8) : undefined,
    isWrong: isSummed && folded(pseudo + sum(bytes, l4, at + total)) !== 0xffff,
  }
}

/** What a host has sent, by what an error may quote of it. */
export class Sent {
  readonly #keys = new Set<number>()

  note(bytes: Uint8Array): void {
    const protocol = bytes[IP_AT + 9] as number
    if (protocol === 1 || (get16(bytes, IP_AT + 6) & 0x1fff) !== 0) return
    const at = IP_AT + ipHeader(bytes)
    const first = mix(get32(bytes, IP_AT + 16), get32(bytes, at), get32(bytes, at + 4), protocol)
    this.#keys.add(first)
    if (protocol === 6) this.#keys.add(mix(first, get32(bytes, at + 8)))
  }

  has({ dst, ports, word, protocol, ack }: Quote): boolean {
    const key = (said: number) => mix(dst, ports, said, protocol)
    // One without a checksum got one on its way.
    if (protocol === 17) {
      return this.#keys.has(key(word)) || this.#keys.has(key(word & 0xffff_0000))
    }
    return this.#keys.has(key(word)) && (ack === undefined || this.#keys.has(mix(key(word), ack)))
  }
}

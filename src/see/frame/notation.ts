/**
 * Segments in tcpdump's own notation (`tcpdump -nS`), so that a transcript reads like a capture.
 *
 *   202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 4164191644, win 29200, options [mss 1460,sackOK], length 0
 *
 * In front stands, as with `tcpdump -v`, `(ttl 63) ` or `(tos 0xb9, ttl 64) ` if TTL is not 64 and TOS not 0.
 */

import { IPV4, PROTO } from '../../wire/ipv4.ts'
import { IPV6 } from '../../wire/ipv6.ts'
import { locateIp } from '../../wire/locate.ts'
import { TCP } from '../../wire/tcp.ts'
import { addressesOf } from './located-text.ts'

/** A segment; sequence numbers are unsigned. */
export interface PrintedTcp {
  src: string
  sport: number
  dst: string
  dport: number
  /** Letters, as of flagLetters(). */
  flags: string
  seq: number
  ack: number
  win: number
  options: Uint8Array
  payload: { length: number }
  ttl: number
  tos: number
}

/** Of the flags, by bit from the lowest on. */
export const FLAG_LETTERS = 'FSRP.UEW'

/** S F P R U E W and then the dot of ACK, `none` for no flag. */
export function flagLetters(bits: number): string {
  let text = ''
  for (const letter of 'FSPRUEW') if (bits & (1 << FLAG_LETTERS.indexOf(letter))) text += letter
  return text + (bits & 0x10 ? '.' : '') || 'none'
}

/**
 * The segment in a frame's first bytes, from the Ethernet header on; undefined if there is none with whole headers. Its
 * payload is what the IP header says.
 */
export function segmentIn(bytes: Uint8Array): PrintedTcp | undefined {
  const pkt = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const found = locateIp(pkt)
  if (found?.protocol !== PROTO.TCP || found.version !== (found.isIpv6 ? 6 : 4)) return undefined
  const { isIpv6 } = found
  const { l3: ip, l4 } = found
  if (bytes.length < Math.max(l4, ip + IPV4.HEADER) + TCP.HEADER) return undefined
  const end = l4 + ((pkt.getUint8(l4 + TCP.OFFSET) >>> 4) << 2)
  const length = found.end - end
  if (end < l4 + TCP.HEADER || end > bytes.length || length < 0) return undefined
  const { source: src, destination: dst } = addressesOf(pkt, found)
  return {
    src,
    sport: pkt.getUint16(l4 + TCP.SPORT),
    dst,
    dport: pkt.getUint16(l4 + TCP.DPORT),
    flags: flagLetters(pkt.getUint8(l4 + TCP.FLAGS)),
    seq: pkt.getUint32(l4 + TCP.SEQ),
    ack: pkt.getUint32(l4 + TCP.ACK),
    win: pkt.getUint16(l4 + TCP.WINDOW),
    options: bytes.subarray(l4 + TCP.HEADER, end),
    payload: { length },
    ttl: pkt.getUint8(ip + (isIpv6 ? IPV6.HOP_LIMIT : IPV4.TTL)),
    tos: isIpv6 ? (pkt.getUint16(ip) >>> 4) & 0xff : pkt.getUint8(ip + IPV4.TOS),
  }
}

/** One line. */
export function printTcp(p: PrintedTcp): string {
  const end = (p.seq + p.payload.length) >>> 0
  const withSeq = p.payload.length > 0 || /[SFR]/.test(p.flags)
  const seq = p.payload.length > 0 ? `, seq ${p.seq}:${end}` : withSeq ? `, seq ${p.seq}` : ''
  const ack = p.flags.includes('.') ? `, ack ${p.ack}` : ''
  const options = p.options.length > 0 ? `, options [${printOptions(p.options)}]` : ''
  const tos = p.tos === 0 ? '' : `tos 0x${p.tos.toString(16)}, `
  const ip = p.tos === 0 && p.ttl === 64 ? '' : `(${tos}ttl ${p.ttl}) `
  const head = `${ip}${p.src}.${p.sport} > ${p.dst}.${p.dport}: Flags [${p.flags}]`
  return `${head}${seq}${ack}, win ${p.win}${options}, length ${p.payload.length}`
}

export function printOptions(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const words: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const kind = view.getUint8(at)
    const length = kind < 2 ? 1 : (bytes[at + 1] ?? 0)
    if (kind === 0) words.push('eol')
    else if (kind === 1) words.push('nop')
    else if (kind === 2 && length === 4) words.push(`mss ${view.getUint16(at + 2)}`)
    else if (kind === 3 && length === 3) words.push(`wscale ${bytes[at + 2]}`)
    else if (kind === 4 && length === 2) words.push('sackOK')
    else if (kind === 5 && length % 8 === 2) {
      let text = `sack ${(length - 2) / 8} `
      for (let edge = at + 2; edge < at + length; edge += 8)
        text += `{${view.getUint32(edge)}:${view.getUint32(edge + 4)}}`
      words.push(text)
    } else if (kind === 8 && length === 10)
      words.push(`TS val ${view.getUint32(at + 2)} ecr ${view.getUint32(at + 6)}`)
    else {
      const value = [...bytes.subarray(at + 2, at + length)]
      const hex = value.map(b => b.toString(16).padStart(2, '0')).join('')
      if (kind === 254) words.push(`exp-${hex.slice(0, 4)} ${hex.slice(4)}`.trim())
      else words.push(`unknown-${kind} ${hex}`.trim())
    }
    at += Math.max(1, length)
  }
  return words.join(',')
}

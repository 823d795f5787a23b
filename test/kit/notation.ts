/**
 * Segments read from tcpdump's own notation (`tcpdump -nS`), which src/see/frame/notation.ts prints, so that a transcript reads
 * like a capture and a capture can be pasted into a transcript.
 *
 *   202.108.10.2.33896 > 202.108.10.1.6379: Flags [S], seq 4164191644, win 29200, options [mss 1460,sackOK], length 0
 *
 * Kind 254 is `exp-8468 ca6c0a02`: tcpdump shows the first two bytes of the value, we add the others. Other kinds are
 * `unknown-34 0102`, value in hex. A payload is `length N` of `x`, or quoted text behind it. In front may stand, as with
 * `tcpdump -v`, `(ttl 63) ` or `(tos 0xb9, ttl 64) `; without it TTL is 64 and TOS 0.
 */

import { concat, type TcpFields } from './frame.ts'

export function parseOptions(text: string): Uint8Array {
  const parts = text.split(/,(?![^{]*})/).map(word => parseOption(word.trim()))
  return concat(...parts)
}

function parseOption(word: string): Uint8Array {
  const be32 = (value: number) => [
    value >>> 24,
    (value >>> 16) & 255,
    (value >>> 8) & 255,
    value & 255,
  ]
  const [name, ...rest] = word.split(/[ -]/)
  const n = Number(rest[0])
  if (name === 'nop') return Uint8Array.of(1)
  if (name === 'eol') return Uint8Array.of(0)
  if (name === 'mss') return Uint8Array.of(2, 4, n >> 8, n & 255)
  if (name === 'wscale') return Uint8Array.of(3, 3, n)
  if (name === 'sackOK') return Uint8Array.of(4, 2)
  if (name === 'TS')
    return Uint8Array.from([8, 10, ...be32(Number(rest[1])), ...be32(Number(rest[3]))])
  if (name === 'sack') {
    const edges = [...word.matchAll(/(\d+):(\d+)/g)].flatMap(m => [
      ...be32(Number(m[1])),
      ...be32(Number(m[2])),
    ])
    return Uint8Array.from([5, 2 + edges.length, ...edges])
  }
  if (name === 'exp' || name === 'unknown') {
    const kind = name === 'exp' ? 254 : n
    const hex = (name === 'exp' ? rest : rest.slice(1)).join('')
    const bytes = Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
    return concat(Uint8Array.of(kind, 2 + bytes.length), bytes)
  }
  throw new Error(`cannot read TCP option "${word}"`)
}

const LINE =
  /^(?:\((?:tos 0x([\da-f]+), )?ttl (\d+)\) )?([\da-f:.]+)\.(\d+) > ([\da-f:.]+)\.(\d+): Flags \[([^\]]*)\](?:, seq (\d+)(?::\d+)?)?(?:, ack (\d+))?, win (\d+)(?:, options \[([^\]]*)\])?, length (\d+)(?: "(.*)")?$/

/** Reads one line; the payload is the quoted text or `length` times `x`. Throws on what it cannot read. */
export function parseTcp(line: string): TcpFields {
  const m = LINE.exec(line)
  if (!m) throw new Error(`cannot read segment: ${line}`)
  const text = m[13] === undefined ? 'x'.repeat(Number(m[12])) : m[13].replaceAll('\\r\\n', '\r\n')
  if (text.length !== Number(m[12]))
    throw new Error(`payload of ${text.length} bytes, length ${m[12]}`)
  return {
    src: m[3],
    sport: Number(m[4]),
    dst: m[5],
    dport: Number(m[6]),
    flags: m[7] === 'none' ? '' : m[7],
    seq: Number(m[8] ?? 0),
    ack: Number(m[9] ?? 0),
    win: Number(m[10]),
    tos: Number.parseInt(m[1] ?? '0', 16),
    ttl: Number(m[2] ?? 64),
    ...(m[11] === undefined ? {} : { options: parseOptions(m[11]) }),
    payload: new TextEncoder().encode(text),
  }
}

/** tcpdump leaves out the number of what has no payload: it is the next one of its sender. */
export class Numbers {
  /** By sender and receiver. */
  readonly #next = new Map<string, number>()

  /** => the line with its number, if it is one of TCP; to be asked for all lines in their order */
  of(line: string): string {
    const [, ends, flags, seq, length] =
      /(\S+ > \S+): Flags \[(.*?)\](?:, seq (\d+))?.* length (\d+)/.exec(line) ?? []
    if (ends === undefined || flags === undefined) return line
    const first = Number(seq ?? this.#next.get(ends) ?? 0)
    this.#next.set(ends, first + Number(length) + (/[SF]/.test(flags) ? 1 : 0))
    return seq === undefined ? line.replace(/Flags \[.*?\]/, `$&, seq ${first}`) : line
  }
}

/** Ethertype of a packet by its first address, or by its line. */
export function typeOf(text: string): number {
  return /^(\(.*?\) )?[\da-f]*:/.test(text) ? 0x86dd : 0x0800
}

/**
 * The header of the PROXY protocol (haproxy.org/download/2.9/doc/proxy-protocol.txt): who the client is, in front of the first
 * byte of a stream, or of a datagram.
 *
 *   v1  PROXY TCP4 <source> <destination> <source port> <destination port>\r\n    text, at most 107 bytes
 *   v2  0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A | 21 | family, protocol | length | addresses, ports | more
 */

/** The two of them, as PROXY_V1 and PROXY_V2 of what a header says of itself. */
export const PROXY_V1 = 1
export const PROXY_V2 = 2

/** The longest header that we write: v1 of IPv6 with all digits. */
export const PROXY_MOST = 107
/** Bytes of v2 without addresses, with those of IPv4, and with those of IPv6. */
export const V2 = { HEADER: 16, IPV4: 28, IPV6: 52 } as const
/** Family and protocol of v2. */
export const V2_KIND = { UNSPEC: 0, TCP4: 0x11, UDP4: 0x12, TCP6: 0x21, UDP6: 0x22 } as const
/** Version and command of v2: a proxy speaks for a client, or for itself. */
export const V2_COMMAND = { LOCAL: 0x20, PROXY: 0x21 } as const

/** Signature of v2 as three words. */
const SIGNATURE = [0x0d0a0d0a, 0x000d0a51, 0x5549540a] as const
/** `PROX`, and the `Y ` behind it. */
const PROX = 0x50524f58
const Y_BLANK = 0x5920
const [CR, LF, BLANK, DOT, COLON, ZERO] = [0x0d, 0x0a, 0x20, 0x2e, 0x3a, 0x30]

const TCP4 = bytesOf('TCP4 ')
const TCP6 = bytesOf('TCP6 ')
const UNKNOWN = bytesOf('UNKNOWN')
const HEAD = bytesOf('PROXY ')

/** What is written here goes into a packet from `bytes`: one is made at a time. */
export class ProxyWriter {
  readonly bytes = new Uint8Array(PROXY_MOST + 1)
  length = 0

  /** Ports are source << 16 | destination. */
  v1(src: number, dst: number, ports: number): void {
    this.#begin(TCP4)
    this.#dotted(src)
    this.#byte(BLANK)
    this.#dotted(dst)
    this.#end(ports)
  }

  /** Of IPv6, whose addresses are 16 bytes at these places. */
  v1Wide(pkt: DataView, src: number, dst: number, ports: number): void {
    this.#begin(TCP6)
    this.#groups(pkt, src)
    this.#byte(BLANK)
    this.#groups(pkt, dst)
    this.#end(ports)
  }

  /** It says that it knows nobody. */
  v1Unknown(): void {
    this.#begin(UNKNOWN)
    this.#line()
  }

  /** `kind` is one of V2_KIND, of IPv4. */
  v2(kind: number, src: number, dst: number, ports: number): void {
    this.#beginV2(V2_COMMAND.PROXY, kind, V2.IPV4 - V2.HEADER)
    this.#word(src)
    this.#word(dst)
    this.#word(ports)
  }

  /** Of IPv6: 8 words of addresses. */
  v2Wide(kind: number, words: Int32Array, ports: number): void {
    this.#beginV2(V2_COMMAND.PROXY, kind, V2.IPV6 - V2.HEADER)
    for (let i = 0; i < 8; i++) this.#word(words[i])
    this.#word(ports)
  }

  v2Unknown(): void {
    this.#beginV2(V2_COMMAND.PROXY, V2_KIND.UNSPEC, 0)
  }

  #beginV2(command: number, kind: number, more: number): void {
    this.length = 0
    this.#word(SIGNATURE[0])
    this.#word(SIGNATURE[1])
    this.#word(SIGNATURE[2])
    this.#word((command << 24) | (kind << 16) | more)
  }

  #begin(family: Uint8Array): void {
    this.length = 0
    this.#all(HEAD)
    this.#all(family)
  }

  #end(ports: number): void {
    this.#byte(BLANK)
    this.#decimal(ports >>> 16)
    this.#byte(BLANK)
    this.#decimal(ports & 0xffff)
    this.#line()
  }

  #line(): void {
    this.#byte(CR)
    this.#byte(LF)
  }

  #all(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#byte(bytes[i])
  }

  #byte(value: number): void {
    this.bytes[this.length++] = value
  }

  #word(value: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) this.#byte(value >>> shift)
  }

  #dotted(address: number): void {
    for (let shift = 24; shift >= 0; shift -= 8) {
      if (shift < 24) this.#byte(DOT)
      this.#decimal((address >>> shift) & 0xff)
    }
  }

  #decimal(value: number): void {
    let scale = 1
    while (scale * 10 <= value) scale *= 10
    for (; scale >= 1; scale = Math.floor(scale / 10))
      this.#byte(ZERO + (Math.floor(value / scale) % 10))
  }

  /** As RFC 5952 writes it: who logs the words takes them as they are. */
  #groups(pkt: DataView, at: number): void {
    const run = longestZeros(pkt, at)
    const from = run >>> 4
    const end = from + (run & 15)
    for (let group = 0; group < 8; group++) {
      if (group >= from && group < end) {
        // Two colons stand for all of them.
        if (group === from) this.#byte(COLON)
        if (group === 7) this.#byte(COLON)
        continue
      }
      if (group > 0) this.#byte(COLON)
      const value = pkt.getUint16(at + 2 * group)
      let shift = 12
      while (shift > 0 && value >>> shift === 0) shift -= 4
      for (; shift >= 0; shift -= 4) {
        const digit = (value >>> shift) & 0xf
        this.#byte(digit < 10 ? ZERO + digit : 0x57 + digit)
      }
    }
  }
}

/** The first of the longest runs of groups of 0, if it has two at least: where it begins << 4 | how many, or 0 << 4 | 0. */
function longestZeros(pkt: DataView, at: number): number {
  let found = 0
  let run = 0
  for (let group = 0; group < 8; group++) {
    run = pkt.getUint16(at + 2 * group) === 0 ? run + 1 : 0
    if (run > 1 && run > (found & 15)) found = ((group - run + 1) << 4) | run
  }
  return found
}

/** Bytes of the header of this version for a client of IPv4. */
export function headerBytes(version: number, src: number, dst: number, ports: number): number {
  if (version === PROXY_V2) return V2.IPV4
  const digits = decimals(ports >>> 16) + decimals(ports & 0xffff)
  return HEAD.length + TCP4.length + dottedBytes(src) + dottedBytes(dst) + digits + 5
}

function dottedBytes(address: number): number {
  let bytes = 3
  for (let shift = 24; shift >= 0; shift -= 8) bytes += decimals((address >>> shift) & 0xff)
  return bytes
}

function decimals(value: number): number {
  if (value < 100) return value < 10 ? 1 : 2
  if (value < 1000) return 3
  return value < 10_000 ? 4 : 5
}

/** The version of the header that the `bytes` bytes at `at` begin with, whole or not, or 0 if they begin with none. */
export function versionAt(pkt: DataView, at: number, bytes: number): number {
  if (bytes < 8) return 0
  if (pkt.getInt32(at) === PROX && pkt.getUint16(at + 4) === Y_BLANK) return PROXY_V1
  if (bytes < V2.HEADER || pkt.getInt32(at) !== SIGNATURE[0]) return 0
  if (pkt.getInt32(at + 4) !== SIGNATURE[1] || pkt.getInt32(at + 8) !== SIGNATURE[2]) return 0
  return PROXY_V2
}

/** Bytes of the whole header that the `bytes` bytes at `at` begin with; 0 if they begin with none, or with a part of one. */
export function wholeHeader(pkt: DataView, at: number, bytes: number): number {
  const version = versionAt(pkt, at, bytes)
  if (version === PROXY_V1) return wholeV1(pkt, at, bytes)
  if (version !== PROXY_V2 || pkt.getUint8(at + 12) >>> 4 !== 2) return 0
  const length = V2.HEADER + pkt.getUint16(at + 14)
  if ((pkt.getUint8(at + 12) & 0xf) > 1 || length > bytes) return 0
  return length < leastOf(pkt.getUint8(at + 13)) ? 0 : length
}

function leastOf(kind: number): number {
  const family = kind >>> 4
  if (family === 1) return V2.IPV4
  return family === 2 ? V2.IPV6 : V2.HEADER
}

function wholeV1(pkt: DataView, at: number, bytes: number): number {
  const family = at + HEAD.length
  const end = at + Math.min(bytes, PROXY_MOST)
  if (
    !begins(pkt, family, end, TCP4) &&
    !begins(pkt, family, end, TCP6) &&
    !begins(pkt, family, end, UNKNOWN)
  )
    return 0
  for (let i = family; i + 1 < end; i++)
    if (pkt.getUint8(i) === CR) return pkt.getUint8(i + 1) === LF ? i + 2 - at : 0
  return 0
}

function begins(pkt: DataView, at: number, end: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > end) return false
  for (let i = 0; i < bytes.length; i++) if (pkt.getUint8(at + i) !== bytes[i]) return false
  return true
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, letter => letter.charCodeAt(0))
}

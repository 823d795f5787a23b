/**
 * Headers of the PROXY protocol as a client may send one of its own, and as an RS reads what comes first in its stream. Written from
 * the protocol's text; it shares nothing with the product.
 */

import { ipv4Text } from '../../src/wire/address.ts'

export type Version = 'v1' | 'v2'

/** proxy_protocol of a world's services. */
export interface Headers {
  version: Version
  insecure: boolean
}

/** Of TCP over IPv4. */
export interface Said {
  src: number
  sport: number
  dst: number
  dport: number
}

const SIGNATURE = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

export function headerOf(version: Version, { src, sport, dst, dport }: Said): Uint8Array {
  if (version === 'v1') {
    const line = `PROXY TCP4 ${ipv4Text(src)} ${ipv4Text(dst)} ${sport} ${dport}\r\n`
    return Buffer.from(line, 'latin1')
  }
  const out = Buffer.alloc(28)
  out.set([...SIGNATURE, 0x21, 0x11, 0, 12])
  out.writeInt32BE(src | 0, 16)
  out.writeInt32BE(dst | 0, 20)
  out.writeUInt16BE(sport, 24)
  out.writeUInt16BE(dport, 26)
  return out
}

/** Reads a header byte by byte. */
export class HeaderReader {
  readonly #version: Version
  readonly #bytes: number[] = []
  /** What is wrong with it. */
  wrong: string | undefined
  said: Said | undefined

  constructor(version: Version) {
    this.#version = version
  }

  get isWhole(): boolean {
    return this.said !== undefined
  }

  take(byte: number): void {
    this.#bytes.push(byte)
    const { length } = this.#bytes
    if (this.#version === 'v1') {
      if (length > 107) this.wrong = 'a line without an end'
      if (byte === 10) this.#line(Buffer.from(this.#bytes).toString('latin1'))
    } else if (length === 28) this.#block(Buffer.from(this.#bytes))
  }

  #line(text: string): void {
    const line = /^PROXY TCP4 ([\d.]+) ([\d.]+) (\d+) (\d+)\r\n$/.exec(text)
    if (line === null) {
      this.wrong = JSON.stringify(text)
      return
    }
    const [, src = '', dst = '', sport, dport] = line
    const word = (address: string) => Buffer.from(address.split('.').map(Number)).readInt32BE()
    this.said = { src: word(src), dst: word(dst), sport: Number(sport), dport: Number(dport) }
  }

  #block(bytes: Buffer): void {
    const head = [...SIGNATURE, 0x21, 0x11, 0, 12]
    if (!head.every((byte, i) => bytes[i] === byte)) this.wrong = bytes.toString('hex')
    const [src, dst] = [bytes.readInt32BE(16), bytes.readInt32BE(20)]
    this.said = { src, dst, sport: bytes.readUInt16BE(24), dport: bytes.readUInt16BE(26) }
  }
}

export function isSame(one: Said, other: Said): boolean {
  const ends = ({ src, sport, dst, dport }: Said) => `${src} ${sport} ${dst} ${dport}`
  return ends(one) === ends(other)
}

/**
 * Which RS the connection ID of a QUIC datagram names (semantics 8.5), so that a client whose address or port has changed stays where
 * its conversation is. Servers make the IDs that clients send to them (RFC 9000 5.1), and these do it so:
 *
 *   byte 0   anything
 *   byte 1   length of the address, less 1: 3 bits | a port follows: 1 bit | the first 4 bits of what follows
 *   ...      the last 1 to 8 bytes of the RS's address, and its port: all of it shifted by 4 bits
 *   ...      anything; 7 bytes at least in all
 */

import { IPV4_BITS } from '../wire/ip-address.ts'
import type { AddressBook } from './address-book.ts'
import type { Candidate } from './candidates.ts'
import { Family } from './family.ts'

const ID_LEAST = 7
/** Of a long header (RFC 8999 5.1): the bit that says it is one, the version, the length of the ID, and the ID. */
const [LONG, VERSION, ID_LENGTH, LONG_ID] = [0x80, 1, 5, 6]
/** Of a short one (RFC 8999 5.2); how long the ID is only its server knows. */
const SHORT_ID = 1
const NO_PORT = -1
/** The first four bits of byte 1: each length of an address, with a port or without. */
const [SHAPES, HAS_PORT] = [16, 1]

/** What is asked of an RS here. */
interface Server extends Candidate {
  /** Of `rip`. */
  readonly family: number
}

/** An RS as IDs of one kind tell it: the last 64 bits of its address at most, and its port or NO_PORT. */
interface Named<Dest> {
  dest: Dest
  hi: number
  lo: number
  port: number
}

/** The RSs of a service by what IDs say of them: a table for each kind of ID, made when the first one of its kind comes. */
export class ByConnectionId<Dest extends Server> {
  readonly #dests: readonly Dest[]
  readonly #book: AddressBook
  readonly #tables: (Map<number, Named<Dest>[]> | undefined)[] = new Array(SHAPES).fill(undefined)
  /** Of the last ID that was read: its packet has a short header, as all that are sent when both ends have met. */
  isShort = false
  #shape = 0
  #hi = 0
  #lo = 0
  #port = NO_PORT

  /** `dests` is the service's list, which others change. */
  constructor(dests: readonly Dest[], book: AddressBook) {
    this.#dests = dests
    this.#book = book
  }

  /** The list has changed. */
  renew(): void {
    this.#tables.fill(undefined)
  }

  /** The RS that the packet of QUIC in so many bytes from `at` on names; undefined if it names none of the service. */
  find(pkt: DataView, at: number, bytes: number): Dest | undefined {
    if (!this.#read(pkt, at, bytes)) return undefined
    const shape = this.#shape
    let table = this.#tables[shape]
    if (table === undefined) {
      table = this.#make(shape)
      this.#tables[shape] = table
    }
    const [hi, lo, port] = [this.#hi, this.#lo, this.#port]
    const found = table.get(hashOf(hi, lo, port))
    if (found === undefined) return undefined
    for (let i = 0; i < found.length; i++) {
      const named = found[i]
      if (named.hi === hi && named.lo === lo && named.port === port) return named.dest
    }
    return undefined
  }

  /** The ID's address and port. Of packets that share a datagram the first counts: all have one ID (RFC 9000 12.2). */
  #read(pkt: DataView, at: number, bytes: number): boolean {
    if (bytes <= ID_LEAST) return false
    const isLong = (pkt.getUint8(at) & LONG) !== 0
    // Nothing that a client sends negotiates versions (RFC 8999 6).
    if (isLong && pkt.getInt32(at + VERSION) === 0) return false
    const id = at + (isLong ? LONG_ID : SHORT_ID)
    const behind = bytes - (id - at)
    const length = isLong ? pkt.getUint8(at + ID_LENGTH) : behind
    if (length < ID_LEAST || length > behind) return false
    const shape = pkt.getUint8(id + 1) >>> 4
    const addressBytes = bitsOf(shape) / 8
    const hasPort = (shape & HAS_PORT) !== 0
    if (length < 2 + addressBytes + (hasPort ? 2 : 0)) return false
    this.isShort = !isLong
    this.#shape = shape
    this.#hi = 0
    this.#lo = 0
    let from = id + 1
    for (let i = 0; i < addressBytes; i++, from++) {
      this.#hi = (this.#hi << 8) | (this.#lo >>> 24)
      this.#lo = (this.#lo << 8) | shifted(pkt, from)
    }
    this.#port = hasPort ? (shifted(pkt, from) << 8) | shifted(pkt, from + 1) : NO_PORT
    return true
  }

  /** Of RSs that such IDs do not tell apart it is the same one on all workers. */
  #make(shape: number): Map<number, Named<Dest>[]> {
    const table = new Map<number, Named<Dest>[]>()
    const dests = [...this.#dests]
    dests.sort((a, b) => a.hashKey - b.hashKey || a.rport - b.rport)
    for (const dest of dests) {
      const named = this.#named(dest, shape)
      if (named === undefined) continue
      const { hi, lo, port } = named
      const hash = hashOf(hi, lo, port)
      const known = table.get(hash)
      if (known === undefined) table.set(hash, [named])
      else if (!known.some(each => each.hi === hi && each.lo === lo && each.port === port))
        known.push(named)
    }
    return table
  }

  /** undefined if its address is not as long as that. */
  #named(dest: Dest, shape: number): Named<Dest> | undefined {
    const { family, rip, rport } = dest
    const bits = bitsOf(shape)
    if (family === Family.IPV4 && bits > IPV4_BITS) return undefined
    const port = (shape & HAS_PORT) !== 0 ? rport : NO_PORT
    const [, , hi, lo] = family === Family.IPV4 ? [0, 0, 0, rip] : this.#book.cells(rip)
    return { dest, hi: last(hi, bits - 32), lo: last(lo, bits), port }
  }
}

/** Of the address that an ID of this shape has. */
function bitsOf(shape: number): number {
  return ((shape >>> 1) + 1) * 8
}

function last(word: number, bits: number): number {
  if (bits >= 32) return word
  return bits <= 0 ? 0 : word & ((1 << bits) - 1)
}

/** Eight bits that begin in the middle of a byte. */
function shifted(pkt: DataView, at: number): number {
  return (pkt.getUint16(at) >>> 4) & 0xff
}

/** Of murmur3's mixer; no client chooses what is in a table. */
function hashOf(hi: number, lo: number, port: number): number {
  const mixed = Math.imul(hi ^ Math.imul(port, 0x9e3779b1), 0x85ebca6b)
  return Math.imul(lo ^ (mixed >>> 15) ^ mixed, 0xc2b2ae35)
}

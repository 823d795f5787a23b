/**
 * A value as JSON in memory that outlives whoever wrote it (io/hold.ts). Two halves are written by turns, so that one is whole
 * whenever its writer dies:
 *
 *   sequence   int32 from 1 on, written last: of the whole ones the later counts; 0 for none
 *   bytes      int32
 *   sum        int32, FNV-1a of the bytes and of the two cells above, so that no half passes for a later one
 *   JSON
 */

import { createMemory, mapMemory, sizeOfMemory, sumOf } from '../../io/hold.ts'
import { closeFd } from '../../io/native.ts'
import type { Keeping } from './keeping.ts'

/** Of a half. Pages that were never written take no memory. */
const HALF = 32 * 1024 * 1024
const AT = { SEQUENCE: 0, BYTES: 1, SUM: 2 } as const
const HEAD = 64

/** Bytes of the memory. */
export const KEPT_JSON_BYTES = HALF * 2

export class KeptJson {
  readonly #halves: Uint8Array[]
  /** The sequence of what this one has written last. */
  #written = 0

  /** `memory` has KEPT_JSON_BYTES, all zero at first. */
  constructor(memory: ArrayBuffer) {
    this.#halves = [0, HALF].map(at => new Uint8Array(memory, at, HALF))
  }

  /** Of what was written last, 0 if nothing was: another one whenever something was written. */
  get sequence(): number {
    const latest = this.#latest()
    return latest ? sequenceOf(latest) : 0
  }

  /**
   * Whether what was written last is still what had that sequence when it was found whole. It takes no sum to know, unless something was
   * written since.
   */
  isStill(sequence: number): boolean {
    return this.#isLatest(sequence) || this.sequence === sequence
  }

  /** => what was written last, undefined if nothing was. Throws an Error in one line if nothing of it is whole. */
  read(): unknown {
    const latest = this.#latest()
    if (latest) return parsed(latest)
    if (this.#halves.some(half => sequenceOf(half) !== 0)) throw new Error('it is spoilt')
    return undefined
  }

  /** => false, and what was written last goes on to count, if it has no room */
  write(value: object): boolean {
    const bytes = Buffer.from(JSON.stringify(value))
    if (bytes.length > HALF - HEAD) return false
    const sequence = (this.#isLatest(this.#written) ? this.#written : this.sequence) + 1
    const half = this.#halves[sequence % 2] as Uint8Array
    const head = headOf(half)
    Atomics.store(head, AT.SEQUENCE, 0)
    half.set(bytes, HEAD)
    head[AT.BYTES] = bytes.length
    head[AT.SUM] = sumFor(sequence, bytes)
    Atomics.store(head, AT.SEQUENCE, sequence)
    this.#written = sequence
    return true
  }

  /** Nobody has written since, which takes no sum to know. */
  #isLatest(sequence: number): boolean {
    const [own, other] = [sequence, sequence + 1].map(at =>
      sequenceOf(this.#halves[at % 2] as Uint8Array),
    )
    return sequence > 0 && own === sequence && (other as number) < sequence
  }

  #latest(): Uint8Array | undefined {
    return this.#halves.filter(isWhole).sort((a, b) => sequenceOf(b) - sequenceOf(a))[0]
  }
}

export interface OpenJson {
  fd: number
  memory: ArrayBuffer
  /** Why, in words, if what was held is none, else ''. */
  lost: string
}

/** => what an earlier daemon has had held under the name, or in place of it new and empty memory, held by nobody. Throws NativeError. */
export function takeKeptJson(keeping: Keeping, name: string): OpenJson {
  const [before = -1, ...more] = keeping.take(name)?.fds ?? []
  const lost = before < 0 ? '' : unlike(before)
  const isOurs = before >= 0 && lost === ''
  for (const fd of isOurs ? more : [before, ...more]) if (fd >= 0) closeFd(fd)
  const fd = isOurs ? before : createMemory(`tapvs-${name}`, KEPT_JSON_BYTES)
  return { fd, memory: mapMemory(fd, 0, KEPT_JSON_BYTES), lost }
}

/** The same, and it is held from then on. */
export function openKeptJson(keeping: Keeping, name: string): OpenJson {
  const open = takeKeptJson(keeping, name)
  keeping.hold(name, { fds: [open.fd], about: null })
  return open
}

function unlike(fd: number): string {
  try {
    return sizeOfMemory(fd) === KEPT_JSON_BYTES ? '' : 'its memory has another size'
  } catch {
    return 'it is no memory of ours'
  }
}

const headOf = (half: Uint8Array) => new Int32Array(half.buffer, half.byteOffset, HEAD / 4)
const sequenceOf = (half: Uint8Array) => headOf(half)[AT.SEQUENCE] as number

function bytesOf(half: Uint8Array): Buffer {
  const bytes = headOf(half)[AT.BYTES] as number
  return Buffer.from(half.buffer, half.byteOffset + HEAD, bytes)
}

function isWhole(half: Uint8Array): boolean {
  const { [AT.SEQUENCE]: sequence = 0, [AT.BYTES]: bytes = -1, [AT.SUM]: sum } = headOf(half)
  if (sequence < 1 || bytes < 0 || bytes > HALF - HEAD) return false
  return sum === sumFor(sequence, bytesOf(half))
}

function sumFor(sequence: number, bytes: Uint8Array): number {
  return sumOf(Int32Array.of(sequence, bytes.length, sumOf(bytes)))
}

/** That the bytes are those which were written says nothing of who wrote them. */
function parsed(half: Uint8Array): unknown {
  try {
    return JSON.parse(bytesOf(half).toString())
  } catch {
    throw new Error('it is no JSON')
  }
}

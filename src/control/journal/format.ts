/**
 * The file of a journal. docs/replay.md has the same for people:
 *
 *   8 bytes "tapvsJB\n", then blocks: bytes of what follows u32 | kind u8 | worker u8 | 0 u16 | that, padded to 8
 *
 *   HEADER   JSON of JournalHeader; the first block
 *   IMAGE    pack() of the worker's EngineImage, deflated; before any record of that worker
 *   RECORDS  records of the worker's flight recorder (engine/flight-records.ts) one behind the other, oldest first
 *   END      JSON of JournalEnd; missing in a file whose writing was broken off
 *
 * Little-endian. A block that is not whole, and what is behind it, does not count.
 */

import { deflateRaw, inflateRawSync } from 'node:zlib'
import type { ConfigFile } from '../../config/schema.ts'
import { HeadCell } from '../../engine/flight-records.ts'
import type { EngineImage } from '../../engine/image.ts'
import { checkShape, damaged } from './damaged.ts'
import { pack, unpack } from './pack.ts'

/** The digit, or letter behind 9, is another when what is in an image, or what a number in a record means, has changed. */
const MAGIC_TEXT = 'tapvsJB\n'
const MAGIC = new TextEncoder().encode(MAGIC_TEXT)
const ANY_MAGIC = /^tapvsJ[\dA-Z]\n$/
const HEAD_BYTES = 8
/** A block says whose it is in a byte. */
const WORKERS_MAX = 256
const HEADER_MODEL = { tapvs: '', begun: '', config: {}, arms: [''], workers: 1 }
const END_MODEL = { why: '', lost: false }
/** Compressed images grow by a thousand at most; more than this is no image of ours. */
const IMAGE_BYTES_MAX = 2 ** 30

const Block = { HEADER: 1, IMAGE: 2, RECORDS: 3, END: 4 } as const

export interface JournalHeader {
  /** Version of tapvs that wrote it. */
  tapvs: string
  /** ISO 8601. */
  begun: string
  /** What ran when it began, as a config file has it. */
  config: ConfigFile
  /** Names of all arms by index, that of the health checks included. */
  arms: string[]
  workers: number
}

export interface JournalEnd {
  /** In words: `60 seconds are over`. */
  why: string
  /** Records were overwritten before they could be written down, so nothing behind them is. */
  lost: boolean
}

export interface Journal {
  header: JournalHeader
  /** By worker. */
  images: EngineImage[]
  /** By worker: its records. */
  records: Int32Array[][]
  /** undefined if it was broken off. */
  end: JournalEnd | undefined
}

/** The file's begin. */
export function headerBytes(header: JournalHeader): Uint8Array[] {
  return [MAGIC, ...block(Block.HEADER, 0, [json(header)])]
}

export function imageBytes(worker: number, image: EngineImage): Promise<Uint8Array[]> {
  return new Promise((done, fail) => {
    // In a thread of libuv's: it takes a second for a full table.
    deflateRaw(Buffer.concat(pack(image)), { level: 1 }, (error, bytes) => {
      if (error) fail(error)
      else done(block(Block.IMAGE, worker, [bytes]))
    })
  })
}

export function recordBytes(worker: number, records: readonly Int32Array[]): Uint8Array[] {
  const parts = records.map(
    ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength),
  )
  return block(Block.RECORDS, worker, parts)
}

export function endBytes(end: JournalEnd): Uint8Array[] {
  return block(Block.END, 0, [json(end)])
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}

function block(kind: number, worker: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const bytes = parts.reduce((sum, part) => sum + part.length, 0)
  const head = new Uint8Array(HEAD_BYTES)
  new DataView(head.buffer).setUint32(0, bytes, true)
  head[4] = kind
  head[5] = worker
  const left = -bytes & 7
  return left > 0 ? [head, ...parts, new Uint8Array(left)] : [head, ...parts]
}

/** Throws Error, in one line, if it is no journal or not even its images are whole. */
export function readJournal(bytes: Uint8Array): Journal {
  const magic = new TextDecoder().decode(bytes.subarray(0, MAGIC.length))
  if (magic !== MAGIC_TEXT) {
    const ofOthers = ANY_MAGIC.test(magic)
    throw new Error(
      ofOthers ? 'is a journal of another version of tapvs' : 'is no journal of tapvs',
    )
  }
  let header: JournalHeader | undefined
  let end: JournalEnd | undefined
  const images: EngineImage[] = []
  const records: Int32Array[][] = []
  try {
    for (const { kind, worker, body } of blocks(bytes)) {
      if (kind === Block.HEADER) header = headerOf(body)
      else if (kind === Block.IMAGE) images[worker] = imageOf(body)
      else if (kind === Block.END) end = parse(body, END_MODEL) as JournalEnd
      else if (kind === Block.RECORDS) append(records, worker, recordsOf(body))
    }
  } catch (error) {
    const { message } = error as Error
    throw message.startsWith('is damaged: ') ? error : damaged(message)
  }
  if (header === undefined) throw new Error('is broken off before its header ends')
  const whole = Array.from({ length: header.workers }, (_, worker) => images[worker])
  if (whole.includes(undefined)) throw new Error('is broken off before its images end')
  const all = whole.map((_, worker) => records[worker] ?? [])
  return { header, images: whole as EngineImage[], records: all, end }
}

function append(records: Int32Array[][], worker: number, more: Int32Array[]): void {
  const list = records[worker] ?? []
  records[worker] = list
  for (const record of more) list.push(record)
}

function parse(body: Uint8Array, model: object): unknown {
  const value: unknown = JSON.parse(new TextDecoder().decode(body))
  if (value === null) throw damaged('a block is empty')
  checkShape(value, model, 'a block')
  return value
}

function headerOf(body: Uint8Array): JournalHeader {
  const header = parse(body, HEADER_MODEL) as JournalHeader
  const { workers, arms, begun } = header
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKERS_MAX)
    throw damaged(`it is of ${workers} workers`)
  if (arms.includes(null as never)) throw damaged('an arm has no name')
  if (Number.isNaN(Date.parse(begun))) throw damaged('it says no time')
  return header
}

function imageOf(body: Uint8Array): EngineImage {
  return unpack(inflateRawSync(body, { maxOutputLength: IMAGE_BYTES_MAX })) as EngineImage
}

/** Those that are whole. */
function* blocks(bytes: Uint8Array): Generator<{ kind: number; worker: number; body: Uint8Array }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = MAGIC.length; at + HEAD_BYTES <= bytes.length; ) {
    const length = view.getUint32(at, true)
    const kind = view.getUint8(at + 4)
    const worker = view.getUint8(at + 5)
    const first = at + HEAD_BYTES
    at = first + length + (-length & 7)
    if (first + length > bytes.length) return
    yield { kind, worker, body: bytes.subarray(first, first + length) }
  }
}

/** Each begins with its size in cells. */
function recordsOf(body: Uint8Array): Int32Array[] {
  // Times in records are doubles: they have to lie where doubles may.
  const cells = new Int32Array(new Uint8Array(body).buffer, 0, body.length >> 2)
  const records: Int32Array[] = []
  for (let at = 0; at < cells.length; ) {
    const size = cells[at + HeadCell.SIZE] as number
    if (size < 8 || size % 2 === 1 || at + size > cells.length)
      throw new Error(`a record of ${size} cells`)
    records.push(cells.subarray(at, at + size))
    at += size
  }
  return records
}

/**
 * The pcapng stream of the daemon cut into whole blocks, so that a file is whole wherever the stream breaks off. It comes
 * from see/capture/pcapng.ts, so it is little-endian and its options are ours.
 */

import { BLOCK, OPTION, padded, statisticsBlock } from '../../see/capture/pcapng.ts'

const EMPTY = Buffer.alloc(0)

export class Blocks {
  #rest: Buffer = EMPTY
  readonly #interfaces: { packets: number; lost: number }[] = []
  #lastUs = 0
  /** The daemon has ended the file itself. */
  #ended = false

  get packets(): number {
    return this.#interfaces.reduce((sum, { packets }) => sum + packets, 0)
  }

  /** Time of the last packet, µs since 1970. */
  get lastUs(): number {
    return this.#lastUs
  }

  get lost(): number {
    return this.#interfaces.reduce((sum, { lost }) => sum + lost, 0)
  }

  /** => the whole blocks that are there now */
  add(chunk: Buffer): Buffer {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let end = 0
    while (end + 8 <= all.length) {
      const length = all.readUInt32LE(end + 4)
      if (end + length > all.length) break
      this.#count(all.subarray(end, end + length))
      end += length
    }
    this.#rest = all.subarray(end)
    return all.subarray(0, end)
  }

  /** What the file lacks at its end. */
  end(): Buffer {
    if (this.#ended) return EMPTY
    return Buffer.concat(
      this.#interfaces.map(({ packets, lost }, index) =>
        statisticsBlock(index, this.#lastUs, packets + lost, lost, []),
      ),
    )
  }

  #count(block: Buffer): void {
    const type = block.readUInt32LE(0)
    if (type === BLOCK.INTERFACE) this.#interfaces.push({ packets: 0, lost: 0 })
    else if (type === BLOCK.PACKET) {
      const found = this.#interfaces[block.readUInt32LE(8)]
      if (found === undefined) return
      found.packets++
      found.lost += lostBefore(block)
      this.#lastUs = block.readUInt32LE(12) * 2 ** 32 + block.readUInt32LE(16)
    } else if (type === BLOCK.STATISTICS) {
      const found = this.#interfaces[block.readUInt32LE(8)]
      // What was lost behind the last packet is told here only.
      if (found !== undefined) found.lost = lostAtEnd(block)
      this.#ended = true
    }
  }
}

function lostBefore(block: Buffer): number {
  return optionOf(block, 28 + padded(block.readUInt32LE(20)), OPTION.PACKET_LOST)
}

function lostAtEnd(block: Buffer): number {
  return optionOf(block, 20, OPTION.STATISTICS_LOST)
}

/** A number of 64 bits; 0 without. */
function optionOf(block: Buffer, from: number, wanted: number): number {
  for (let at = from; at + 12 <= block.length; ) {
    const code = block.readUInt16LE(at)
    if (code === OPTION.END) return 0
    if (code === wanted) return Number(block.readBigUInt64LE(at + 4))
    at += 4 + padded(block.readUInt16LE(at + 2))
  }
  return 0
}

/** => how many of the first `bytes` bytes are whole blocks, in blocks that are whole */
export function wholeBlocks(blocks: Buffer, bytes: number): number {
  let end = 0
  while (end + 8 <= bytes) {
    const length = blocks.readUInt32LE(end + 4)
    if (end + length > bytes) break
    end += length
  }
  return end
}

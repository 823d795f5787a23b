/** Reads pcapng, of either byte order and of several sections. Blocks that are none of ours are passed over. */

import { utf8Text } from '../text/utf8.ts'
import {
  type Captured,
  type CapturedInterface,
  type CapturedPacket,
  CaptureError,
  type TakePacket,
} from './captured.ts'
import { ethernetOf } from './link-types.ts'
import { BLOCK, BYTE_ORDER_MAGIC, DIRECTION, OPTION, padded } from './pcapng.ts'

/** Body and options of one block, without its type and lengths. */
interface Block {
  view: DataView
  /** Where it is in the file, for messages. */
  at: number
}

interface Source {
  /** Its place among the interfaces of the file. */
  index: number
  linkType: number
  snaplen: number
  /** ns = ticks * times / by + offset. */
  times: bigint
  by: bigint
  offsetNs: bigint
}

const SECOND = 1_000_000_000n

/** Throws CaptureError. */
export function readPcapng(bytes: Uint8Array, take?: TakePacket): Captured {
  return new Reader(bytes, take).read()
}

class Reader {
  readonly #bytes: Uint8Array
  readonly #file: DataView
  readonly #take: TakePacket
  #little = true
  /** Of this section; packets count them from 0. */
  #sources: Source[] = []
  readonly #found: Captured = {
    application: '',
    interfaces: [],
    packets: [],
    endComments: [],
    cut: null,
  }

  constructor(bytes: Uint8Array, take: TakePacket = packet => this.#found.packets.push(packet)) {
    this.#take = take
    this.#bytes = bytes
    this.#file = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  }

  read(): Captured {
    const file = this.#file
    const end = this.#bytes.length
    for (let at = 0, length = 0; at < end; at += length) {
      if (end - at < 12) return this.#cutAt(at)
      // The type of a section block reads the same either way, so it can say the byte order.
      if (file.getUint32(at) === BLOCK.SECTION) this.#begin(at)
      else if (at === 0) throw new CaptureError('not a pcapng file')
      length = file.getUint32(at + 4, this.#little)
      if (length < 12 || length % 4 !== 0)
        throw new CaptureError(`pcapng: block at byte ${at} says that it has ${length} bytes`)
      if (length > end - at) return this.#cutAt(at)
      if (file.getUint32(at + length - 4, this.#little) !== length)
        throw new CaptureError(`pcapng: block at byte ${at} does not end as it begins`)
      const { buffer, byteOffset } = this.#bytes
      const view = new DataView(buffer, byteOffset + at + 8, length - 12)
      this.#block(file.getUint32(at, this.#little), { view, at })
    }
    return this.#found
  }

  #cutAt(at: number): Captured {
    this.#found.cut = `the file ends in the midst of the block at byte ${at}`
    return this.#found
  }

  #begin(at: number): void {
    const magic = this.#file.getUint32(at + 8, true)
    this.#little = magic === BYTE_ORDER_MAGIC
    if (!this.#little && this.#file.getUint32(at + 8) !== BYTE_ORDER_MAGIC)
      throw new CaptureError(`pcapng: section at byte ${at} has no byte order`)
    this.#sources = []
  }

  #block(type: number, block: Block): void {
    if (type === BLOCK.SECTION) this.#section(block)
    else if (type === BLOCK.INTERFACE) this.#interface(block)
    else if (type === BLOCK.PACKET) this.#packet(block)
    else if (type === BLOCK.SIMPLE_PACKET) this.#simplePacket(block)
    else if (type === BLOCK.STATISTICS) {
      this.#need(block, 12)
      this.#options(block, 12, (code, value) => {
        if (code === OPTION.COMMENT) this.#found.endComments.push(utf8Text(value))
      })
    }
  }

  #section(block: Block): void {
    this.#need(block, 16)
    const major = block.view.getUint16(4, this.#little)
    if (major !== 1) throw new CaptureError(`pcapng: version ${major} at byte ${block.at}`)
    this.#options(block, 16, (code, value) => {
      if (code === OPTION.SECTION_APPLICATION) this.#found.application ||= utf8Text(value)
    })
  }

  #interface(block: Block): void {
    this.#need(block, 8)
    const { interfaces } = this.#found
    const described: CapturedInterface = {
      name: `if${interfaces.length}`,
      linkType: block.view.getUint16(0, this.#little),
    }
    const source: Source = {
      index: interfaces.length,
      linkType: described.linkType,
      snaplen: block.view.getUint32(4, this.#little),
      ...resolution(6),
      offsetNs: 0n,
    }
    this.#options(block, 8, (code, value) => {
      if (code === OPTION.INTERFACE_NAME) described.name = utf8Text(value)
      else if (code === OPTION.INTERFACE_RESOLUTION && value.length === 1)
        Object.assign(source, resolution(value[0] ?? 0))
      else if (code === OPTION.INTERFACE_OFFSET && value.length === 8) {
        const view = new DataView(value.buffer, value.byteOffset, 8)
        source.offsetNs = view.getBigInt64(0, this.#little) * SECOND
      }
    })
    interfaces.push(described)
    this.#sources.push(source)
  }

  #packet(block: Block): void {
    this.#need(block, 20)
    const { view } = block
    const little = this.#little
    const source = this.#source(view.getUint32(0, little), block)
    const captured = view.getUint32(12, little)
    this.#need(block, 20 + padded(captured))
    const high = BigInt(view.getUint32(4, little))
    const ticks = (high << 32n) | BigInt(view.getUint32(8, little))
    const packet: CapturedPacket = {
      atNs: (ticks * source.times) / source.by + source.offsetNs,
      interface: source.index,
      direction: null,
      length: view.getUint32(16, little),
      bytes: bytesOf(view, 20, captured),
      link: 'ethernet',
      comments: [],
      lost: 0,
    }
    this.#options(block, 20 + padded(captured), (code, value) => this.#say(packet, code, value))
    this.#add(packet, source)
  }

  #say(packet: CapturedPacket, code: number, value: Uint8Array): void {
    const view = new DataView(value.buffer, value.byteOffset, value.length)
    if (code === OPTION.COMMENT) packet.comments.push(utf8Text(value))
    else if (code === OPTION.PACKET_FLAGS && value.length === 4) {
      const way = view.getUint32(0, this.#little) & 3
      packet.direction = way === DIRECTION.IN ? 'in' : way === DIRECTION.OUT ? 'out' : null
    } else if (code === OPTION.PACKET_LOST && value.length === 8) {
      packet.lost = Number(view.getBigUint64(0, this.#little))
    }
  }

  /** It has neither a time nor an interface, and as many bytes as fit the snaplen. */
  #simplePacket(block: Block): void {
    this.#need(block, 4)
    const source = this.#source(0, block)
    const length = block.view.getUint32(0, this.#little)
    const captured = Math.min(length, source.snaplen || length, block.view.byteLength - 4)
    const bytes = bytesOf(block.view, 4, captured)
    const at = { atNs: 0n, interface: source.index, direction: null }
    this.#add({ ...at, length, bytes, link: 'ethernet', comments: [], lost: 0 }, source)
  }

  #add(packet: CapturedPacket, { linkType }: Source): void {
    this.#take(ethernetOf(packet, linkType, this.#found.interfaces))
  }

  #source(index: number, { at }: Block): Source {
    const source = this.#sources[index]
    if (source === undefined)
      throw new CaptureError(
        `pcapng: packet at byte ${at} is of interface ${index}, of ${this.#sources.length}`,
      )
    return source
  }

  #need({ view, at }: Block, bytes: number): void {
    if (view.byteLength < bytes) throw new CaptureError(`pcapng: block at byte ${at} is too short`)
  }

  #options(
    { view, at: place }: Block,
    from: number,
    each: (code: number, value: Uint8Array) => void,
  ): void {
    for (let at = from; at + 4 <= view.byteLength; ) {
      const code = view.getUint16(at, this.#little)
      const length = view.getUint16(at + 2, this.#little)
      if (code === OPTION.END) return
      if (at + 4 + length > view.byteLength)
        throw new CaptureError(`pcapng: an option of the block at byte ${place} is too long`)
      each(code, bytesOf(view, at + 4, length))
      at += 4 + padded(length)
    }
  }
}

function bytesOf(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length)
}

/** Of `if_tsresol`: a power of ten, or of two with the top bit set. */
function resolution(code: number): { times: bigint; by: bigint } {
  const exponent = BigInt(code & 0x7f)
  return { times: SECOND, by: (code & 0x80) === 0 ? 10n ** exponent : 2n ** exponent }
}

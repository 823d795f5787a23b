/** Capture files of either format, told apart by how they begin. */

import { type Captured, type CapturedPacket, CaptureError, type TakePacket } from './captured.ts'
import { ethernetOf } from './link-types.ts'
import { BLOCK } from './pcapng.ts'
import { readPcapng } from './pcapng-read.ts'

/** ns per tick, by the magic number in the file's byte order. */
const TICK = new Map([
  [0xa1b2c3d4, 1000n],
  [0xa1b23c4d, 1n],
])
const FILE_HEADER = 24
const PACKET_HEADER = 16
const SECOND = 1_000_000_000n

/**
 * Throws CaptureError, a line, on anything but pcapng and classic pcap. The bytes of packets are views of `bytes`. With `take` each
 * packet is handed over as it is read and none is kept: a million of them need more memory than the file.
 */
export function readCapture(bytes: Uint8Array, take?: TakePacket): Captured {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  if (bytes.length < 4) throw new CaptureError('no capture file: it has less than 4 bytes')
  if (view.getUint32(0) === BLOCK.SECTION) return readPcapng(bytes, take)
  for (const little of [true, false]) {
    const tick = TICK.get(view.getUint32(0, little))
    if (tick !== undefined) return readPcap(bytes, view, little, tick, take)
  }
  throw new CaptureError('no capture file: it is neither pcapng nor pcap')
}

/**
 *   file    u32 magic, u16 u16 version, 8 bytes, u32 snaplen, u32 link type (low 16 bits)
 *   packet  u32 seconds, u32 µs or ns, u32 captured, u32 on the wire, bytes
 */
function readPcap(
  bytes: Uint8Array,
  view: DataView,
  little: boolean,
  tick: bigint,
  take?: TakePacket,
): Captured {
  const found: Captured = {
    application: '',
    interfaces: [],
    packets: [],
    endComments: [],
    cut: null,
  }
  const keep = take ?? (packet => found.packets.push(packet))
  if (bytes.length < FILE_HEADER) throw new CaptureError('pcap: the file ends in its header')
  const linkType = view.getUint32(20, little) & 0xffff
  found.interfaces.push({ name: 'if0', linkType })
  for (let at = FILE_HEADER; at < bytes.length; ) {
    const begin = at + PACKET_HEADER
    const captured = begin <= bytes.length ? view.getUint32(at + 8, little) : 0
    if (begin + captured > bytes.length) {
      found.cut = `the file ends in the midst of the packet at byte ${at}`
      break
    }
    const packet: CapturedPacket = {
      atNs:
        BigInt(view.getUint32(at, little)) * SECOND + BigInt(view.getUint32(at + 4, little)) * tick,
      interface: 0,
      direction: null,
      length: view.getUint32(at + 12, little),
      bytes: bytes.subarray(begin, begin + captured),
      link: 'ethernet',
      comments: [],
      lost: 0,
    }
    keep(ethernetOf(packet, linkType, found.interfaces))
    at = begin + captured
  }
  return found
}

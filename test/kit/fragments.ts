/** IPv4 packets in fragments and put together again, without the product's own code. */

import assert from 'node:assert/strict'
import { WAN } from './connection.ts'
import { decode } from './decode.ts'
import { checksum, concat, ethernet, ipv4, type TcpFields, tcp } from './frame.ts'
import { CLIENT_MAC, type Out, RS_MAC, type Stand } from './stand.ts'

const word = (bytes: Uint8Array, at: number) => bytes[at] * 256 + bytes[at + 1]

/** A fragment of the packet, which is from the IP header on: `bytes` bytes of its payload from `offset` on. */
export function piece(
  packet: Uint8Array,
  offset: number,
  bytes: number,
  more?: boolean,
): Uint8Array {
  const header = (packet[0] & 15) * 4
  const payload = packet.subarray(header + offset, header + offset + bytes)
  const follows = more ?? header + offset + bytes < packet.length
  const made = concat(packet.subarray(0, header), payload)
  const flags = (word(packet, 6) & 0x4000) | (follows ? 0x2000 : 0) | (offset >> 3)
  made.set([made.length >> 8, made.length & 255], 2)
  made.set([flags >> 8, flags & 255], 6)
  return summed(made)
}

/** All of it, in fragments of at most `mtu` bytes. */
export function pieces(packet: Uint8Array, mtu: number): Uint8Array[] {
  const header = (packet[0] & 15) * 4
  const step = (mtu - header) & ~7
  const all: Uint8Array[] = []
  for (let at = 0; at < packet.length - header; at += step)
    all.push(piece(packet, at, Math.min(step, packet.length - header - at)))
  return all
}

/** The packet whose fragments these are, in any order; fails if they are not all there, or not of one datagram. */
export function whole(fragments: readonly Uint8Array[]): Uint8Array {
  const sorted = [...fragments].sort((a, b) => (word(a, 6) & 0x1fff) - (word(b, 6) & 0x1fff))
  let end = 0
  for (const [i, fragment] of sorted.entries()) {
    const header = (fragment[0] & 15) * 4
    assert.equal(checksum(fragment.subarray(0, header)), 0, 'IP checksum')
    assert.equal(fragment.length, word(fragment, 2), 'total length')
    assert.deepEqual(fragment.subarray(12, 20), sorted[0].subarray(12, 20), 'addresses')
    assert.equal(word(fragment, 4), word(sorted[0], 4), 'ID')
    assert.equal((word(fragment, 6) & 0x1fff) * 8, end, 'offset')
    assert.equal((word(fragment, 6) & 0x2000) !== 0, i < sorted.length - 1, 'more fragments')
    end += fragment.length - header
  }
  const header = (sorted[0][0] & 15) * 4
  const made = concat(
    sorted[0].subarray(0, header),
    ...sorted.map(f => f.subarray((f[0] & 15) * 4)),
  )
  made.set([made.length >> 8, made.length & 255], 2)
  const flags = word(made, 6) & 0x4000
  made.set([flags >> 8, 0], 6)
  return summed(made)
}

/** With the checksum of its IP header made right. */
export function summed(packet: Uint8Array): Uint8Array {
  const header = packet.subarray(0, (packet[0] & 15) * 4)
  header.set([0, 0], 10)
  const sum = checksum(header)
  header.set([sum >> 8, sum & 255], 10)
  return packet
}

const VIP = '202.108.10.1'
export const body = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 255)

export interface EchoFields {
  bytes?: number
  src?: string
  id?: number
  fragment?: number
  options?: Uint8Array
  tos?: number
}

/** The packet of a ping. */
export function echo({ bytes = 3000, src = '202.108.10.2', ...l3 }: EchoFields = {}): Uint8Array {
  const message = concat(Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1), body(bytes))
  const sum = checksum(message)
  message.set([sum >> 8, sum & 255], 2)
  return ipv4({ src, dst: VIP, protocol: 1, id: 77, fragment: 0, ...l3 }, message)
}

/** The packet of a segment, which may be fragmented. */
export function segment(fields: TcpFields, l3: object = {}): Uint8Array {
  return ipv4(
    { src: fields.src, dst: fields.dst, protocol: 6, id: 9, fragment: 0, ...l3 },
    tcp(fields),
  )
}

/** Of either family. */
export function put(stand: Stand, packet: Uint8Array, arm = WAN): Out[] {
  const mac = arm === WAN ? CLIENT_MAC : RS_MAC
  const type = packet[0] >> 4 === 6 ? 0x86dd : 0x0800
  return stand.input(arm, ethernet(stand.macOf(arm), mac, type, packet))
}

export const putAll = (stand: Stand, packets: readonly Uint8Array[], arm = WAN) =>
  packets.flatMap(packet => put(stand, packet, arm))

/** The packet of what was sent, which must be that of one datagram, judged as the kit judges frames; `join` is whole() or whole6(). */
export function sentWhole(
  out: readonly Out[],
  arm: string,
  join = whole,
): { packet: Uint8Array; sizes: number[] } {
  assert.ok(out.length > 0, 'nothing was sent')
  const packets = out.map(sent => {
    assert.equal(sent.arm, arm)
    return sent.bytes.subarray(24)
  })
  const packet = packets.length === 1 ? packets[0] : join(packets)
  decode(concat(out[0].bytes.subarray(0, 24), packet))
  return { packet, sizes: packets.map(({ length }) => length) }
}

/** That of the segment inside. */
export function sentSegment(out: readonly Out[], arm: string) {
  const { packet, sizes } = sentWhole(out, arm)
  const decoded = decode(concat(out[0].bytes.subarray(0, 24), packet))
  assert.ok(decoded.kind === 'tcp')
  return { ...decoded, sizes }
}

export function notLost(stand: Stand, during: () => void): void {
  const { frames } = stand.engine
  const before = frames.free
  during()
  assert.equal(frames.free, before, 'slots')
}

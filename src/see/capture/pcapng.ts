/**
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng): one section, little-endian, times in µs. Each function gives the bytes of one
 * or several blocks; a file is their concatenation, and is whole after each of them.
 *
 *   block   u32 type, u32 length, body padded to words, options, u32 length again
 *   option  u16 code, u16 length, value padded to words; 0 0 ends the list
 */

import { utf8Bytes } from '../text/utf8.ts'

export const BLOCK = {
  SECTION: 0x0a0d0d0a,
  INTERFACE: 1,
  SIMPLE_PACKET: 3,
  NAMES: 4,
  STATISTICS: 5,
  PACKET: 6,
} as const

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

export const OPTION = {
  END: 0,
  COMMENT: 1,
  SECTION_OS: 3,
  SECTION_APPLICATION: 4,
  INTERFACE_NAME: 2,
  INTERFACE_DESCRIPTION: 3,
  INTERFACE_RESOLUTION: 9,
  INTERFACE_OFFSET: 14,
  PACKET_FLAGS: 2,
  PACKET_LOST: 4,
  STATISTICS_END: 3,
  STATISTICS_RECEIVED: 4,
  STATISTICS_LOST: 5,
} as const

/** Low two bits of the packet flags. */
export const DIRECTION = { IN: 1, OUT: 2 } as const

const LINK_ETHERNET = 1
const MICROSECONDS = 6
const NAME_IPV4 = 1
const NAME_IPV6 = 2
/** Option values have 16 bits of length; a padded list of them stays below what a block may hold. */
const TEXT_MAX = 0xfff0

export interface SectionText {
  application: string
  os: string
  /** Shown with the file's properties. */
  comment: string
}

export interface PacketBlock {
  atUs: number
  /** Index of the interface block. */
  interface: number
  direction: 'in' | 'out'
  /** Bytes on the wire, of which `bytes` are the first. */
  length: number
  bytes: Uint8Array
  comments: readonly string[]
  /** Packets lost before this one; 0 is not written. */
  lost: number
}

export function sectionBlock({ application, os, comment }: SectionText): Uint8Array {
  const body = new Uint8Array(16)
  const view = new DataView(body.buffer)
  view.setUint32(0, BYTE_ORDER_MAGIC, true)
  view.setUint16(4, 1, true)
  // The section's length is not known when it begins.
  view.setBigInt64(8, -1n, true)
  return block(BLOCK.SECTION, body, [
    ...(comment === '' ? [] : [text(OPTION.COMMENT, comment)]),
    text(OPTION.SECTION_OS, os),
    text(OPTION.SECTION_APPLICATION, application),
  ])
}

/** All interfaces of a file need the same snaplen: tcpdump stops at a second one. */
export function interfaceBlock(name: string, description: string, snaplen: number): Uint8Array {
  const body = new Uint8Array(8)
  const view = new DataView(body.buffer)
  view.setUint16(0, LINK_ETHERNET, true)
  view.setUint32(4, snaplen, true)
  return block(BLOCK.INTERFACE, body, [
    text(OPTION.INTERFACE_NAME, name),
    text(OPTION.INTERFACE_DESCRIPTION, description),
    { code: OPTION.INTERFACE_RESOLUTION, value: Uint8Array.of(MICROSECONDS) },
  ])
}

/** Names of IPv4 addresses (four bytes each). */
export function namesBlock(names: readonly { address: Uint8Array; name: string }[]): Uint8Array {
  const records = names.map(({ address, name }) => ({
    code: address.length === 4 ? NAME_IPV4 : NAME_IPV6,
    value: Uint8Array.from([...address, ...utf8Bytes(name), 0]),
  }))
  const bytes = new Uint8Array(optionBytes(records))
  putOptions(new DataView(bytes.buffer), 0, records)
  return block(BLOCK.NAMES, bytes, [])
}

export function packetBlock(packet: PacketBlock): Uint8Array {
  const { bytes } = packet
  const body = new Uint8Array(20 + padded(bytes.length))
  const view = new DataView(body.buffer)
  view.setUint32(0, packet.interface, true)
  putTime(view, 4, packet.atUs)
  view.setUint32(12, bytes.length, true)
  view.setUint32(16, packet.length, true)
  body.set(bytes, 20)
  const options = packet.comments.map(comment => text(OPTION.COMMENT, comment))
  const flags = packet.direction === 'in' ? DIRECTION.IN : DIRECTION.OUT
  options.push({ code: OPTION.PACKET_FLAGS, value: Uint8Array.of(flags, 0, 0, 0) })
  if (packet.lost > 0) options.push({ code: OPTION.PACKET_LOST, value: u64(packet.lost) })
  return block(BLOCK.PACKET, body, options)
}

/** How many packets an interface got and how many of them the capture lost, at the end of a file. */
export function statisticsBlock(
  index: number,
  atUs: number,
  received: number,
  lost: number,
  comments: readonly string[],
): Uint8Array {
  const body = new Uint8Array(12)
  const view = new DataView(body.buffer)
  view.setUint32(0, index, true)
  putTime(view, 4, atUs)
  const end = new Uint8Array(8)
  putTime(new DataView(end.buffer), 0, atUs)
  return block(BLOCK.STATISTICS, body, [
    ...comments.map(comment => text(OPTION.COMMENT, comment)),
    { code: OPTION.STATISTICS_END, value: end },
    { code: OPTION.STATISTICS_RECEIVED, value: u64(received) },
    { code: OPTION.STATISTICS_LOST, value: u64(lost) },
  ])
}

interface Option {
  code: number
  value: Uint8Array
}

function text(code: number, value: string): Option {
  return { code, value: utf8Bytes(value).subarray(0, TEXT_MAX) }
}

function block(type: number, body: Uint8Array, options: readonly Option[]): Uint8Array {
  const length = 12 + body.length + (options.length === 0 ? 0 : optionBytes(options))
  const bytes = new Uint8Array(length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, type, true)
  view.setUint32(4, length, true)
  bytes.set(body, 8)
  if (options.length > 0) putOptions(view, 8 + body.length, options)
  view.setUint32(length - 4, length, true)
  return bytes
}

/** With the four zeros that end the list. */
function optionBytes(options: readonly Option[]): number {
  return options.reduce((sum, { value }) => sum + 4 + padded(value.length), 4)
}

function putOptions(view: DataView, from: number, options: readonly Option[]): void {
  const bytes = new Uint8Array(view.buffer)
  let at = from
  for (const { code, value } of options) {
    view.setUint16(at, code, true)
    view.setUint16(at + 2, value.length, true)
    bytes.set(value, at + 4)
    at += 4 + padded(value.length)
  }
}

/** High word first, whatever the byte order. */
function putTime(view: DataView, at: number, us: number): void {
  view.setUint32(at, Math.floor(us / 2 ** 32), true)
  view.setUint32(at + 4, us >>> 0, true)
}

function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, value >>> 0, true)
  view.setUint32(4, Math.floor(value / 2 ** 32), true)
  return bytes
}

/** In whole words; also of lengths beyond int32, as files may claim. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 4) * 4
}

/**
 * What outlives the process that made it: descriptors that travel to another process, and memory without a file
 * (native/messages.c, native/hold.c). All calls are synchronous and wait for nobody. Wrong argument types throw TypeError, sizes and places
 * outside of what there is RangeError, a system call that fails NativeError (native.ts).
 */

import { constants } from 'node:os'
import { loadAddon } from './addon.ts'

declare const copy: unique symbol
/** Memory that is ours alone, as it was when its cells were first written here, until it is shared. */
export interface Copy {
  readonly [copy]: true
}

interface Addon {
  socketPair(): [number, number]
  streamPair(): [number, number]
  sendFds(socket: number, bytes: Uint8Array, fds: Int32Array): void
  receiveFds(socket: number, bytes: Uint8Array, fds: Int32Array): number
  createMemory(name: string, bytes: number): number
  sizeOfMemory(fd: number): number
  endOfData(fd: number, offset: number, bytes: number): number
  mapMemory(fd: number, offset: number, bytes: number): ArrayBuffer
  copyMemory(fd: number, offset: number, bytes: number): [ArrayBuffer, Copy]
  shareCopy(copy: Copy): void
}

const addon = loadAddon<Addon>()

/** FNV-1a of cells or bytes, int32: what was broken off, or is of something else, has another. */
export function sumOf(values: Int32Array | Uint8Array): number {
  let sum = 0x811c9dc5 | 0
  for (const value of values) sum = Math.imul(sum ^ value, 0x01000193)
  return sum
}

/** Bytes of a message, at most. */
const MESSAGE_BYTES = 65_536
/** Descriptors of a message, at most: the kernel's SCM_MAX_FD. */
export const FDS_MOST = 253

/** => two ends of a socket that keeps messages apart (SOCK_SEQPACKET), non-blocking, close-on-exec, the caller's. */
export const socketPair: Addon['socketPair'] = addon.socketPair

/** The same without bounds between messages (SOCK_STREAM). */
export const streamPair: Addon['streamPair'] = addon.streamPair

export interface Message {
  text: string
  /** Close-on-exec, the receiver's. */
  fds: number[]
}

/**
 * Sends a message and copies of descriptors. Throws NativeError: EPIPE when the other end is gone, EAGAIN when it does not
 * read, EMSGSIZE, ETOOMANYREFS, EBADF.
 */
export function sendMessage(socket: number, { text, fds }: Message): void {
  const bytes = Buffer.from(text)
  if (bytes.length > MESSAGE_BYTES) throw new RangeError('a message is too long')
  addon.sendFds(socket, bytes, Int32Array.from(fds))
}

const bytes = Buffer.alloc(MESSAGE_BYTES)
const fds = new Int32Array(FDS_MOST)

const { EAGAIN, ECONNRESET, EINTR, EMSGSIZE } = constants.errno
/**
 * Errors behind which there may be more. An end that has gone without reading all that it was told resets the connection, which is said once,
 * ahead of what it has told us (unix_release_sock() of Linux).
 */
const GOES_ON: readonly number[] = [-EMSGSIZE, -EINTR, -ECONNRESET]

/** => the next message, null if none is there, 'end' if none will come. One that is too long is passed over. */
export function receiveMessage(socket: number): Message | null | 'end' {
  for (;;) {
    const length = addon.receiveFds(socket, bytes, fds)
    if (GOES_ON.includes(length)) continue
    if (length === -EAGAIN) return null
    if (length <= 0) return 'end'
    return { text: bytes.toString('utf8', 0, length), fds: [...fds].filter(fd => fd >= 0) }
  }
}

/**
 * => a descriptor of `bytes` of memory, all zero, close-on-exec, the caller's. It is no file on any disk (memfd_create(2)),
 * cannot change its size, takes memory where it was written, and lives as long as a descriptor or a mapping of it. `name`,
 * at most 63 bytes, shows in /proc.
 */
export const createMemory: Addon['createMemory'] = addon.createMemory

/** => bytes of the memory behind a descriptor. Throws NativeError: EINVAL for anything that createMemory has not made. */
export const sizeOfMemory: Addon['sizeOfMemory'] = addon.sizeOfMemory

/**
 * => how many of `bytes` from `offset` on lie before the end of the last page that was ever touched: behind them all is zero, and to look
 * there would take memory. Throws NativeError.
 */
export const endOfData: Addon['endOfData'] = addon.endOfData

/**
 * => `bytes` of such memory, from `offset` (whole pages of 4096 bytes) on, as a buffer that all who map it share. It cannot be
 * posted to another thread: each maps for itself. It is unmapped when nothing refers to it any more.
 */
export const mapMemory: Addon['mapMemory'] = addon.mapMemory

/**
 * The same, but what is written there nobody else sees, until shareCopy: then the buffer is what mapMemory gives, with the
 * pages that were there in reach, and what was written is forgotten.
 */
export const copyMemory: Addon['copyMemory'] = addon.copyMemory

/** Once. Throws RangeError for a copy that is shared already. */
export const shareCopy: Addon['shareCopy'] = addon.shareCopy

/** What an engine is made of: memory that may be seen from outside, what it needs of others, and what it is told once. */

import type { Arm } from './arm.ts'
import type { Counters } from './counters.ts'
import type { Frames } from './frames.ts'
import type { IsnSource } from './isn.ts'
import type { Peers } from './peers.ts'
import type { SessionOptions } from './sessions.ts'
import type { Templates } from './templates.ts'
import type { TraceRing } from './trace.ts'

export interface NeighOptions {
  /** Entries over all arms. */
  capacity: number
  /** At least Neighs.bytesFor(capacity) bytes: all zero, or with entries that adopt() takes over. */
  memory: ArrayBufferLike
  /** REACHABLE, in seconds. */
  timeoutSec: number
  /** Frames parked per unresolved entry. */
  queueLimit: number
}

export interface UdpOptions {
  /** ms per state, in the order of UdpState. */
  timeoutMs: Int32Array
  /** One of UoaMode. */
  uoa: number
  /** The first datagrams of a client in a connection that carry UOA, at most UOA_TRAIL_MAX. */
  uoaMaxTrail: number
}

/** Of what is answered by cookies. */
export interface SynProxyOptions {
  /** The largest MSS that a client is told. */
  mss: number
  /** It may send SACK. */
  sack: boolean
  /** Of the RS's windows, as a client is told them that scales its own; 0 for no scales. */
  scale: number
  /** SYNs to an RS behind the first one that it leaves without an answer. */
  tries: number
  /** Segments of a client that are held until its RS answers. */
  held: number
}

export interface FragmentOptions {
  /** Datagrams at once, 0 for no reassembly; never more than an eighth of the worker's slots. */
  datagrams: number
  /** Seconds from the first fragment that has come; later ones do not prolong it. */
  timeout: number
}

export interface EngineOptions {
  frames: Frames
  arms: readonly Arm[]
  counters: Counters
  trace: TraceRing
  isn: IsnSource
  /** At least connBytes(connCapacity) bytes, all zero or with records to be adopted; a power of two of conns. */
  connMemory: ArrayBufferLike
  connCapacity: number
  /** At least Dests.bytesFor(destCapacity) bytes, all zero. */
  destMemory: ArrayBufferLike
  destCapacity: number
  /** At least Limits.bytesFor(destCapacity) bytes, all zero or of other workers. */
  limitMemory: ArrayBufferLike
  /** At least Outcomes.bytesFor(destCapacity) bytes, all zero. */
  outcomeMemory: ArrayBufferLike
  /** Edges.bytes, all zero. */
  edgeMemory: ArrayBufferLike
  /** DropBook.bytes, all zero. */
  dropMemory: ArrayBufferLike
  /** Of all workers. */
  templates: Templates
  /** ms per state, in the order of State. */
  timeoutMs: Int32Array
  udp: UdpOptions
  neigh: NeighOptions
  /** AddressBook.bytesFor(bookCapacity) bytes, all zero or of an earlier engine. */
  bookMemory: ArrayBufferLike
  bookCapacity: number
  fragments: FragmentOptions
  synProxy: SynProxyOptions
  /** One of ToaMode. */
  toaMode: number
  /** Answer a bare ACK that has no connection with RST (master) instead of dropping it (seed). */
  rstOnBareAck: boolean
  /** A SYN that begins another connection on the entry of an old one keeps its RS, lport and delta. */
  keepOnReuse: boolean
  decrementTtl: boolean
  /** What a segment moves depends on its numbers and its checksum, and repeats of an RS do not renew a half-open connection. */
  strict: boolean
  /** Bytes of the largest window that an end has: what is further away is not believed. */
  windowMost: number
  /** Half-open connections make room for new ones when lports or records run short. */
  makeRoom: boolean
  /** Of what is short, the part that one client address may have; 1: any. */
  clientShare: number
  /** null when nobody wants a record per connection. */
  sessions: SessionOptions | null
  /** The other workers; null when there is one. */
  peers: Peers | null
  /** Any number but 0. */
  seed: number
  /** ms; its low 32 bits are what is called `now` from here on, and the long clock begins with all of it. */
  now: number
}

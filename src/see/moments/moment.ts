/**
 * What the appliance saw and did, one moment at a time: the common form of everything that shows packets (captures, the
 * ladder, explanations, the page). Moments are made of the flight recorder's records (moments.ts) or read back from a
 * capture; they are plain JSON, but for the bytes.
 *
 * A frame that comes in is one moment, and what leaves for it is another with the same `pair`.
 */

import type { ConnEnds } from '../words/ends.ts'

/** What became of a frame that came in. */
export type Verdict =
  | { sent: string /* the arm's name */ }
  /** It waits for a next hop's MAC. */
  | { parked: true }
  /** It did its work here, as an ARP reply does. */
  | { done: true }
  /** The name of a drop reason, `tcp_no_conn`. */
  | { drop: string }

/** A line of the engine, as in the debug log, and the same for programs. */
export interface Said {
  /** The kind in lower case: `lookup`, `conn_new`, `state`, `scheduled`. */
  event: string
  text: string
  fields: Record<string, unknown>
}

interface Common {
  /** µs since 1970, whole; one clock for all arms and workers. */
  atUs: number
  /** Number of the worker, from 1 on. */
  worker: number
  /** What links a frame that came in to what left for it; 0 for none. */
  pair: number
  /** null for a frame that belongs to no connection. */
  conn: ConnEnds | null
}

interface Frame extends Common {
  arm: string
  /** Bytes of the frame, Ethernet header included. */
  length: number
  /** Its first bytes, from the Ethernet header on. */
  bytes: Uint8Array
  /** Payload bytes per segment, if the kernel gave us several as one (GSO); else 0. */
  gsoSize: number
  /** The TCP checksum is left to the device. */
  partial: boolean
}

export interface FrameIn extends Frame {
  kind: 'in'
  /** `in` from the client, `out` from the RS; null without a connection. */
  direction: 'in' | 'out' | null
  verdict: Verdict
  /** The connection's state before and after it, NONE ESTABLISHED ...; before is null for a SYN that opened it. */
  states: { before: string | null; after: string } | null
  said: Said[]
}

export interface FrameOut extends Frame {
  kind: 'out'
  /** Of the frame that came in; null for one of our own (ARP, an RST on expiry). */
  direction: 'in' | 'out' | null
  /** What was changed on the way, in the order of the headers; empty for one of our own. */
  changes: Change[]
  /** Why the arm did not take it: the name of a drop reason. */
  drop: string | null
  /** Of our own frames: `arp_request`, `arp_reply`, `rst_on_expiry`, `rst_on_cut`, `own` ...; null for a translated one. */
  own: string | null
}

/** What happened without a frame: a timer, a neighbour. */
export interface Happening extends Common {
  kind: 'event'
  said: Said[]
}

export type Moment = FrameIn | FrameOut | Happening

/** One thing that translation changed. */
export interface Change {
  /**
   * `tunnelled`, `mac`, `tos`, `length`, `ip_id`, `fragment`, `ttl`, `protocol`, `ip_checksum`, `source`, `destination`, `ip_options`, `seq`,
   * `ack`, `flags`, `window`, `urgent`, `tcp_checksum`, `toa_added`, `mss`, `timestamp_removed`, `toa_voided`, `sack`, `options`,
   * `udp_length`, `udp_checksum`, `uoa_added`, `icmp_type`, `icmp_mtu`, `icmp_checksum`, `payload`, `ethertype`, and with `quoted_` in
   * front what became of the packet that an ICMP error quotes; changesOf() lists them in the order of the headers. FullNAT itself never makes `tos`, `ip_id`,
   * `fragment`, `protocol`, `ip_options`, `flags`, `window`, `urgent`, `payload`, `ethertype`, `icmp_type`, and
   * `options` only to make room for TOA; `fragment` differs where a datagram came or left in pieces.
   */
  what: string
  before: string
  after: string
  /** Of seq, ack and sack: what was added, modulo 2^32, as a signed int32. */
  delta?: number
}

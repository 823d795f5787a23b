/** One side of a packet in the ladder. */

import type { Segment } from '../frame/segment.ts'
import type { Brief } from './brief.ts'

/** A packet as seen on one side of the appliance. */
export interface Leg {
  atUs: number
  /** null for a frame that is no TCP segment; then `brief` says what it is if that is IPv4, and `words` whatever it is. */
  segment: Segment | null
  brief: Brief | null
  words: string
  /**
   * Relative to the connection's first sequence number of each sender, as tcpdump and wireshark count: SYN 0, first byte 1. As on the
   * wire without a connection.
   */
  seq: number
  ack: number
  /** Bytes of the frame. */
  length: number
  /** Payload bytes per segment if several came as one (GSO), else 0. */
  gsoSize: number
}

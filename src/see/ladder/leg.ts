/** One side of a packet in the ladder. */

import type { Segment } from '../frame/segment.ts'

/** A packet as seen on one side of the appliance. */
export interface Leg {
  atUs: number
  /** null for a frame that is no TCP segment; then `words` says what it is. */
  segment: Segment | null
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

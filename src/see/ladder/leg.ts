/** One side of a packet in the ladder. */

import { frameText } from '../frame/frame-text.ts'
import { type Segment, segmentOf } from '../frame/segment.ts'
import { tunnelled } from '../frame/tunnelled.ts'
import type { FrameIn, FrameOut } from '../moments/moment.ts'
import { type Brief, briefOf } from './brief.ts'

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

/** Of a frame that leaves in a tunnel it is what is inside: the header in front is told with the changes. */
export function legOf(frame: FrameIn | FrameOut): Leg {
  const { atUs, gsoSize, conn } = frame
  const inside =
    conn?.forwarding === 'tunnel' && frame.kind === 'out'
      ? tunnelled(frame.bytes, frame.length)
      : null
  const { bytes, length } = inside ?? frame
  const segment = segmentOf(bytes) ?? null
  const brief = segment ? null : briefOf(bytes, length)
  const words = segment ? '' : frameText(bytes, length)
  const { seq, ack } = segment ?? { seq: 0, ack: 0 }
  return { atUs, segment, brief, words, seq, ack, length, gsoSize }
}

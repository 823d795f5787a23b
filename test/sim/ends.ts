/** What a socket is made of, and whoever has it. */

import type { Events } from './events.ts'
import type { Segment } from './packet.ts'
import type { Socket } from './tcp.ts'

export type State =
  | 'SYN_SENT'
  | 'SYN_RCVD'
  | 'ESTABLISHED'
  | 'FIN_WAIT_1'
  | 'FIN_WAIT_2'
  | 'CLOSING'
  | 'CLOSE_WAIT'
  | 'LAST_ACK'
  | 'TIME_WAIT'
  | 'CLOSED'

/** Why a socket is no more. */
export type Why = 'closed' | 'reset' | 'refused' | 'gave up' | 'aborted' | 'lost'

/** Whoever has the socket. */
export interface App {
  connected(): void
  /** Bytes of the stream from `at` on; those of say() are ours. */
  heard(at: number, bytes: Uint8Array): void
  say(from: number, to: number): Uint8Array
  eof(): void
  /** Both ends have closed, or it is no more. May be said again. */
  over(why: Why): void
}

/** What it is made of. */
export interface Make {
  events: Events
  send: (segment: Segment, from: Socket) => void
  leave: (socket: Socket) => void
  src: number
  sport: number
  dst: number
  dport: number
  iss: number
  mss: number
  sack: boolean
  /** No segment is larger than its MSS says, whatever options it has. */
  fits: boolean
  /** First retransmission of what is not a SYN, ms. */
  rto: number
  /** ms of silence until the other end is asked whether it lives; 0 for never. */
  keepalive: number
}

/** Retransmissions until it gives up: of SYN, SYN+ACK, anything else, and of what nobody has open any more (Linux). */
const TRIES = { syn: 6, synAck: 5, data: 15, orphan: 8 } as const

/** So many times it sends what it sends in this state; `orphan` as in tcp.ts. */
export function mostTries({ state, orphan }: { state: State; orphan: boolean }): number {
  if (state === 'SYN_SENT') return TRIES.syn
  if (state === 'SYN_RCVD') return TRIES.synAck
  return orphan ? TRIES.orphan : TRIES.data
}

/** Who is behind an address that an RS sees: what is asked, and what is answered. */

import type { Protocol } from './protocols.ts'

/** `from` and `to` are ms since 1970, both of them or none; without them it is about now. */
export interface WhoisArgs {
  /** LIP:lport, or the address and port of a client. */
  address: string
  port: number
  /** ADDRESS or ADDRESS:PORT of the only RS meant. */
  rs?: string
  from?: number
  to?: number
}

/** A connection, living or not. */
export interface WhoisConn {
  worker: number
  protocol: Protocol
  /** address:port each */
  client: string
  vip: string
  lip: string
  rs: string
  /** The client is a health check of the balancer itself. */
  check: boolean
  /** Of its SYN, ms since 1970; null if neither the history nor the session log is on. */
  openedMs: number | null
  /** SYN_RECV, ESTABLISHED and so on: now, or when it ended. */
  state: string
  /** null while it lives. */
  ended: WhoisEnd | null
}

export interface WhoisEnd {
  /** When it left the table and its lport was free again, ms since 1970. */
  atMs: number
  /** Of its last segment. */
  lastMs: number
  /** As in the session log: timeout, fin_client, fin_rs, rst_client, rst_rs, reset, stopped, replaced, cut. */
  how: string
}

/**
 * A time, ms since 1970, for which the history is not whole.
 *
 * - `unknown`: nothing was recorded, or it is forgotten by now; without `fromMs`: ever before.
 * - `unfinished`: what lived at its end is missing, because the daemon that wrote the file did not come to a stop, or
 *   has not yet.
 * - `lost`: so many records found the ring full, or the file damaged.
 */
export interface WhoisGap {
  why: 'unknown' | 'unfinished' | 'lost'
  fromMs: number | null
  toMs: number
  records: number
}

export interface WhoisInfo {
  /** What the address was taken for. */
  as: 'lip' | 'client'
  /** All LIPs that there are. */
  lips: string[]
  /** The oldest first. */
  conns: WhoisConn[]
  /** There are more, older ones. */
  more: boolean
  /** If nobody has it now: the last known holder. */
  last: WhoisConn | null
  /** Ended connections are known from here on, ms since 1970; null if the history is off. */
  sinceMs: number | null
  /** What is not known of the time asked for. */
  gaps: WhoisGap[]
}

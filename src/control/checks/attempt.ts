/** A probe of a real server: what it is of, and what it may and must do. */

import type { ConfigCheck } from '../../config/check-keys.ts'

export interface Target {
  /** Namespace file whose sockets are used; '' for our own. */
  netns: string
  /** What to connect to, and what the RS and its service are called. */
  address: string
  port: number
  rs: { address: string; port: number }
  vip: { address: string; port: number }
}

/** A target, and where the attempt on it is. */
export interface Attempt extends Target {
  readonly check: ConfigCheck
  /** Aborted when the time is over: everything has to be let go. */
  readonly signal: AbortSignal
  /** What is being waited for, for the reason. */
  step: string
}

/** Resolves if the check passes; throws an Error whose message is the reason if not. */
export type Probe = (attempt: Attempt) => Promise<void>

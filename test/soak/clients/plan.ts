/** What the clients of a soak are to do, and what they say of it: lines of JSON on stdout. */

/** The kinds of traffic; `new` are connections of one question each. */
export const MANNERS = ['redis', 'http', 'new', 'dns'] as const
export type Manner = (typeof MANNERS)[number]
/** What an RS serves. */
export type Kind = 'redis' | 'http' | 'dns'

export interface Plan {
  vip: string
  /** Addresses of clients; connections of `new` take them in turn. */
  clients: string[]
  /** Of the web servers: path, what its body is. */
  files: { path: string; sha256: string; bytes: number }[]
  /** Of the DNS servers: the address of each name. */
  names: Record<string, string>
  /** A second each; of redis and http pipelines and requests of all connections together. */
  rates: Record<Manner, number>
}

/** Something did not go as it has to. */
export interface Trouble {
  /** `retry`: a datagram was not answered and was sent again, which resolvers do. */
  what: 'error' | 'retry'
  kind: Kind
  manner: Manner
  /** Date.now(): from the question to what came of it. */
  from: number
  to: number
  /** The RS that it was with, if it had said so. */
  rs: string | null
  why: string
}

export interface Tally {
  what: 'tally'
  of: Record<Manner, Counts>
}

export interface Counts {
  done: number
  /** ms that one took at most, since the last tally. */
  longestMs: number
  /** Not begun because too many were under way. */
  heldBack: number
}

export type Said = Trouble | Tally

/** Goes on until it is stopped; resolves when nothing of it is left. */
export type Running = { stop(): Promise<void> }

/** An answer takes that long at most, whatever happens to the daemon meanwhile. */
export const ANSWER_LIMIT_MS = 30_000

/** An answer was wrong: no RS that was stopped is a reason for that. */
export class Wrong extends Error {}

/**
 * How the connections to each RS began, for passive checks: control looks at these numbers and takes an RS out that
 * answers no more SYNs, or datagrams. Nine bytes an RS beside Dests, whose line is full; touched when a connection's state changes.
 */

import { OUT, State } from './tcp-state.ts'

/** Per-RS cells. */
export const Outcome = {
  /** The RS refused the SYN with RST, or left it, or the datagrams of a connection, without an answer until that expired. */
  FAILED: 0,
  /** The RS has answered and the connection is established; of UDP: it has answered. */
  DONE: 1,
} as const

/** So long may SYNs and datagrams stay without any answer before somebody wonders: what a client waits until it sends its SYN again. */
const SILENT_MS = 1000

export class Outcomes {
  /** `dest * 2 + Outcome`, counted up for ever, modulo 2^32. */
  readonly cells: Int32Array
  /** By place of an RS: 1 while SYNs to its service are answered by cookies, for those who ask. A service has no memory of its own. */
  readonly cookies: Uint8Array
  /** By place of the RS: ms, made odd, of the first SYN or datagram since it has answered one; 0: it owes no answer. */
  readonly owed: Int32Array
  /** By place of the RS: what DONE was when it came there. */
  readonly begun: Int32Array

  static bytesFor(dests: number): number {
    return dests * 9
  }

  /** `memory`, bytesFor(dests) bytes, may be shared: others read the numbers without asking the packet thread. */
  constructor(memory: ArrayBufferLike, dests: number) {
    this.cells = new Int32Array(memory, 0, dests * 2)
    this.cookies = new Uint8Array(memory, dests * 8, dests)
    this.owed = new Int32Array(dests)
    this.begun = new Int32Array(dests)
  }

  /** An RS comes to the place: what the one before it has done, or owes, says nothing of it; nor what a worker that has ended did. */
  put(dest: number): void {
    this.cookies[dest] = 0
    this.owed[dest] = 0
    this.begun[dest] = this.cells[(dest << 1) | Outcome.DONE]
  }

  /**
   * What the end of SYN_RECV by a segment of direction `dir` says of the RS; `seen`: it has answered the SYN. DPVS takes
   * any half-open connection that ends for a failure of the RS; here one whose SYN the RS has answered is not, or a client
   * that never finishes its handshakes could take an RS out.
   */
  judge(dest: number, after: number, dir: number, seen: boolean): void {
    if (after === State.ESTABLISHED && seen) this.cells[(dest << 1) | Outcome.DONE]++
    else if (after === State.CLOSE && dir === OUT && !seen) {
      this.failed(dest)
      this.answered(dest)
    }
  }

  /**
   * A connection is opened to it. => Whether it has left those of a second without any answer. Clients that give up sooner,
   * as a health check with a timeout of 1 s does, send no SYN again that would tell. An RS of UDP that has never answered, as
   * one that keeps logs, owes nothing.
   */
  isSilent(dest: number, now: number, isUdp = false): boolean {
    if (isUdp && this.cells[(dest << 1) | Outcome.DONE] === this.begun[dest]) return false
    const since = this.owed[dest]
    if (since === 0) this.owed[dest] = now | 1
    return since !== 0 && (now + 1 - since) >>> 0 > SILENT_MS
  }

  /** It has answered a SYN, or a datagram. */
  answered(dest: number): void {
    this.owed[dest] = 0
  }

  /** It has answered the first datagram of a connection. */
  done(dest: number): void {
    this.cells[(dest << 1) | Outcome.DONE]++
    this.answered(dest)
  }

  failed(dest: number): void {
    this.cells[dest << 1]++
  }
}

/** How packets of a connection are forwarded: a file beside this one for each of METHOD. */

import type { Parsed } from '../parsed.ts'
import type { Dest, Service } from '../service.ts'

export interface Method {
  /**
   * A new conn, whose IN tuple and cold column are filled, goes to `dest`: fills its OUT tuple, and what translation needs.
   * => false, and nothing done, if there is nothing left to bind it to
   */
  bind(conn: number, service: Service, dest: Dest, now: number): boolean
  /**
   * Translates the packet of tuple t. The frame may grow towards its headroom; its Ethernet header is not valid afterwards and
   * the caller writes it. `mtu` is that of the arm it leaves on. => An event that says what could not be added, else 0
   */
  translate(slot: number, p: Parsed, t: number, mtu: number): number
  /** Gives back what bind() took for a conn that is closed; its cells are as they were. */
  release(conn: number): void
}

/** How packets of a connection are forwarded: a file beside this one for each of METHOD. */

import type { Parsed } from '../parsed.ts'
import type { Dest, Service } from '../service.ts'

export interface Method {
  /** Why the service cannot have a conn, whatever its RS: minus a drop reason, else 0. */
  refusal(service: Service): number
  /** RSs that a conn of the service for the packet in p could not be bound to, as candidates.ts knows them: a mask of sub-pools. */
  without(service: Service, p: Parsed): number
  /**
   * A new conn, whose IN tuple and cold column are filled, goes to `dest`: fills its OUT tuple, and what translation needs.
   * => 0, or minus a drop reason and nothing done
   */
  bind(conn: number, service: Service, dest: Dest, now: number): number
  /**
   * Translates the packet of tuple t. The frame may grow towards its headroom; of its Ethernet header the type is right
   * afterwards, and the MACs are the caller's to write. `mtu` is that of the arm it leaves on. => An event that says what could not be added, else 0
   */
  translate(slot: number, p: Parsed, t: number, mtu: number): number
  /** Gives back what bind() took for a conn that is closed; its cells are as they were. */
  release(conn: number): void
}

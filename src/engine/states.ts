/**
 * The step from state to state: one load from one array, whatever the protocol. A table is of a protocol and a direction, an
 * event what the packet is to it: of TCP the low five bits of the flags, of UDP nothing but a datagram.
 */

import { KEY, ONE_WAY, PROTOCOL_BITS } from './conn-layout.ts'
import { TABLE_BYTES } from './state-table.ts'
import { TCP_TABLES } from './tcp-state.ts'
import { UDP_TABLES } from './udp-state.ts'

// A number of this module's own (ARCHITECTURE.md, Constants).
const PROTOCOL = PROTOCOL_BITS
/** From the bit of a binding to the number of a table, 2. */
const ONE_WAY_SHIFT = 4
/** Number of a protocol's first table, that of packets of the client; the next one is that of the RS's. */
export const TABLE = { TCP: KEY.TCP << 2, UDP: KEY.UDP << 2 } as const

/** Bytes of all tables; what is kept by table, event and state has as many. */
export const TABLES_BYTES = 8 * TABLE_BYTES

const NEXT = new Uint8Array(TABLES_BYTES)
for (const [first, tables] of [
  [TABLE.TCP, TCP_TABLES],
  [TABLE.UDP, UDP_TABLES],
] as const) {
  tables.forEach((table, i) => {
    NEXT.set(table, (first + i) * TABLE_BYTES)
  })
}

/** The table for packets of tuple t that are looked up by `key`. */
export function tableOf(key: number, t: number): number {
  return ((key & PROTOCOL) << 2) | (t & 1)
}

/** The same of a conn with this binding; of one way it is that of packets of the client alone. */
export function tableOfBound(binding: number, t: number): number {
  return ((binding & PROTOCOL) << 2) | (t & 1) | ((binding & ONE_WAY) >>> ONE_WAY_SHIFT)
}

/** Events of TCP are its flags, of which the low five bits count. */
const EVENT_BITS = 0x1f

/** The state after `event` in `state`. For TCP, IN, OUT and INPUT_ONLY are the tables' numbers. */
export function nextState(table: number, state: number, event: number): number {
  return NEXT[(table << 9) | ((event & EVENT_BITS) << 4) | state]
}

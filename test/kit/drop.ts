/** One row of the tables of refused frames: how it is written, and what must happen to its frame. */

import assert from 'node:assert/strict'
import { Drop } from '../../src/engine/counters.ts'
import type { Partition } from '../../src/engine/sa-pool.ts'
import { LAN, SYN, WAN } from './connection.ts'
import { checksum, concat, ethernet, ipv4, type TcpFields, tcp, vnetHeader } from './frame.ts'
import { CLIENT_MAC, RS_MAC, Stand } from './stand.ts'

export type DropName = keyof typeof Drop

export interface Case {
  name: string
  drop: DropName
  bytes: Uint8Array
  arm?: string
  /** What has to happen before, on a stand of this config. */
  before?: (stand: Stand) => void
  config?: string
  lports?: Partition
  /** Slots that `before` has left with a datagram, and that are free again with the frame. */
  held?: number
}

const seed = new Stand()
/** Derived from the arms' names, so those of every stand. */
export const MAC: Record<string, string> = { dpdk0: seed.macOf(WAN), dpdk1: seed.macOf(LAN) }

export function frame(packet: Uint8Array, arm = WAN, type = 0x0800): Uint8Array {
  return concat(vnetHeader(), ethernet(MAC[arm], arm === WAN ? CLIENT_MAC : RS_MAC, type, packet))
}

/** The SYN (or what `change` makes of it) in an IP packet with `l3` changed. */
export function packet(change: Partial<TcpFields> = {}, l3: object = {}): Uint8Array {
  const fields = { ...SYN, ...change }
  return ipv4({ src: fields.src, dst: fields.dst, protocol: 6, ...l3 }, tcp(fields))
}

/** `bytes` with some overwritten, the IP header checksum made right again. */
export function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice()
  copy.set(values, at)
  const header = copy.subarray(0, Math.max(20, Math.min(copy.length, (copy[0] & 15) * 4)))
  header.set([0, 0], 10)
  const sum = checksum(header)
  header.set([sum >> 8, sum & 255], 10)
  return copy
}

/** The named counter rises by exactly one, no other does, nothing leaves, and the slot is free again. => the stand */
export function provoke({ drop, bytes, arm = WAN, before, config, lports, held = 0 }: Case): Stand {
  const stand = new Stand(config, undefined, lports && { lports }).resolveRss()
  before?.(stand)
  const { counters, frames } = stand.engine
  const was = counters.events.slice()
  const free = frames.free
  const dropped = counters.armCell(stand.armIndex(arm), 4)
  assert.deepEqual(stand.inputRaw(arm, bytes), [])
  assert.equal(stand.verdictName(), drop)
  for (const [other, index] of Object.entries(Drop)) {
    assert.equal(counters.events[index] - was[index], other === drop ? 1 : 0, other)
  }
  assert.equal(counters.armCell(stand.armIndex(arm), 4) - dropped, 1, 'drops of the arm')
  assert.equal(frames.free, free + held)
  return stand
}

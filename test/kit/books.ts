/** All that counts connections agrees: records, index, timers, RSs, states, and the lports of each LIP. */

import assert from 'node:assert/strict'
import type { ConnTable } from '../../src/engine/conn.ts'
import { CELL, KEY, METHOD, RECORD, stateCell } from '../../src/engine/conn-layout.ts'
import type { Engine } from '../../src/engine/engine.ts'
import {
  LPORT_FIRST,
  LPORT_LAST,
  type Partition,
  SUB_POOLS,
  subPoolOf,
} from '../../src/engine/sa-pool.ts'
import { State } from '../../src/engine/tcp-state.ts'
import { UdpState } from '../../src/engine/udp-state.ts'

const PORTS = Array.from({ length: LPORT_LAST - LPORT_FIRST + 1 }, (_, i) => LPORT_FIRST + i)

interface Kept {
  dest: number
  /** As stateCell() has it. */
  state: number
  lip: number
  sub: number
  lport: number
}

const known = new Map<string, number[]>()

/** The ports of a partition. */
function portsOf({ mask, residue }: Partition): number[] {
  const key = `${mask} ${residue}`
  const ports = known.get(key) ?? PORTS.filter(port => (port & mask) === residue)
  known.set(key, ports)
  return ports
}

/** Throws if two of those who count connections disagree. `lports` is the partition of all LIPs. */
export function checkBooks(engine: Engine, lports: Partition): void {
  const own = portsOf(lports)
  const { conns, dests, counters, lips } = engine
  const { table, wheel } = conns
  const all: Kept[] = []
  for (let conn = table.nextUsed(0, 1 << 20); conn >= 0; conn = table.nextUsed(conn + 1, 1 << 20)) {
    const [rip = 0, , ports = 0] = table.cells.subarray(RECORD.at(conn) | CELL.RIP)
    const sub = subPoolOf(rip, ports >>> 16)
    const what = {
      dest: table.dest(conn),
      state: stateCell(table.protocol(conn), table.state(conn)),
      lip: table.lip(conn),
    }
    all.push({ ...what, sub, lport: ports & 0xffff })
  }
  assert.deepEqual(
    [table.used, wheel.filed, table.countLinked()],
    [all.length, all.length, linkedOf(table)],
  )
  const countOf = (isMeant: (one: Kept) => boolean) => all.filter(isMeant).length
  for (let dest = 0; dest < dests.list.length; dest++) {
    assert.equal(
      dests.active(dest),
      countOf(one => one.dest === dest && one.state === 1),
    )
    assert.equal(
      dests.inactive(dest),
      countOf(one => one.dest === dest && one.state !== 1),
    )
  }
  for (const [state, count] of counters.states.entries())
    assert.equal(
      count,
      countOf(one => one.state === state),
    )
  const waiting = conns.room.halfOpen.save()
  assert.equal(new Set(waiting).size, waiting.length)
  const isWaiting = ({ state }: Kept) =>
    state === stateCell(KEY.TCP, State.SYN_RECV) ||
    state === stateCell(KEY.UDP, UdpState.ONEWAY) ||
    state === stateCell(KEY.ICMP, UdpState.ONEWAY)
  assert.equal(waiting.length, countOf(isWaiting))
  for (const [lip, pool] of lips.entries()) {
    const { head, free, ports } = pool.save()
    for (let sub = 0; sub < SUB_POOLS; sub++) {
      const ring = [...(ports[sub] ?? []), ...own.slice(ports[sub]?.length)]
      const resting = Array.from({ length: free[sub] ?? 0 }, (_, i) => {
        return ring[((head[sub] ?? 0) + i) % own.length] ?? 0
      })
      const inUse = all.filter(one => one.lip === lip && one.sub === sub).map(one => one.lport)
      assert.deepEqual(
        [...resting, ...inUse].sort((a, b) => a - b),
        own,
      )
      assert.equal((pool.exhausted >> sub) & 1, Number(resting.length === 0))
    }
  }
}

/** Entries of the index that a table must have: of conns whose RSs answer past us one each, of all others two. */
export function linkedOf(table: ConnTable): number {
  let linked = 0
  for (let conn = table.nextUsed(0, 1 << 20); conn >= 0; conn = table.nextUsed(conn + 1, 1 << 20)) {
    const method = RECORD.method(table.cells[RECORD.at(conn) | CELL.BINDING] ?? 0)
    linked += method === METHOD.DR || method === METHOD.TUNNEL ? 1 : 2
  }
  return linked
}

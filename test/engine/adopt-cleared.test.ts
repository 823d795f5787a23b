/** What an engine does not take over of those before it, and what becomes of it. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnTable } from '../../src/engine/conn.ts'
import { CELL, COLD, openedWith, RECORD } from '../../src/engine/conn-layout.ts'
import { connBytes } from '../../src/engine/parts.ts'
import type { SaPool } from '../../src/engine/sa-pool.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { openMany } from '../kit/connection.ts'
import { CAPACITY, heir, inUse, stand } from '../kit/heirs.ts'

test('a record that goes with nothing that is set up is cleared, alone', () => {
  const memory = new ArrayBuffer(connBytes(CAPACITY))
  const first = stand(memory, 0).resolveRss()
  openMany(8)(first)
  const { table } = first.engine.conns
  const used = table.used
  assert.ok(used >= 4)
  const conn = 1
  const lipOf = (place: number) => openedWith(place, 0)
  const at = RECORD.at(conn)
  const cold = (cells: ConnTable, value: number) => {
    cells.cold[RECORD.column(conn) | COLD.LIP] = value
  }
  const spoil: Record<string, (copy: ConnTable) => void> = {
    'no such RS': ({ cells }) => (cells[at | CELL.BINDING] |= 0x7000 << 16),
    'another RS': ({ cells }) => (cells[at | CELL.RIP] = ipv4Int('192.168.168.99')),
    'another port of the RS': ({ cells }) => (cells[at | CELL.RS_PORTS] ^= 1 << 16),
    'another service': ({ cells }) => (cells[at | CELL.CLIENT_PORTS] ^= 1),
    'no such LIP': copy => cold(copy, lipOf(9)),
    'another LIP': copy => cold(copy, lipOf(1 - copy.lip(conn))),
    'an lport of another worker': ({ cells }) => (cells[at | CELL.RS_PORTS] ^= 1),
    'no such arm': ({ cells }) => (cells[at | CELL.BINDING] |= 0xf000),
    'no such state': ({ cells }) => (cells[at | CELL.WORD] |= 0xf),
    'no such protocol': ({ cells }) => (cells[at | CELL.BINDING] |= 3),
    'no such method': ({ cells }) => (cells[at | CELL.BINDING] |= 0x70),
    'a deadline in weeks': ({ cells }) => (cells[at | CELL.DEADLINE] += 1 << 30),
  }
  for (const [why, change] of Object.entries(spoil)) {
    const copy = memory.slice(0)
    change(new ConnTable(copy, 0, CAPACITY, 1))
    const [next, adopted] = heir(first, copy)
    assert.deepEqual(adopted, { conns: used - 1, cleared: 1 }, why)
    assert.equal(next.engine.conns.table.inUse(conn), false, why)
  }
})

test('of two records with one lport towards an RS the second is cleared', () => {
  const memory = new ArrayBuffer(connBytes(CAPACITY))
  const first = stand(memory, 0).resolveRss()
  openMany(8)(first)
  const { table } = first.engine.conns
  const sameRs = inUse(table).filter(conn => table.dest(conn) === table.dest(0))
  const [a = 0, b = 0] = sameRs.map(RECORD.at)
  table.cells[b | CELL.LIP] = table.cells[a | CELL.LIP] as number
  table.cells[b | CELL.RS_PORTS] = table.cells[a | CELL.RS_PORTS] as number
  const [, second = 0] = sameRs
  table.cold[RECORD.column(second) | COLD.LIP] = openedWith(table.lip(0), 0)
  const { used } = table
  const [next, adopted] = heir(first, memory.slice(0))
  assert.deepEqual(adopted, { conns: used - 1, cleared: 1 })
  assert.deepEqual(
    inUse(next.engine.conns.table),
    inUse(table).filter(conn => conn !== second),
  )
})

test('the lport of one that is cleared is the last to be had again: its RS may hold the connection still', () => {
  const memory = new ArrayBuffer(connBytes(CAPACITY))
  const first = stand(memory, 0).resolveRss()
  openMany(8)(first)
  const { table } = first.engine.conns
  const facts = (conn: number) => {
    const at = RECORD.at(conn)
    const ports = table.cells[at | CELL.RS_PORTS] as number
    const rip = table.cells[at | CELL.RIP] as number
    return { lip: table.lip(conn), rip, rport: ports >>> 16, lport: ports & 0xffff }
  }
  const used = inUse(table)
  // With others of its sub-pool in use, and when there is none.
  for (const cleared of [[used[0] as number], used]) {
    const copy = memory.slice(0)
    for (const conn of cleared)
      new ConnTable(copy, 0, CAPACITY, 1).cells[RECORD.at(conn) | CELL.BINDING] |= 0xf000
    const [next] = heir(first, copy)
    assert.equal(next.engine.conns.table.used, used.length - cleared.length)
    for (const conn of cleared) {
      const { lip, rip, rport, lport } = facts(conn)
      const same = cleared.map(facts).filter(of => of.lip === lip && of.rip === rip)
      const pool = next.engine.lips[lip] as SaPool
      const free = pool.freeTowards(rip, rport)
      const order = Array.from({ length: free }, () => pool.fetch(rip, rport))
      const last = order.slice(-same.length)
      assert.ok(last.includes(lport), `${lport} in ${order}`)
      for (const port of order) pool.release(rip, rport, port, 0)
    }
  }
})

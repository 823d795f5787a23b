/** Where an engine keeps what ends of a world have between them: simulated addresses in its own words. */

import { CELL, KEY, RECORD } from '../../src/engine/conn-layout.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { PREFIX } from './six-packet.ts'
import { isAsIs, isOut, type Way } from './ways.ts'

const PORTS = 0xffff

/** Who has called whom, at which ports. */
export interface Call {
  client: number
  sport: number
  server: number
  dport: number
}

/** The connection that a client's packets find, or -1. `protocol`: one of KEY. */
export function connOf(engine: Engine, way: Way, protocol: number, call: Call): number {
  const { client, sport, server, dport } = call
  const { table } = engine.conns
  const ports = (sport << 16) | dport
  const isSix = way.six[isOut(way) ? 1 : 0]
  if (!isSix) return table.find(protocol, client, server, ports) >> 1
  const book = engine.addressBook
  const whom = isOut(way) ? book.far(PREFIX, 0, 0, server) : book.find(PREFIX, 0, 0, server)
  const who = book.digest(PREFIX, 0, 0, client)
  return table.find(protocol | KEY.IPV6, who, whom, ports) >> 1
}

/** RIP, LIP and both ports, as the RS's packets have them. */
export function innerOf(
  { conns: { table }, addressBook }: Engine,
  way: Way,
  conn: number,
  { client, server }: Call,
): { rip: number; rport: number; lip: number; lport: number } {
  const cell = (index: number) => table.cells[RECORD.at(conn) | index] as number
  const address = (word: number) => (way.six[1] ? addressBook.cell(word, 3) : word)
  const ports = cell(CELL.RS_PORTS)
  return {
    rip: isOut(way) ? server : address(cell(CELL.RIP)),
    lip: isAsIs(way) ? client : address(cell(CELL.LIP)),
    rport: ports >>> 16,
    lport: ports & PORTS,
  }
}

/**
 * Which connections carry most: by how far their sequence numbers went between two looks, so nobody has to count bytes
 * for it. Pages of the table are copied between two bursts of packets, so a view that is drawn every second asks for few.
 */

import type { ConnInfo } from '../../api/commands.ts'
import { ask } from '../daemon/client.ts'

const PAGES = 5
const PAGE_LENGTH = 1000

/** One connection; bytes per second since the last look, in from its client and out to it. */
export interface BusyRow {
  client: string
  vip: string
  rs: string
  state: ConnInfo['state']
  inBytes: number
  outBytes: number
}

/** The first few thousand connections. Throws CliError. */
export async function askConns(socket: string): Promise<ConnInfo[]> {
  const conns: ConnInfo[] = []
  let from = 0
  for (let page = 0; page < PAGES && from >= 0; page++) {
    const answer = await ask(socket, { verb: 'conns', from, limit: PAGE_LENGTH })
    for (const conn of answer.conns) conns.push(conn)
    from = answer.next
  }
  return conns
}

export class BusyConns {
  #before = new Map<string, ConnInfo>()
  #atMs = 0

  /** One more look, at `atMs`. => those that were there at the last one, and what they carried since */
  add(conns: readonly ConnInfo[], atMs: number): BusyRow[] {
    const seconds = (atMs - this.#atMs) / 1000
    const rows: BusyRow[] = []
    const now = new Map<string, ConnInfo>()
    for (const conn of conns) {
      const key = `${conn.client} ${conn.vip}`
      now.set(key, conn)
      const before = this.#before.get(key)
      if (!before?.seqs || !conn.seqs || before.lip !== conn.lip || seconds <= 0) continue
      const since = (at: 0 | 1) => grown(before.seqs?.[at], conn.seqs?.[at]) / seconds
      const { client, vip, rs, state } = conn
      rows.push({ client, vip, rs, state, inBytes: since(0), outBytes: since(1) })
    }
    this.#before = now
    this.#atMs = atMs
    return rows
  }
}

/** Sequence numbers count bytes modulo 2^32; one that went back belongs to a connection that began anew. */
function grown(before = 0, now = 0): number {
  const bytes = (now - before) >>> 0
  return bytes < 2 ** 31 ? bytes : 0
}

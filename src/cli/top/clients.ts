/** Who has how many connections: pages of the table, counted. */

import type { ConnInfo } from '../../control/commands.ts'
import { State } from '../../engine/tcp-state.ts'
import { ask } from '../client.ts'

/** Pages are copied between two bursts of packets, so a view that is drawn every second asks for few. */
const PAGES = 5
const PAGE_LENGTH = 1000

export interface ClientRow {
  client: string
  conns: number
  established: number
}

/** Of the first few thousand connections. Throws CliError. */
export async function askClients(socket: string): Promise<ClientRow[]> {
  const conns: ConnInfo[] = []
  let from = 0
  for (let page = 0; page < PAGES && from >= 0; page++) {
    const answer = await ask(socket, { verb: 'conns', from, limit: PAGE_LENGTH })
    for (const conn of answer.conns) conns.push(conn)
    from = answer.next
  }
  return countClients(conns)
}

export function countClients(conns: readonly ConnInfo[]): ClientRow[] {
  const rows = new Map<string, ClientRow>()
  for (const { client: end, state } of conns) {
    const client = end.slice(0, end.lastIndexOf(':'))
    const row = rows.get(client) ?? { client, conns: 0, established: 0 }
    rows.set(client, row)
    row.conns++
    if (state === State.ESTABLISHED) row.established++
  }
  return [...rows.values()]
}

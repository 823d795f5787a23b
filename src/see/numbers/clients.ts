/** Who has how many connections: pages of the table, counted. */

import type { ConnInfo } from '../../api/commands.ts'

export interface ClientRow {
  client: string
  conns: number
  established: number
}

export function countClients(conns: readonly ConnInfo[]): ClientRow[] {
  const rows = new Map<string, ClientRow>()
  for (const { client: end, state } of conns) {
    const client = end.slice(0, end.lastIndexOf(':'))
    const row = rows.get(client) ?? { client, conns: 0, established: 0 }
    rows.set(client, row)
    row.conns++
    if (state === 'ESTABLISHED') row.established++
  }
  return [...rows.values()]
}

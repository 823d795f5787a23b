/** `tapvs ipvsadm`: its options; the tables are in ../ipvsadm.ts. */

import { once } from 'node:events'
import type { Argv } from 'yargs'
import { ask } from '../client.ts'
import { type Common, print } from '../common.ts'
import { formatConn, formatServices, formatStats } from '../ipvsadm.ts'

const CONNS_PER_REQUEST = 1000

export function addIpvsadm(common: Argv<Common>): void {
  common.command(
    'ipvsadm',
    'services, real servers and connections, as ipvsadm lists them',
    command =>
      command
        .option('list', { type: 'boolean', alias: ['l', 'L'], describe: 'list (always on)' })
        .option('numeric', { type: 'boolean', alias: 'n', describe: 'no names (always on)' })
        .option('connection', { type: 'boolean', alias: 'c', describe: 'the connections' })
        .option('stats', { type: 'boolean', describe: 'packets and bytes' })
        .conflicts('connection', 'stats'),
    async ({ socket, connection, stats }) => {
      if (connection) return printConns(socket)
      const services = await ask(socket, { verb: 'services' })
      print(stats ? formatStats(services) : formatServices(services))
    },
  )
}

/** Pages through the table, so that neither side ever holds all of it. */
async function printConns(socket: string): Promise<void> {
  for (let from = 0; from >= 0; ) {
    const page = await ask(socket, { verb: 'conns', from, limit: CONNS_PER_REQUEST })
    // A pager that does not read on stops us, not our memory.
    if (!print(page.conns.map(formatConn).join(''))) await once(process.stdout, 'drain')
    from = page.next
  }
}

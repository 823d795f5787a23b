/**
 * The end of a soak: when all clients and checks have ended, nothing of them may be left. Then some connections more, of which everything that
 * is counted has to agree to a packet.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { until } from '../../netns/processes.ts'
import type { CountersInfo, NumbersInfo } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { pacedTransfer, randomFile } from '../kit/bulk.ts'
import { mustClient, VIP } from '../kit/lab.ts'
import { isOfKernels } from './expected.ts'
import type { SoakStand } from './stand.ts'
import type { Watch } from './watch.ts'

/** The longest of the states that connections end in, with room. */
const EMPTY_LIMIT_MS = 60_000
const REQUESTS = 200
const MIB = 4

export const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0)
const all = ({ workers }: NumbersInfo, of: (counters: CountersInfo) => number) =>
  sum(workers.map(({ counters }) => of(counters)))

export async function checkClosed(stand: SoakStand, watch: Watch): Promise<void> {
  await stand.endChecks()
  const before = await untilEmpty(stand, watch)
  const file = join(stand.folder, 'closed')
  await randomFile(stand.lab, file, MIB)
  // -k 0: a connection for each.
  const benchmark = ['redis-benchmark', '-q', '-h', VIP, '-c', '10', '-k', '0', '-t', 'ping_inline']
  await mustClient(stand.lab, [...benchmark, '-n', `${REQUESTS}`])
  await pacedTransfer(stand.lab, file, MIB)
  checkBalance(before, await untilEmpty(stand, watch))
}

async function untilEmpty(stand: SoakStand, watch: Watch): Promise<NumbersInfo> {
  const numbers = () => ask(stand.lab.paths.socket, { verb: 'numbers' })
  await until('all connections to be gone', { limitMs: EMPTY_LIMIT_MS, everyMs: 250 }, async () => {
    return all(await numbers(), ({ conns }) => conns.used) === 0 || undefined
  })
  await watch.look()
  const now = await numbers()
  for (const { counters } of now.workers)
    for (const [state, count] of Object.entries(counters.states))
      assert.equal(count, 0, `connections in ${state}`)
  for (const { address, lports } of now.addresses)
    if (lports) assert.equal(lports.used, 0, `lports of ${address} in use`)
  for (const { real_servers } of now.services)
    for (const { address, port, active_conns, inactive_conns } of real_servers)
      assert.deepEqual([active_conns, inactive_conns], [0, 0], `${address}:${port}`)
  return now
}

/** What came in went out, or was dropped by name; what is the daemon's own is ARP, of which it hears as much as it asks, or less. */
function checkBalance(before: NumbersInfo, after: NumbersInfo): void {
  const more = (of: (counters: CountersInfo) => number) => all(after, of) - all(before, of)
  assert.equal(before.process.pid, after.process.pid)
  const opened = more(({ events }) => events.conns_opened ?? 0)
  assert.ok(opened >= REQUESTS + 2, `${opened} connections opened`)
  assert.equal(
    more(({ events }) => events.conns_expired ?? 0),
    opened,
    'connections expired',
  )
  for (const reason of Object.keys(after.workers[0]?.counters.drops ?? {}))
    if (!isOfKernels(reason))
      assert.equal(
        more(({ drops }) => drops[reason] ?? 0),
        0,
        reason,
      )
  const [came, dropped, left] = (['rx_packets', 'rx_drops', 'tx_packets'] as const).map(cell =>
    more(({ arms }) => sum(arms.map(arm => arm[cell]))),
  ) as [number, number, number]
  const asked = more(({ events }) => (events.arp_requests ?? 0) + (events.arp_gratuitous ?? 0))
  const own = left - (came - dropped)
  const words = `${came} frames in, ${dropped} dropped, ${left} out, ${asked} of them asked by ARP`
  assert.ok(own >= 0 && own <= asked, words)
}

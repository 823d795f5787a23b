/** Who is behind an address of IPv6: the living by the tables, the ended by the history. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '../../../src/control/log/log.ts'
import { SessionDrain } from '../../../src/control/sessions/drain.ts'
import { probe } from '../../../src/control/threads/probe.ts'
import { newSessionRing, sessionRing } from '../../../src/control/threads/session-ring.ts'
import { History } from '../../../src/control/whois/history.ts'
import { whois } from '../../../src/control/whois/whois.ts'
import { tcpFrame } from '../../kit/frame.ts'
import { SEED6_CONFIG } from '../../kit/nd.ts'
import { CLIENT_MAC, Stand } from '../../kit/stand.ts'

const [CLIENT, VIP, LIP, RS] = [
  '2001:db8:10::2',
  '2001:db8:10::1',
  '2001:db8:168::7',
  '2001:db8:168::2',
]
const LOG = { put: () => {} } as unknown as Log

test('by the LIP and by the client, while it lives and afterwards', async () => {
  const memory = newSessionRing()
  const stand = new Stand(SEED6_CONFIG, undefined, { sessions: sessionRing(memory) }).resolveRss()
  const options = { connections: 64, file: null, keep: 1, size: 2 ** 30 }
  const history = new History(options, Date.now() - 100_000, () => {})
  const drain = new SessionDrain([memory], [history], LOG)
  const from: Parameters<typeof whois>[1] = {
    model: stand.model,
    workers: {
      probe: async (key, read) => {
        for (let at = 0; at >= 0; ) {
          const probed = probe(stand.engine, key, at, 2, stand.now)
          read(probed, 1)
          at = probed.next
        }
      },
    },
    records: { history, catchUp: () => drain.catchUp() },
  }
  const syn = (src: string) =>
    stand.input(
      'dpdk0',
      tcpFrame({
        ...{ src, dst: VIP, sport: 33_896, dport: 6379, flags: 'S', seq: 7 },
        ...{ srcMac: CLIENT_MAC, dstMac: stand.macOf('dpdk0') },
      }),
    )
  syn(CLIENT)
  syn('2001:db8:10::3')
  const asked = async (address: string, port: number, rs?: string) =>
    (await whois({ address, port, ...(rs && { rs }) }, from)).conns.map(
      ({ client, vip, lip, rs }) => `${client} ${vip} ${lip} ${rs}`,
    )
  const row = `[${CLIENT}]:33896 [${VIP}]:6379 [${LIP}]:1025 [${RS}]:6379`
  assert.deepEqual(await asked(LIP, 1025), [row])
  assert.deepEqual(await asked(CLIENT, 33_896), [row])
  assert.deepEqual(await asked(LIP, 1025, `[${RS}]:6379`), [row])
  assert.deepEqual(await asked(LIP, 1025, '2001:db8:168::9'), [])
  assert.deepEqual(await asked('2001:db8:11::2', 33_896), [])
  assert.deepEqual(await asked('192.168.168.7', 1025), [])
})

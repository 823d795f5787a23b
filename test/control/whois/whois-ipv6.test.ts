/** Who is behind an address of IPv6: the living by the tables, the ended by the history. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whois } from '../../../src/control/whois/whois.ts'
import { tcpFrame } from '../../kit/frame.ts'
import { SEED6_CONFIG } from '../../kit/nd.ts'
import { CLIENT_MAC } from '../../kit/stand.ts'
import { whoAnswers } from '../../kit/who-answers.ts'

const [CLIENT, VIP, LIP, RS] = [
  '2001:db8:10::2',
  '2001:db8:10::1',
  '2001:db8:168::7',
  '2001:db8:168::2',
]

test('by the LIP and by the client, while it lives and afterwards', async () => {
  const { stand, from } = whoAnswers(SEED6_CONFIG)
  stand.resolveRss()
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

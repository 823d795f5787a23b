/** Who is behind an address that hosts outside see by SNAT: the living by the tables, the ended by the history. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whois } from '../../../src/control/whois/whois.ts'
import { whoAnswers } from '../../kit/who-answers.ts'

const [OUTSIDE, OUTSIDE6] = ['202.108.10.3', '2001:db8:10::3']
const [FAR, FAR6] = ['10.1.2.3', '2001:db8:10::2']
const CONFIG = `
arms:
  - name: ext0
    addresses: [202.108.10.1/24, "2001:db8:10::1/64"]
    local_addresses: [${OUTSIDE}, "${OUTSIDE6}"]
    routes: [{ to: default, via: 202.108.10.254 }]
    neighbours:
      - { address: 202.108.10.254, mac: "52:54:00:00:00:fe" }
      - { address: "${FAR6}", mac: "52:54:00:00:00:fd" }
  - { name: int0, addresses: [192.168.168.3/24, "2001:db8:168::1/64"] }
services: []
snat:
  - { in: int0, source: 192.168.168.0/24, addresses: [{ address: ${OUTSIDE} }] }
  - { in: int0, source: "2001:db8:168::/64", addresses: [{ address: "${OUTSIDE6}" }] }
tcp: { timeouts: { close: 3 } }
`
const syn = (host: string, port: number, to: string) =>
  `${host}.${port} > ${to}.80: Flags [S], seq 1000, win 29200, length 0`

function appliance() {
  const { stand, from } = whoAnswers(CONFIG)
  const asked = async (address: string, port: number, rs?: string) => {
    const { as, conns, last } = await whois({ address, port, ...(rs && { rs }) }, from)
    const rows = conns.map(({ client, rs, forwarding, state }) =>
      [as, client, rs, forwarding, state].join(' '),
    )
    return { rows, last: last && `${last.client} ${last.rs} ${last.forwarding}` }
  }
  return { stand, asked }
}

test('while it lives: by the address outside and by the host inside, whomever it speaks to', async () => {
  const { stand, asked } = appliance()
  const { sport } = stand.forward('int0', syn('192.168.168.2', 4000, FAR))
  const other = stand.forward('int0', syn('192.168.168.4', 4001, '10.9.9.9'))
  const row = `192.168.168.2:4000 ${FAR}:80 snat SYN_RECV`
  const all = (await asked(OUTSIDE, sport)).rows
  // One lport is used towards many.
  assert.equal(other.sport, sport)
  assert.deepEqual(all.toSorted(), [
    `lip ${row}`,
    'lip 192.168.168.4:4001 10.9.9.9:80 snat SYN_RECV',
  ])
  assert.deepEqual((await asked(OUTSIDE, sport, FAR)).rows, [`lip ${row}`])
  assert.deepEqual((await asked('192.168.168.2', 4000)).rows, [`client ${row}`])
  assert.deepEqual(await asked(OUTSIDE, sport + 1), { rows: [], last: null })
})

test('after it ended: the last one, and who it was at a time', async () => {
  const { stand, asked } = appliance()
  const { sport } = stand.forward('int0', syn('192.168.168.2', 4000, FAR))
  const back = `${FAR}.80 > ${OUTSIDE}.${sport}`
  stand.forward('ext0', `${back}: Flags [S.], seq 9000, ack 1001, win 29200, length 0`)
  const ack = `192.168.168.2.4000 > ${FAR}.80: Flags [.], seq 1001, ack 9001, win 229, length 0`
  stand.forward('int0', ack)
  assert.match((await asked(OUTSIDE, sport)).rows.join(), /ESTABLISHED$/)
  stand.forward('ext0', `${back}: Flags [R.], seq 9001, ack 1001, win 0, length 0`)
  stand.pass(4000)
  const last = `192.168.168.2:4000 ${FAR}:80 snat`
  assert.deepEqual(await asked(OUTSIDE, sport), { rows: [], last })
  assert.deepEqual(await asked('192.168.168.2', 4000), { rows: [], last })
})

test('over IPv6 too', async () => {
  const { stand, asked } = appliance()
  const { sport } = stand.forward('int0', syn('2001:db8:168::2', 4000, FAR6))
  const row = `[2001:db8:168::2]:4000 [${FAR6}]:80 snat SYN_RECV`
  assert.deepEqual((await asked(OUTSIDE6, sport)).rows, [`lip ${row}`])
  assert.deepEqual((await asked('2001:db8:168::2', 4000)).rows, [`client ${row}`])
})

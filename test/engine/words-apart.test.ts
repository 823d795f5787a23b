/** Workers that know the same address by other words are one balancer all the same: they tell one another addresses. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Change } from '../../src/config/changes.ts'
import { ipAddress } from '../../src/wire/ip-address.ts'
import type { Ipv6 } from '../../src/wire/ipv6-address.ts'
import { LAN, WAN } from '../kit/connection.ts'
import { tcpFrame } from '../kit/frame.ts'
import { answer, SEED6_CONFIG } from '../kit/nd.ts'
import { Several } from '../kit/several.ts'
import { CLIENT_MAC, RS_MAC } from '../kit/stand.ts'

const VIP = '2001:db8:10::5'
const RSS = [2, 12, 13].map(host => `2001:db8:168::${host}`)
const CONFIG = SEED6_CONFIG.replace(
  "['2001:db8:10::1/128']",
  `['2001:db8:10::1/128', '${VIP}/128']`,
)
const persistent = CONFIG.replace(
  /^services:\n[\s\S]*/m,
  `services:
  - address: '${VIP}'
    port: 80
    protocol: tcp
    scheduler: rr
    persistence: 60
    real_servers: [${RSS.map(address => `{ address: '${address}' }`).join(', ')}]
`,
)

/** Two workers, of which the second has met a stranger before all that is set up. */
function apart(): Several {
  const several = new Several(2, CONFIG.replace(`, '${VIP}/128'`, ''))
  const { addressBook } = several.stands[1].engine
  addressBook.wordOf(0x3fff_0000, 0, 0, 1)
  const changes = new Several(1, persistent).stands[0].model.initial.filter(
    ({ put }) => !['timeouts', 'udp-timeouts'].includes(put),
  )
  const sets = (change: Change) => change.put !== 'lip'
  for (const stand of several.stands) stand.change(changes.filter(sets))
  const words = several.stands.map(({ engine }) => engine.addressBook.find(...six(VIP)))
  assert.ok(words[0] && words[1] && words[0] !== words[1])
  return several
}

const six = (text: string) => ipAddress(text) as Ipv6

test('what one hears of a neighbour the other knows', () => {
  const several = apart()
  const [one, other] = several.stands
  const { addresses } = one.config.arms[1]
  for (const rs of RSS)
    several.input(0, LAN, answer({ mac: one.macOf(LAN), addresses }, rs, RS_MAC))
  assert.equal(other.events('NEIGH_LEARNED'), RSS.length)
})

test('a client of a persistent service goes to one RS, whichever worker its connections are of', () => {
  const several = apart()
  const [one] = several.stands
  const { addresses } = one.config.arms[1]
  for (const rs of RSS)
    several.input(0, LAN, answer({ mac: one.macOf(LAN), addresses }, rs, RS_MAC))
  const ends = { dst: VIP, dport: 80 }
  const macs = { srcMac: CLIENT_MAC, dstMac: one.macOf(WAN) }
  const server = (src: string, sport: number) => {
    const syn = { ...ends, ...macs, src, sport, flags: 'S', seq: 1, ack: 0 }
    const [out] = several.input(0, WAN, tcpFrame(syn))
    assert.ok(out?.decoded.kind === 'tcp')
    return out.decoded.dst
  }
  // So that their schedulers are not where they began.
  server('2001:db8:10::3', 40_000)
  const servers = Array.from({ length: 20 }, (_, i) => server('2001:db8:10::2', 40_000 + i))
  assert.ok(several.stands.every(({ engine }) => engine.conns.table.used > 2))
  assert.deepEqual(new Set(servers).size, 1)
})

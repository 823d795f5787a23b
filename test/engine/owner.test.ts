/** Whose a packet is, where an RS of several services is reached in several ways. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Drop } from '../../src/engine/counters.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import { LAN, WAN } from '../kit/connection.ts'
import { arpFrame } from '../kit/frame.ts'
import { Several } from '../kit/several.ts'
import { RS_MAC, SEED_CONFIG } from '../kit/stand.ts'

const BOTH_WAYS = `${SEED_CONFIG}  - address: 202.108.10.1
    port: 6380
    real_servers: [{ address: 192.168.168.2, forwarding: nat }]
`

for (const workers of [2, 3]) {
  test(`${workers} workers: answers to a LIP go on from whichever read them, though their RS answers others by NAT`, () => {
    const several = new Several(workers, BOTH_WAYS)
    const our = { mac: several.stands[0].macOf(LAN), ip: '192.168.168.3' }
    several.input(0, LAN, arpFrame(2, { mac: RS_MAC, ip: '192.168.168.2' }, our, our.mac))
    for (let sport = 40_000; sport < 40_012; sport++) {
      const syn = `202.108.10.2.${sport} > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0`
      const [{ decoded }] = several.segment(0, WAN, syn)
      assert.ok(decoded.kind === 'tcp')
      const { src, sport: lport, seq } = decoded
      const answer = `192.168.168.2.6379 > ${src}.${lport}: Flags [S.], seq 69, ack ${seq + 1}, win 100, length 0`
      for (let at = 0; at < workers; at++) {
        const [out] = several.segment(at, LAN, answer)
        assert.ok(out?.decoded.kind === 'tcp', `at worker ${at}`)
        assert.deepEqual([out.arm, out.decoded.dport], [WAN, sport])
      }
    }
  })
}

test('what an RS of NAT sends as a client, from another port, is a client’s', () => {
  const several = new Several(3, BOTH_WAYS)
  const { steering, stands } = several
  const seen = new Set<number>()
  for (let sport = 40_000; sport < 40_012; sport++) {
    const syn = `192.168.168.2.${sport} > 198.51.100.9.6380: Flags [S], seq 1, win 100, length 0`
    const owner = steering.clientWorker(ipv4Int('192.168.168.2'), sport)
    const at = (owner + 1) % 3
    const refused = () =>
      Object.values(Drop).reduce(
        (sum, reason) => sum + stands[owner].engine.counters.events[reason],
        0,
      )
    const before = refused()
    several.segment(at, LAN, syn)
    assert.equal(refused(), before + 1, 'it was handed over to its owner')
    seen.add(owner)
  }
  assert.equal(seen.size, 3)
})

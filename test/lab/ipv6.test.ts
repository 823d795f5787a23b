/**
 * IPv6 with real programs: neighbour discovery, pings, and redis through a VIP of IPv6 beside that of IPv4; on TAPs, and by two
 * workers on NICs of a host that has IPv6 itself.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Lab } from '../../netns/two-arm.ts'
import { countersOf, labForTests, mustClient, mustTapvs, VIP } from '../kit/lab.ts'

const VIP6 = '2001:db8:10::1'
const ALL = {
  tap: labForTests('ipv6', { ipv6: true }, 'tap'),
  veth: labForTests('ipv6-nic', { ipv6: true, workers: 2 }, 'veth'),
}

const redis = (lab: Lab, host: string, ...argv: string[]) =>
  mustClient(lab, ['timeout', '20', 'redis-cli', '-h', host, ...argv])

for (const [arms, lab] of Object.entries(ALL)) {
  test(`${arms}: the VIP answers pings, and the client learns its MAC by neighbour discovery`, async () => {
    const said = await mustClient(lab, ['ping', '-6', '-c', '2', '-W', '2', VIP6])
    assert.match(said, /2 received, 0% packet loss/)
    const neighbour = await mustClient(lab, ['ip', '-6', 'neigh', 'show', VIP6])
    assert.match(neighbour, /lladdr [0-9a-f:]{17} /)
  })

  test(`${arms}: redis answers through the VIP of either family`, async () => {
    for (const host of [VIP6, VIP]) {
      assert.equal((await redis(lab, host, 'set', 'key', host)).trim(), 'OK')
      assert.equal((await redis(lab, host, 'get', 'key')).trim(), host)
    }
    const services = await mustTapvs(lab, 'ipvsadm', '-ln')
    assert.match(
      services,
      /TCP {2}\[2001:db8:10::1\]:6379 wrr\n {2}-> \[2001:db8:168::2\]:6379 +FullNat/,
    )
  })

  test(`${arms}: the RS is told the client, and megabytes pass both ways`, async () => {
    const size = 4_000_000
    const length = await mustClient(
      lab,
      ['redis-cli', '-h', VIP6, '-x', 'set', 'large'],
      'x'.repeat(size),
    )
    assert.equal(length.trim(), 'OK')
    assert.equal((await redis(lab, VIP6, 'get', 'large')).trim().length, size)
    assert.match(await mustTapvs(lab, 'counters'), /toa_added +\d/)
    const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
    assert.match(
      conns,
      /\[2001:db8:10::2\]:\d+ \[2001:db8:10::1\]:6379 \[2001:db8:168::7\]:\d+ \[2001:db8:168::2\]:6379/,
    )
  })

  test(`${arms}: dpip and whois tell of it, each family by itself if asked`, async () => {
    // The connection is in TIME_WAIT for 7 s.
    await redis(lab, VIP6, 'get', 'key')
    const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
    const [, client = '', lip = ''] =
      [...conns.matchAll(/(\[2001:db8:10::2\]:\d+) +\S+ +(\[2001:db8:168::7\]:\d+) /g)].at(-1) ?? []
    assert.ok((await mustTapvs(lab, 'whois', lip)).includes(client), `${lip} is ${client}`)
    const addresses = await mustTapvs(lab, 'dpip', '-6', 'addr', 'show')
    assert.match(addresses, /^inet6 2001:db8:10::1\/\d+ scope global /m)
    assert.doesNotMatch(addresses, /^inet /m)
    assert.doesNotMatch(await mustTapvs(lab, 'dpip', '-4', 'addr', 'show'), /inet6/)
    assert.match(
      await mustTapvs(lab, 'dpip', '-6', 'route', 'show'),
      /^inet6 2001:db8:168::\/\d+ /m,
    )
    assert.match(
      await mustTapvs(lab, 'dpip', '-6', 'neigh', 'show'),
      /^ip: 2001:db8:168::2 +mac: /m,
    )
  })

  test(`${arms}: every worker has connections, and nothing went astray`, async () => {
    await mustClient(lab, [
      'redis-benchmark',
      '-h',
      VIP6,
      '-q',
      '-t',
      'ping',
      '-n',
      '300',
      '-c',
      '20',
      '-k',
      '0',
    ])
    const { drops, events } = await countersOf(lab)
    assert.equal(events.handed_over, 0)
    for (const reason of ['eth_type', 'ip_extension', 'nd_header', 'no_service'])
      assert.equal(drops[reason as keyof typeof drops] ?? 0, 0, reason)
    const rows = (await mustTapvs(lab, 'ipvsadm', '-lnc'))
      .split('\n')
      .filter(row => row.includes(VIP6))
    const workers = new Set(rows.map(row => row.slice(1, 2)))
    assert.equal(workers.size, arms === 'tap' ? 1 : 2)
  })
}

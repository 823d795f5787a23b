/**
 * IPv6 with real programs: neighbour discovery, pings, and redis through a VIP of IPv6 beside that of IPv4; by two workers on NICs of a
 * host that has IPv6 itself, and in the long form on TAPs, on which udp6 and toa stand.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { parseDocument } from 'yaml'
import { until } from '../../netns/processes.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import type { ConfigFile } from '../../src/config/schema.ts'
import { countersOf, labForTests, mustClient, mustTapvs, VIP, VIP6 } from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

const ALL = {
  ...(isLong && { tap: labForTests('ipv6', { ipv6: true }, 'tap') }),
  veth: labForTests('ipv6-nic', { ipv6: true, workers: 2 }, 'veth'),
}

const redis = (lab: Lab, host: string, ...argv: string[]) =>
  mustClient(lab, ['timeout', '20', 'redis-cli', '-h', host, ...argv])

/** A connection that lasts as long as the test, however busy the machine is. */
async function hold(lab: Lab, t: TestContext): Promise<void> {
  const argv = ['redis-cli', '-h', VIP6, 'subscribe', 'held']
  const child = lab.spawn('client', argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  await once(child.stdout as NodeJS.ReadableStream, 'data')
}

/** Has the daemon check the RS of IPv6, and waits for what it finds. */
async function checked(lab: Lab, check: object, inhibited: boolean): Promise<void> {
  const { config, socket } = lab.paths
  const yaml = parseDocument(readFileSync(config, 'utf8'))
  const at = (yaml.toJS() as ConfigFile).services?.findIndex(({ address }) => address === VIP6)
  yaml.setIn(['services', at, 'check'], yaml.createNode({ interval: 0.3, timeout: 0.3, ...check }))
  writeFileSync(config, yaml.toString())
  await mustTapvs(lab, 'reload')
  await until(
    `the RS to be ${inhibited ? 'out' : 'in'}`,
    { limitMs: 8000, everyMs: 50 },
    async () => {
      const services = await ask(socket, { verb: 'services' })
      const service = services.find(({ address }) => address === VIP6)
      return service?.real_servers[0]?.inhibited === inhibited || undefined
    },
  )
}

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

  test(`${arms}: the RS is told the client, and megabytes pass both ways`, async t => {
    await hold(lab, t)
    const size = 4_000_000
    const length = await mustClient(
      lab,
      ['redis-cli', '-h', VIP6, '-x', 'set', 'large'],
      'x'.repeat(size),
    )
    assert.equal(length.trim(), 'OK')
    assert.equal((await redis(lab, VIP6, 'get', 'large')).trim().length, size)
    const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
    assert.match(
      conns,
      /\[2001:db8:10::2\]:\d+ \[2001:db8:10::1\]:6379 \[2001:db8:168::7\]:\d+ \[2001:db8:168::2\]:6379/,
    )
    assert.match(await mustTapvs(lab, 'counters'), /toa_added +\d/)
  })

  test(`${arms}: dpip and whois tell of it, each family by itself if asked`, async t => {
    await hold(lab, t)
    const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
    const [, client = '', lip = ''] =
      /TCP_EST +(\[2001:db8:10::2\]:\d+) +\S+ +(\[2001:db8:168::7\]:\d+) /.exec(conns) ?? []
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

  test(`${arms}: a deny list refuses its prefixes, and says what they have met`, async () => {
    const own = ['-t', `[${VIP6}]:6379`, '-k', '2001:db8:10::/64']
    await mustTapvs(lab, 'ipvsadm', '-U', ...own)
    const { code } = await lab.client(['timeout', '2', 'redis-cli', '-h', VIP6, 'ping'])
    assert.notEqual(code, 0)
    assert.match(await mustTapvs(lab, 'ipvsadm', '-B', '--stats'), /2001:db8:10::\/64 +[1-9]/)
    await mustTapvs(lab, 'ipvsadm', '-V', ...own)
    assert.equal((await redis(lab, VIP6, 'ping')).trim(), 'PONG')
  })

  test(`${arms}: checks go from the LIP to the RS, and take it out when it fails them`, async () => {
    await checked(lab, { type: 'tcp', port: 1 }, true)
    // The RS is asked from where it is asked.
    const asked =
      'redis-cli -h $CHECK_ADDRESS -p $CHECK_PORT client list | grep -F "addr=[2001:db8:168::7]:"'
    await checked(lab, { type: 'script', command: ['/bin/sh', '-c', asked] }, false)
    await checked(lab, { type: 'udp', port: 1 }, true)
    if (isLong) await checked(lab, { type: 'redis', password: 'not so' }, true)
    await checked(lab, { type: 'redis' }, false)
    assert.equal((await redis(lab, VIP6, 'ping')).trim(), 'PONG')
  })
}

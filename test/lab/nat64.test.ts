/**
 * Clients that speak IPv6 before a redis that speaks IPv4 alone (NAT64): pings, requests, megabytes both ways, and what the
 * listings say of it; by two workers on NICs, and in the long form on TAPs.
 */

import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { until } from '../../netns/processes.ts'
import type { Lab } from '../../netns/two-arm.ts'
import { countersOf, labForTests, mustClient, mustTapvs } from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

const VIP64 = '2001:db8:10::64'
const ALL = {
  ...(isLong && { tap: labForTests('nat64', { nat64: true }, 'tap') }),
  veth: labForTests('nat64-nic', { nat64: true, workers: 2 }, 'veth'),
}

const redis = (lab: Lab, ...argv: string[]) =>
  mustClient(lab, ['timeout', '20', 'redis-cli', '-h', VIP64, ...argv])

for (const [arms, lab] of Object.entries(ALL)) {
  test(`${arms}: the VIP answers pings, and redis behind it clients of IPv6`, async () => {
    const said = await mustClient(lab, ['ping', '-6', '-c', '2', '-i', '0.2', '-W', '2', VIP64])
    assert.match(said, /2 received, 0% packet loss/)
    assert.equal((await redis(lab, 'set', 'key', 'value')).trim(), 'OK')
    assert.equal((await redis(lab, 'get', 'key')).trim(), 'value')
    // It has nothing but IPv4.
    const clients = await redis(lab, 'client', 'list')
    assert.match(clients, / addr=192\.168\.168\.7:\d+ laddr=192\.168\.168\.2:6379 /)
    const services = await mustTapvs(lab, 'ipvsadm', '-ln')
    assert.match(
      services,
      /TCP {2}\[2001:db8:10::64\]:6379 wrr\n {2}-> 192\.168\.168\.2:6379 +FullNat/,
    )
  })

  test(`${arms}: the RS is told the client, and megabytes pass both ways`, async () => {
    const size = 4_000_000
    const value = 'x'.repeat(size)
    const argv = ['redis-cli', '-h', VIP64, '-x', 'set', 'large']
    assert.equal((await mustClient(lab, argv, value)).trim(), 'OK')
    assert.equal((await redis(lab, 'get', 'large')).trim().length, size)
    const { drops, events } = await countersOf(lab)
    assert.ok(events.toa_added > 0)
    assert.deepEqual([drops.ip_too_big ?? 0, drops.tcp_checksum ?? 0], [0, 0])
  })

  test(`${arms}: connections and whois name both ends, each in its own family`, async () => {
    await redis(lab, 'get', 'key')
    const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
    const ends =
      /(\[2001:db8:10::2\]:\d+) +\[2001:db8:10::64\]:6379 +(192\.168\.168\.7:\d+) +192\.168\.168\.2:6379/g
    const [, client = '', lip = ''] = [...conns.matchAll(ends)].at(-1) ?? []
    assert.notEqual(client, '', conns)
    assert.ok((await mustTapvs(lab, 'whois', lip)).includes(client), `${lip} is ${client}`)
  })

  test(`${arms}: every worker has connections, and nothing went astray`, async () => {
    const many = ['-q', '-t', 'ping', '-n', '300', '-c', '20', '-k', '0']
    await mustClient(lab, ['redis-benchmark', '-h', VIP64, ...many])
    const { events } = await countersOf(lab)
    assert.equal(events.handed_over, 0)
    const rows = (await mustTapvs(lab, 'ipvsadm', '-lnc'))
      .split('\n')
      .filter(row => row.includes(VIP64))
    const workers = new Set(rows.map(row => row.slice(1, 2)))
    assert.equal(workers.size, arms === 'tap' ? 1 : 2)
  })
}

const RIP = '192.168.168.2'
const NAME = 'www.example.test'
const stops: (() => void)[] = []
after(() => {
  for (const stop of stops) stop()
})

test('a service that is set up by ipvsadm: dig over IPv6, by UDP and by TCP, and dnsmasq over IPv4', async () => {
  const lab = ALL.veth
  const type = (line: string) => mustTapvs(lab, 'ipvsadm', ...line.split(' '))
  for (const protocol of ['-u', '-t']) {
    await type(`-A ${protocol} [${VIP64}]:53 -s rr`)
    await type(`--add-laddr ${protocol} [${VIP64}]:53 -z 192.168.168.7 -F int0`)
    await type(`-a ${protocol} [${VIP64}]:53 -r ${RIP}:53 -b`)
  }
  const own = ['--keep-in-foreground', '--conf-file=/dev/null', '--pid-file=', '--user=root']
  const none = ['--no-resolv', '--no-hosts', '--bind-interfaces', `--listen-address=${RIP}`]
  const server = lab.spawn('rs', ['dnsmasq', ...own, ...none, `--address=/${NAME}/192.0.2.77`], {
    stdio: 'ignore',
  })
  stops.push(() => server.kill('SIGKILL'))
  const dig = ['dig', `@${VIP64}`, NAME, '+short', '+time=1', '+tries=1']
  await until('dnsmasq to answer', { limitMs: 10_000, everyMs: 100 }, async () => {
    return (await lab.client(dig)).code === 0 || undefined
  })
  for (const how of ['+notcp', '+tcp'])
    assert.equal(await mustClient(lab, [...dig, how]), '192.0.2.77\n')
  assert.match(
    await type(`-lnc -u [${VIP64}]:53`),
    /^\[[12]\]udp .* UDP_NORM +\[2001:db8:10::2\]:\d+ \[2001:db8:10::64\]:53 192\.168\.168\.7:\d+ 192\.168\.168\.2:53$/m,
  )
  const refused = await lab.tapvs([
    'ipvsadm',
    ...`-a -u [${VIP64}]:53 -r [2001:db8:168::2]:53 -b`.split(' '),
  ])
  assert.match(
    refused.stderr,
    /expected an address of IPv4: real servers of a service and its LIPs are of one family/,
  )
})

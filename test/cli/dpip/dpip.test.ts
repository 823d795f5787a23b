/** `tapvs dpip`: words and tables (semantics 9.5), against a daemon on paper. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Edit } from '../../../src/api/edits.ts'
import { CliError } from '../../../src/cli/daemon/client.ts'
import { readDpip } from '../../../src/cli/dpip/command.ts'
import { dpipHelp } from '../../../src/cli/dpip/help.ts'
import { formatAddresses, formatNeighbours, linkRates } from '../../../src/cli/dpip/listings.ts'
import { dpip } from '../../../src/cli/verbs/dpip.ts'
import { ADDRESSES, COUNTERS, NEIGHBOURS } from '../canned.ts'
import { PaperDaemon } from '../paper-daemon.ts'

const words = (line: string) => line.split(' ').filter(word => word !== '')

async function say(daemon: PaperDaemon, line: string): Promise<string[]> {
  daemon.stdout = ''
  await dpip(words(line), daemon.open)
  return daemon.stdout.split('\n').slice(0, -1)
}

test('addr, route and neigh become edits, in any order of words', () => {
  const arm = 'int0'
  const cases: [string[], Edit][] = [
    [
      [
        'addr add 10.0.0.1/24 dev int0',
        'a a dev int0 10.0.0.1/24',
        'address add 10.0.0.1/24 dev int0',
      ],
      { edit: 'add-address', arm, address: '10.0.0.1', prefix_length: 24, lip: false },
    ],
    [
      ['addr add 10.0.0.7 dev int0 sapool', '-4 addr add 10.0.0.7/32 sapool dev int0'],
      { edit: 'add-address', arm, address: '10.0.0.7', prefix_length: 32, lip: true },
    ],
    [
      ['addr del 10.0.0.1 dev int0', 'a d 10.0.0.1/32 dev int0', 'addr delete 10.0.0.1 dev int0'],
      { edit: 'delete-address', arm, address: '10.0.0.1', prefix_length: 32 },
    ],
    [
      ['route add 10.0.0.0/8 dev int0', 'r a dev int0 10.0.0.0/8'],
      { edit: 'add-route', arm, to: '10.0.0.0/8' },
    ],
    [
      ['route add default via 10.0.0.254 dev int0', 'route add 0.0.0.0/0 dev int0 via 10.0.0.254'],
      { edit: 'add-route', arm, to: 'default', via: '10.0.0.254' },
    ],
    [['route del 10.0.0.9 dev int0'], { edit: 'delete-route', arm, to: '10.0.0.9/32' }],
    [
      [
        'neigh add 10.0.0.2 lladdr 02:00:00:00:00:0A dev int0',
        'n a dev int0 lladdr 02:00:00:00:00:0A 10.0.0.2',
      ],
      { edit: 'add-neighbour', arm, address: '10.0.0.2', mac: '02:00:00:00:00:0A' },
    ],
    [
      ['addr add 2001:DB8:0::1/64 dev int0', '-6 addr add dev int0 2001:db8::1/64'],
      { edit: 'add-address', arm, address: '2001:db8::1', prefix_length: 64, lip: false },
    ],
    [
      ['addr add fd00::7 dev int0 sapool'],
      { edit: 'add-address', arm, address: 'fd00::7', prefix_length: 128, lip: true },
    ],
    [
      ['-6 route add default via fe80::1 dev int0', 'route add default via fe80:0::1 dev int0'],
      { edit: 'add-route', arm, to: '::/0', via: 'fe80::1' },
    ],
    [['-6 route del default dev int0'], { edit: 'delete-route', arm, to: '::/0' }],
    [['route add 2001:db8::/32 dev int0'], { edit: 'add-route', arm, to: '2001:db8::/32' }],
    [
      ['neigh add 2001:db8::5 lladdr 02:00:00:00:00:0a dev int0'],
      { edit: 'add-neighbour', arm, address: '2001:db8::5', mac: '02:00:00:00:00:0a' },
    ],
    [
      ['neigh del 10.0.0.2 dev int0', 'neighbour d 10.0.0.2 dev int0'],
      { edit: 'delete-neighbour', arm, address: '10.0.0.2' },
    ],
  ]
  for (const [lines, edit] of cases)
    for (const line of lines)
      assert.deepEqual(readDpip(words(line)).command, { do: 'edit', edit }, line)
})

test('mistakes are one line that says what to do', () => {
  const cases: [string, string][] = [
    ['', 'dpip needs an object: addr, route, neigh, link or ipset'],
    ['addr', 'dpip addr needs a verb: add, del, show or flush'],
    ['adr show', 'unknown object "adr"; did you mean addr?'],
    ['quux show', 'unknown object "quux"; there are addr, route, neigh, link or ipset'],
    ['vlan show', 'dpip vlan is not supported; there are addr, route, neigh, link or ipset'],
    ['route shwo', 'unknown verb "shwo" of dpip route; did you mean show?'],
    ['link set', 'dpip link set: nothing can be set here; change the config and tapvs reload'],
    ['link add', 'unknown verb "add" of dpip link; there is show'],
    ['addr add 10.0.0.1', 'dpip addr add needs dev ARM'],
    ['addr add dev int0', 'dpip addr add needs IP[/LENGTH]'],
    ['addr add 10.0.0.1 dev', 'dev needs ARM'],
    ['addr add 10.0.0.1 dev int0 dev int0', 'dev is said twice'],
    ['addr add 10.0.0.1 dev int0 sapol', 'unexpected word "sapol"; did you mean sapool?'],
    [
      'addr add 10.0.0.1 dev int0 xyzzy',
      'unexpected word "xyzzy": dpip addr add IP[/LENGTH] dev ARM [sapool]',
    ],
    [
      'addr add 10.0.0.1 dev int0 scope host',
      'scope: every address and route has the scope that follows from it; leave it out',
    ],
    [
      'addr add 10.0.0.300 dev int0',
      'expected an address, like 192.0.2.1/32 or 2001:db8::1/128, found "10.0.0.300"',
    ],
    [
      'addr add 10.0.0.1/33 dev int0',
      'expected an address, like 192.0.2.1/32 or 2001:db8::1/128, found "10.0.0.1/33"',
    ],
    ['-6 addr add 10.0.0.1 dev int0', '-6 is for IPv6, found "10.0.0.1"'],
    ['-4 neigh show 2001:db8::1', '-4 is for IPv4, found "2001:db8::1"'],
    ['-4 -6 addr show', '-4 and -6: say one of them'],
    [
      'addr add fd00::7/64 dev int0 sapool',
      'a LIP is a /128, found "fd00::7/64"; add the network by dpip route add',
    ],
    [
      'addr add 10.0.0.7/24 dev int0 sapool',
      'a LIP is a /32, found "10.0.0.7/24"; add the network by dpip route add',
    ],
    ['route add 10.0.0.0/8 via gw dev int0', 'expected a gateway after via, found "gw"'],
    [
      'neigh add 10.0.0.2 lladdr here dev int0',
      'expected a MAC like 02:74:76:00:00:01 after lladdr, found "here"',
    ],
    ['addr show -i 1', '-i does not go with dpip addr show'],
    ['link show -c 1', '-c needs -i SECONDS'],
    ['link show -i soon', 'expected a whole number from 1 on after --interval, found "soon"'],
    ['addr show -x', 'unknown option -x; see tapvs dpip --help'],
    ['addr show --stat', 'unknown option --stat; did you mean --stats?'],
  ]
  for (const [line, message] of cases) {
    assert.throws(
      () => readDpip(words(line)),
      (error: unknown) =>
        error instanceof CliError && error.exitCode === 2 && error.message === message,
      line,
    )
  }
})

test('addresses, of all arms or one', async () => {
  const daemon = new PaperDaemon()
  const all = await say(daemon, 'addr show')
  assert.equal(all.length, 6)
  for (const line of ['a s', 'addr list', 'addr ls', '-s addr show', 'addr show -s'])
    assert.deepEqual(await say(daemon, line), all, line)
  assert.deepEqual(await say(daemon, 'addr show dev int0'), all.slice(2))
  await assert.rejects(say(daemon, 'addr show dev int9'), {
    message: 'there is no arm int9; see tapvs dpip link show',
  })
})

test('addr show -v has a line for each worker of a LIP', () => {
  const [vip, , lip] = ADDRESSES
  assert.ok(vip && lip)
  const workers = [1, 2].map(used => ({ used, free: 100, misses: 0 }))
  assert.deepEqual(
    formatAddresses([vip, { ...lip, lports_of_workers: workers }], true).split('\n'),
    [
      '[00] inet 202.108.10.1/32 scope global ext0',
      '     valid_lft forever preferred_lft forever',
      '[01] inet 192.168.168.7/32 scope global int0',
      '     valid_lft forever preferred_lft forever sa_used 1 sa_free 100 sa_miss 0',
      '[02] inet 192.168.168.7/32 scope global int0',
      '     valid_lft forever preferred_lft forever sa_used 2 sa_free 100 sa_miss 0',
      '',
    ],
  )
})

test('addr flush deletes what the arm has, in one request', async () => {
  const daemon = new PaperDaemon()
  daemon.file.arms[1]?.addresses.splice(0, 1, '192.168.168.3/32')
  await say(daemon, 'addr flush dev int0')
  const changes = daemon.asked.filter(({ verb }) => verb === 'edit')
  assert.deepEqual(changes.at(-1), {
    verb: 'edit',
    edits: [
      { edit: 'delete-address', arm: 'int0', address: '192.168.168.3', prefix_length: 32 },
      { edit: 'delete-address', arm: 'int0', address: '192.168.168.7', prefix_length: 32 },
    ],
  })
  await assert.rejects(say(daemon, 'addr flush dev int9'), { message: /no arm int9/ })
})

test('routes: hosts first, then the longest prefix', async () => {
  const daemon = new PaperDaemon()
  assert.deepEqual(await say(daemon, 'route show'), [
    'inet 202.108.10.1/32 via 0.0.0.0 src 0.0.0.0 dev ext0 mtu 1500 tos 0 scope host metric 0 proto auto ',
    'inet 192.168.168.3/32 via 0.0.0.0 src 0.0.0.0 dev int0 mtu 9000 tos 0 scope host metric 0 proto auto ',
    'inet 192.168.168.7/32 via 0.0.0.0 src 0.0.0.0 dev int0 mtu 9000 tos 0 scope host metric 0 proto auto ',
    'inet 202.108.10.0/24 via 0.0.0.0 src 0.0.0.0 dev ext0 mtu 1500 tos 0 scope link metric 0 proto auto ',
    'inet 10.0.0.0/8 via 192.168.168.254 src 0.0.0.0 dev int0 mtu 9000 tos 0 scope global metric 0 proto auto ',
    'inet 0.0.0.0/0 via 202.108.10.254 src 0.0.0.0 dev ext0 mtu 1500 tos 0 scope global metric 0 proto auto ',
  ])
  assert.equal((await say(daemon, 'r s dev ext0')).length, 3)
})

test('neighbours, of one arm or one address, and static ones', async () => {
  const daemon = new PaperDaemon()
  assert.equal((await say(daemon, 'neigh show')).length, 2)
  assert.equal((await say(daemon, 'neigh show dev ext0')).length, 0)
  assert.equal((await say(daemon, 'neigh show 192.168.168.9 dev int0')).length, 1)
  const [first] = NEIGHBOURS
  assert.ok(first)
  assert.equal(
    formatNeighbours([{ ...first, static: true }]),
    'ip: 192.168.168.2                                    mac: 02:00:00:00:00:02   state: REACHABLE     dev: int0  core: 5  static\n',
  )
})

test('an arm keeps its number, and its rates are those of the time between', async () => {
  const daemon = new PaperDaemon()
  assert.deepEqual(
    (await say(daemon, 'link show int0'))[0],
    '2: int0: socket 0 mtu 9000 rx-queue 1 tx-queue 1',
  )
  assert.deepEqual(await say(daemon, 'link show dev int0'), await say(daemon, 'l s int0'))
  assert.equal((await say(daemon, 'link show int0 -s')).length, 9)
  await assert.rejects(say(daemon, 'link show int9'), { message: /no arm int9/ })

  const [ext0] = COUNTERS.arms
  assert.ok(ext0)
  const later = {
    ...COUNTERS,
    arms: [{ ...ext0, rx_packets: 106, rx_bytes: 20_420, tx_packets: 3 }],
  }
  const [rates] = linkRates(COUNTERS, later, 2).arms
  assert.deepEqual(
    [rates?.rx_packets, rates?.rx_bytes, rates?.tx_packets, rates?.rx_drops],
    [50, 10_000, 0, 0],
  )
})

test('-i repeats, -c so often', async () => {
  const daemon = new PaperDaemon()
  const lines = await say(daemon, 'link show ext0 -i 1 -c 1')
  assert.equal(lines.length, 9)
  assert.equal(lines[4], `    ${'0'.padEnd(20).repeat(4)}`)
})

test('help has every object and verb', async () => {
  const daemon = new PaperDaemon()
  const help = await say(daemon, '-h')
  assert.equal(`${help.join('\n')}\n`, dpipHelp())
  for (const line of ['addr add', 'addr del', 'addr flush', 'route add', 'neigh add', 'link show'])
    assert.ok(
      help.some(each => each.startsWith(`  ${line} `)),
      line,
    )
  assert.match((await say(daemon, 'route -h')).join(), /route: .*route add/)
  assert.deepEqual(await say(daemon, 'help'), help)
  assert.deepEqual(daemon.asked, [])
  for (const line of help) assert.ok(line.length <= 100, line)
})

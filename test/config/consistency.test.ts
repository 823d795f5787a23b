/** What is wrong with a config file: every mistake at once, each with its place and what was expected there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, parseConfig, readConfig } from '../../src/config/config.ts'
import { SEED_CONFIG } from '../kit/stand.ts'

function problems(text: string): string[] {
  try {
    parseConfig(text, 'x.yaml')
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems
  }
  return []
}

/** A sound config; the lines of a test replace the parts they name. */
function yaml(parts: { arms?: string; services?: string; rest?: string } = {}): string {
  const arms = parts.arms ?? '[{ name: a, addresses: [10.0.0.1/24], local_addresses: [10.0.0.9] }]'
  return `arms: ${arms}\nservices: ${parts.services ?? '[]'}\n${parts.rest ?? ''}`
}

test('every mistake at once, with its place, in the order of the file', () => {
  const text = `arms:
  - name: ext0
    mtu: big
    netns: a/b
    addresses: [10.0.0.1/24, 10.0.0.300]
    local_adresses: [1.2.3.4]
    routes:
      - to: 10.0.0.5/24
    impair: { loss: 2, sed: x }
  - name: ext0
    mac: 01:00:00:00:00:00
    mtu: 9001
    mtu: 1500
    addresses: [10.0.0.1]
  - 7
services:
  - address: 10.0.0.1
    port: 0
    scheduler: lblc
    real_servers:
      - address: 10.0.0.1
      - { address: 9.9.9.9, wieght: 3 }
  - port: 5
workers: { count: 33, stering: bpf }
tpc: {}
`
  assert.deepEqual(problems(text), [
    'x.yaml:3:10 arms[0].mtu: expected a whole number 576-9000, found "big"',
    'x.yaml:4:12 arms[0].netns: expected the name of a network namespace, found "a/b"',
    'x.yaml:5:30 arms[0].addresses[1]: expected an address with a prefix length, like 192.0.2.1/24 or 2001:db8::1/64, found "10.0.0.300"',
    'x.yaml:6:5 arms[0].local_adresses: expected a known key, found "local_adresses"; did you mean local_addresses?',
    'x.yaml:8:13 arms[0].routes[0].to: expected a network, like 10.0.0.0/24, found "10.0.0.5/24"',
    'x.yaml:9:21 arms[0].impair.loss: expected a percentage 0%-100%, like 0.5%, found 2',
    'x.yaml:9:24 arms[0].impair.sed: expected a known key, found "sed"; did you mean seed?',
    'x.yaml:10:11 arms[1].name: expected each once, found arm ext0 again, see line 2',
    'x.yaml:11:10 arms[1].mac: expected a unicast MAC address, like 02:74:76:00:00:01, found "01:00:00:00:00:00"',
    'x.yaml:13:5 arms[1].mtu: expected each key once, found it again',
    'x.yaml:14:17 arms[1].addresses[0]: expected each once, found address 10.0.0.1 again, see line 5',
    'x.yaml:15:5 arms[2]: expected a mapping, found 7',
    'x.yaml:18:11 services[0].port: expected a whole number 1-65535, found 0',
    'x.yaml:19:16 services[0].scheduler: expected rr, wrr, lc, wlc, sed, nq, sh, dh, mh, conhash or fo, found "lblc"',
    'x.yaml:21:18 services[0].real_servers[0].address: expected another host, found our own address "10.0.0.1"',
    'x.yaml:22:29 services[0].real_servers[1].wieght: expected a known key, found "wieght"; did you mean weight?',
    'x.yaml:23:5 services[1].address: expected an IPv4 address, or one of IPv6 as RFC 5952 writes it, found nothing',
    'x.yaml:24:19 workers.count: expected a whole number 1-32, found 33',
    'x.yaml:24:23 workers.stering: expected a known key, found "stering"; did you mean steering?',
    'x.yaml:25:1 tpc: expected a known key, found "tpc"; did you mean tcp?',
  ])
})

/** A config, and what is said of it. */
const CASES: Record<string, [text: string, expected: string[]]> = {
  'the same LIP in two arms': [
    yaml({
      arms: '[{ name: a, local_addresses: [10.0.0.9] }, { name: b, local_addresses: [10.0.0.9] }]',
    }),
    ['arms[1].local_addresses[0]: expected each once, found address 10.0.0.9 again, see line 1'],
  ],
  'a LIP that is an address too': [
    yaml({ arms: '[{ name: a, addresses: [10.0.0.9/24], local_addresses: [10.0.0.9] }]' }),
    ['arms[0].local_addresses[0]: expected each once, found address 10.0.0.9 again, see line 1'],
  ],
  'the same service twice': [
    yaml({ services: '[{ address: 10.0.0.1, port: 80 }, { address: 10.0.0.1, port: 80 }]' }),
    ['services[1]: expected each once, found service TCP 10.0.0.1:80 again, see line 2'],
  ],
  'one service of each protocol': [
    yaml({
      services: '[{ address: 10.0.0.1, port: 53 }, { address: 10.0.0.1, port: 53, protocol: udp }]',
    }),
    [],
  ],
  'the same service of UDP twice': [
    yaml({
      services:
        '[{ address: 10.0.0.1, port: 53, protocol: udp }, { address: 10.0.0.1, port: 53, protocol: udp }]',
    }),
    ['services[1]: expected each once, found service UDP 10.0.0.1:53 again, see line 2'],
  ],
  'what only one protocol has': [
    yaml({
      services:
        '[{ address: 10.0.0.1, port: 53, one_packet: true, quic: true }, { address: 10.0.0.1, port: 53, protocol: udp, one_packet: true }]',
    }),
    [
      'services[0].one_packet: expected protocol udp with it, found tcp',
      'services[0].quic: expected protocol udp with it, found tcp',
    ],
  ],
  'a header of v1 before datagrams': [
    yaml({
      services: '[{ address: 10.0.0.1, port: 53, protocol: udp, proxy_protocol: v1 }]',
    }),
    ['services[0].proxy_protocol: expected v2 or v2-insecure of udp, found v1'],
  ],
  'the same real server twice, once by the default port': [
    yaml({
      services:
        '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.0.2 }, { address: 10.0.0.2, port: 80 }] }]',
    }),
    [
      'services[0].real_servers[1]: expected each once, found real server 10.0.0.2:80 again, see line 2',
    ],
  ],
  'a LIP of the service that is none': [
    yaml({ services: '[{ address: 10.0.0.1, port: 80, local_addresses: [10.0.0.1] }]' }),
    ['services[0].local_addresses[0]: expected a LIP of some arm (10.0.0.9), found "10.0.0.1"'],
  ],
  'no LIP anywhere': [
    yaml({
      arms: '[{ name: a, addresses: [10.0.0.1/24] }]',
      services: '[{ address: 10.0.0.1, port: 80 }]',
    }),
    [
      'services[0]: expected a LIP to reach its real servers from, found no local_addresses in any arm',
    ],
  ],
  'a lower threshold above the upper one': [
    yaml({
      services:
        '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.0.2, lower_threshold: 5, upper_threshold: 4 }] }]',
    }),
    ['services[0].real_servers[0].lower_threshold: expected at most upper_threshold 4, found 5'],
  ],
  'a real server out of reach': [
    yaml({
      services: '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.1.2 }] }]',
    }),
    [
      'services[0].real_servers[0].address: expected an address that a route of some arm leads to, found "10.0.1.2"',
    ],
  ],
  'a gateway that is on-link of the other arm only': [
    yaml({
      arms: '[{ name: a, addresses: [10.0.0.1/24] }, { name: b, addresses: [10.0.0.2/32], routes: [{ to: default, via: 10.0.0.254 }] }]',
    }),
    [
      'arms[1].routes[0].via: expected a gateway on-link of b, found "10.0.0.254", which no address prefix or on-link route of that arm holds',
    ],
  ],
  'the same route twice': [
    yaml({ arms: '[{ name: a, routes: [{ to: 0.0.0.0/0 }, { to: default }] }]' }),
    ['arms[0].routes[1].to: expected each once, found route 0.0.0.0/0 again, see line 1'],
  ],
  'no arm': ['arms: []', ['arms: expected at least one arm, found none']],
  'arms left empty': ['arms:\n', ['arms: expected a list, found nothing']],
  'sixteen arms': [
    yaml({ arms: `[${Array.from({ length: 16 }, (_, i) => `{ name: a${i} }`).join(', ')}]` }),
    ['arms[14]: expected at most 14 arms, found 16'],
  ],
  'steering by something else': [
    yaml({ rest: 'workers: { steering: rss }' }),
    ['workers.steering: expected bpf or handover, found "rss"'],
  ],
  'a long device name': [
    yaml({ arms: '[{ name: abcdefghijklmnop }]' }),
    ['arms[0].name: expected a device name of 1-15 bytes, found "abcdefghijklmnop"'],
  ],
  'a socket without a folder': [
    yaml({ rest: 'control: { socket: tapvs.sock }' }),
    ['control.socket: expected an absolute path of at most 107 bytes, found "tapvs.sock"'],
  ],
  'a port for the whole network, without a token': [
    yaml({ rest: 'control: { http: { address: 0.0.0.0, port: 80 } }' }),
    [
      'control.http: expected either token_file or token, found a mapping',
      'control.http.address: expected a loopback address: 127.0.0.1 or ::1, found "0.0.0.0"',
    ],
  ],
  'two tokens for the page': [
    yaml({
      rest: 'control: { ui: { port: 65536, token: correct-horse-battery, token_file: /t } }',
    }),
    [
      'control.ui: expected token_file or token, not both, found a mapping',
      'control.ui.port: expected a whole number 0-65535, found 65536',
    ],
  ],
  'a token that is easily guessed': [
    yaml({ rest: 'control: { http: { port: 80, token: secret } }' }),
    ['control.http.token: expected a token of 16-256 characters without blanks, found "secret"'],
  ],
}

test('what values say about each other', async t => {
  for (const [name, [text, expected]] of Object.entries(CASES)) {
    await t.test(name, () => {
      assert.deepEqual(
        problems(text).map(problem => problem.replace(/^x\.yaml:\d+:\d+ /, '')),
        expected,
      )
    })
  }
})

test('a mistake in an arm does not make mistakes of what depends on it', () => {
  const text = yaml({
    arms: '[{ name: a, adresses: [10.0.0.1/24], routes: [{ to: default, via: 10.0.0.254 }] }]',
    services: '[{ address: 10.0.0.1, port: 80, real_servers: [{ address: 10.0.0.2 }] }]',
  })
  assert.deepEqual(problems(text), [
    'x.yaml:1:19 arms[0].adresses: expected a known key, found "adresses"; did you mean addresses?',
  ])
})

test('at most 4095 LIPs, said once', () => {
  const lips = Array.from({ length: 4100 }, (_, i) => `10.0.${i >> 8}.${i & 255}`)
  const found = problems(yaml({ arms: `[{ name: a, local_addresses: [${lips.join(', ')}] }]` }))
  assert.deepEqual(
    found.map(problem => problem.replace(/^\S+ /, '')),
    [
      'arms[0].local_addresses[4095]: expected at most 4095 LIPs, found more',
      'arms[0].local_addresses[4096]: expected at most 4096 addresses per namespace, found more',
    ],
  )
})

test('when_down all beside a backup, or without checks, is a warning', () => {
  const warnings = (more: string) =>
    parseConfig(
      SEED_CONFIG.replace('scheduler: wrr', `scheduler: wrr\n    when_down: all\n    ${more}`),
      'x.yaml',
    ).warnings
  const [none = '', ...rest] = warnings('conn_timeout: 9')
  assert.match(none, /when_down: all: without check and passive no real server is ever down/)
  assert.deepEqual(rest, [])
  assert.deepEqual(warnings('check: { type: tcp }'), [])
  const backup = SEED_CONFIG.replace(
    /real_servers.*/,
    'when_down: all\n    passive: {}\n    real_servers: [{ address: 192.168.168.2, backup: true }]',
  )
  assert.match(parseConfig(backup, 'x.yaml').warnings[0] ?? '', /when_down: all: a backup takes/)
})

test('a VIP that no arm holds is a warning', () => {
  const config = parseConfig(yaml({ services: '[{ address: 10.0.0.5, port: 80 }]' }), 'x.yaml')
  assert.deepEqual(config.warnings, [
    'x.yaml:2:23 services[0].address: 10.0.0.5 is no address of any arm: nobody answers ARP for it',
  ])
})

test('arms that share a device', () => {
  const text = `arms:
  - { name: a, mtu: 1400 }
  - { name: a.1, vlan: { arm: a, id: 1 }, mtu: 1400 }
  - { name: a.2, vlan: { arm: a, id: 1 }, mtu: 1400, mac: 02:74:76:00:00:01, netns: x }
  - { name: a.3, vlan: { arm: a, id: 3 }, mtu: 1500 }
  - { name: a.4, vlan: { arm: a.1, id: 4 } }
  - { name: a.5, vlan: { arm: b, id: 4095 } }
  - { name: a.6, vlan: { arm: b, id: 4 } }
`
  const beside = 'expected none beside vlan: it is that of the arm whose device it shares'
  assert.deepEqual(problems(text), [
    'x.yaml:4:38 arms[2].vlan.id: expected each once, found id 1 of a again, see line 3',
    `x.yaml:4:59 arms[2].mac: ${beside}`,
    `x.yaml:4:85 arms[2].netns: ${beside}`,
    'x.yaml:5:48 arms[3].mtu: expected at most the MTU 1400 of a, found 1500',
    'x.yaml:6:31 arms[4].vlan.arm: expected an arm with a device of its own, found "a.1", which has a vlan',
    'x.yaml:7:38 arms[5].vlan.id: expected a whole number 1-4094, found 4095',
  ])
  const last = text.replace('4095', '5')
  assert.ok(
    problems(last).includes(
      'x.yaml:7:31 arms[5].vlan.arm: expected the name of another arm, found "b"',
    ),
  )
})

test('what is no config at all', () => {
  const mapping = 'expected a mapping with at least `arms`, like config/lab.yaml'
  assert.deepEqual(problems(''), [`x.yaml:1:1 config: ${mapping}, found nothing`])
  assert.deepEqual(problems('# only a comment\n'), [`x.yaml:1:1 config: ${mapping}, found nothing`])
  assert.deepEqual(problems('hello'), [`x.yaml:1:1 config: ${mapping}, found "hello"`])
  assert.deepEqual(problems('[]'), [`x.yaml:1:1 config: ${mapping}, found a list`])
  assert.deepEqual(problems('services: []'), ['x.yaml:1:1 arms: expected a list, found nothing'])
  assert.deepEqual(problems('arms:\n\t- x'), [
    'x.yaml:2:1 config: expected YAML, found: Tabs are not allowed as indentation',
  ])
  assert.deepEqual(problems(`${yaml()}---\na: 1`), [
    'x.yaml:3:1 config: expected YAML, found: a second document',
  ])
  assert.equal(problems('arms: *nowhere').length, 1)
  assert.equal(problems('a: &a [1]\n'.concat('b: [*a, *a]\n'.repeat(1))).length, 3)
})

test('values behind an alias are reported where they stand', () => {
  const text =
    'arms:\n  - name: a\n    impair: &bad { loss: 7% , reorder: x }\n  - { name: b, impair: *bad }\n'
  assert.deepEqual(problems(text), [
    'x.yaml:3:40 arms[0].impair.reorder: expected a percentage 0%-100%, like 0.5%, found "x"',
    'x.yaml:3:40 arms[1].impair.reorder: expected a percentage 0%-100%, like 0.5%, found "x"',
  ])
})

test('a file that cannot be read', () => {
  assert.throws(() => readConfig('/nowhere/x.yaml'), {
    problems: ['/nowhere/x.yaml: no such file; expected a config like config/lab.yaml'],
  })
  assert.throws(() => readConfig('/'), {
    problems: ['/: is a folder; expected a config like config/lab.yaml'],
  })
})

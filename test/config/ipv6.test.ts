/** Configs with addresses of IPv6: what is taken, and what is refused with its place. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../src/config/changes.ts'
import { ConfigError, parseConfig } from '../../src/config/config.ts'
import { SEED6_CONFIG, SEED64_CONFIG } from '../kit/nd.ts'

function problems(yaml: string): readonly string[] {
  try {
    parseConfig(yaml, 'x.yaml')
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return []
}

const changed = (from: string, to: string) => {
  assert.ok(SEED6_CONFIG.includes(from), from)
  return problems(SEED6_CONFIG.replace(from, to))
}

test('arms and services of IPv6 are taken, each LIP as one address', () => {
  const config = parseConfig(SEED6_CONFIG, 'x.yaml')
  assert.deepEqual(config.warnings, [])
  const [service] = config.services
  assert.deepEqual(service?.localAddresses, ['2001:db8:168::7'])
  assert.equal(service?.persistence.prefix, 128)
  assert.deepEqual(compare(null, config).steps.slice(2), [
    '+ address 2001:db8:10::1/128 on dpdk0',
    '+ route 2001:db8:10::/64 on dpdk0 on-link',
    '+ address 2001:db8:168::3/128 on dpdk1',
    '+ address 2001:db8:168::7/128 on dpdk1',
    '+ route 2001:db8:168::/64 on dpdk1 on-link',
    '+ LIP 2001:db8:168::7',
    '+ service TCP [2001:db8:10::1]:6379 wrr from 2001:db8:168::7',
    '+ RS [2001:db8:168::2]:6379 of TCP [2001:db8:10::1]:6379 weight 100',
  ])
})

test('real servers are reached by NAT, DR and tunnels within one family, a tunnel from an address of it', () => {
  const by = (way: string, seed = SEED6_CONFIG) =>
    problems(seed.replace('weight: 100', `$&, forwarding: ${way}`))
  for (const way of ['nat', 'dr', 'tunnel']) {
    assert.deepEqual(by(way), [])
    const [found] = by(way, SEED64_CONFIG)
    const expected = `expected fullnat: the other ways stay in the VIP's family, and 192.168.168.2 is of the other, found ${way}`
    assert.match(found ?? '', new RegExp(`^x.yaml:\\d+:\\d+ .*forwarding: ${expected}$`))
  }
  const other = SEED6_CONFIG.replace("'2001:db8:168::3/128'", '192.168.168.3/32')
  const [found] = by('tunnel', other.replace("    local_addresses: ['2001:db8:168::7']\n", ''))
  assert.match(found ?? '', /an address of dpdk1, .* of the family of 2001:db8:168::2, found none$/)
})

test('the default route is of the family of its gateway, which may be of the link', () => {
  const yaml = SEED6_CONFIG.replace(
    "routes: [{ to: '2001:db8:10::/64' }]",
    "routes: [{ to: '2001:db8:10::/64' }, { to: default, via: 'fe80::1' }]",
  )
  const [arm] = parseConfig(yaml, 'x.yaml').arms
  assert.deepEqual(arm?.routes[1], { to: '::', prefixLength: 0, via: 'fe80::1' })
})

for (const [what, from, to, expected] of [
  [
    'another spelling',
    "'2001:db8:10::1/128'",
    "'2001:DB8:10::1/128'",
    /addresses\[0\]: expected an address/,
  ],
  [
    '129 bits',
    "'2001:db8:10::1/128'",
    "'2001:db8:10::1/129'",
    /addresses\[0\]: expected an address/,
  ],
  [
    'a network with host bits',
    "to: '2001:db8:168::/64'",
    "to: '2001:db8:168::1/64'",
    /expected a network, like 2001:db8:168::\/64/,
  ],
  [
    'a gateway of the other family',
    "{ to: '2001:db8:10::/64' }",
    "{ to: '2001:db8:10::/64', via: 192.0.2.1 }",
    /via: expected a gateway of IPv6, found "192.0.2.1"/,
  ],
  [
    'an RS that no route leads to',
    "{ address: '2001:db8:168::2'",
    "{ address: '2001:db8:9::2'",
    /expected an address that a route of some arm leads to/,
  ],
  [
    'no LIP of its family',
    "local_addresses: ['2001:db8:168::7']",
    'local_addresses: [192.0.2.7]',
    /expected a LIP to reach its real servers from/,
  ],
  [
    '129 bits of clients',
    'scheduler: wrr',
    'scheduler: wrr\n    persistence_prefix: 129',
    /persistence_prefix: expected a whole number 1-128/,
  ],
] as const) {
  test(`refused: ${what}`, () => {
    const found = changed(from, to)
    assert.ok(
      found.some(problem => expected.test(problem)),
      found.join('\n'),
    )
  })
}

test('33 bits of clients are too many over IPv4 only', () => {
  const yaml = SEED6_CONFIG.replaceAll('2001:db8:10::1', '192.0.2.1')
    .replaceAll('2001:db8:10::/64', '192.0.2.0/24')
    .replaceAll('/128', '/32')
    .replaceAll('2001:db8:168::', '198.51.100.')
    .replaceAll('198.51.100./64', '198.51.100.0/24')
    .replace('scheduler: wrr', 'scheduler: wrr\n    persistence_prefix: 33')
  assert.match(problems(yaml).join(), /persistence_prefix: expected a whole number 1-32, found 33/)
})

test('real servers of IPv4 behind a VIP of IPv6 are reached from LIPs of IPv4, checks and all', () => {
  const both = SEED64_CONFIG.replace('[192.168.168.7]', "[192.168.168.7, '2001:db8:168::7']")
  const config = parseConfig(
    both.replace('scheduler: wrr', 'scheduler: wrr\n    check: { type: tcp }'),
    'x.yaml',
  )
  assert.deepEqual(config.warnings, [])
  assert.deepEqual(config.services[0]?.localAddresses, ['192.168.168.7'])
  assert.deepEqual(compare(null, config).steps.slice(-2), [
    '+ service TCP [2001:db8:10::1]:6379 wrr check {type "tcp"} from 192.168.168.7',
    '+ RS 192.168.168.2:6379 of TCP [2001:db8:10::1]:6379 weight 100',
  ])
})

const LISTED = "scheduler: wrr\n    local_addresses: ['2001:db8:168::7']"
const ACROSS: [name: string, yaml: string, expected: RegExp][] = [
  [
    'LIPs of IPv6 before real servers of IPv4',
    SEED64_CONFIG.replace('[192.168.168.7]', "[192.168.168.7, '2001:db8:168::7']").replace(
      'scheduler: wrr',
      LISTED,
    ),
    /local_addresses\[0\]: expected an address of IPv4: real servers of a service and its LIPs are of one family, found "2001:db8:168::7"/,
  ],
  [
    'real servers of both families',
    SEED64_CONFIG.replace('weight: 100 }]', "weight: 100 }, { address: '2001:db8:168::2' }]"),
    /real_servers\[1\].address: expected an address of IPv4: real servers of a service/,
  ],
  [
    'a real server of IPv6 behind a VIP of IPv4',
    SEED6_CONFIG.replace("'2001:db8:10::1/128'", '192.0.2.1/32').replace(
      "- address: '2001:db8:10::1'",
      '- address: 192.0.2.1',
    ),
    /real_servers\[0\].address: expected an address of IPv4, as the service has, found "2001:db8:168::2"/,
  ],
  [
    'no LIP of IPv4 before real servers of IPv4',
    SEED64_CONFIG.replace('[192.168.168.7]', "['2001:db8:168::7']"),
    /expected a LIP to reach its real servers from/,
  ],
]

for (const [name, yaml, expected] of ACROSS) {
  test(`refused: ${name}`, () => assert.match(problems(yaml).join('\n'), expected))
}

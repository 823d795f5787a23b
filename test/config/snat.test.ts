/** Entries of `snat`: what they are made of, of both families, and what is wrong with them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchText, parseMatch, rangeOf } from '../../src/api/match.ts'
import { type ConfigError, parseConfig } from '../../src/config/config.ts'

const ARMS = `arms:
  - { name: ext0, addresses: [202.108.10.1/24, "2001:db8:10::1/64"], local_addresses: [202.108.10.3, "2001:db8:10::3"] }
  - { name: int0, addresses: [192.168.168.3/24, "2001:db8:168::3/64"], local_addresses: ["2001:db8:168::7"] }
`
const mistakes = (yaml: string) => {
  try {
    parseConfig(`${ARMS}${yaml}`, 'f')
    return []
  } catch (error) {
    return (error as ConfigError).problems.map(text => text.replace(/^f:\d+:\d+ /, ''))
  }
}
const of4 = 'addresses: [{ address: 202.108.10.3 }]'
const of6 = 'addresses: [{ address: "2001:db8:10::3" }]'

test('an entry is of the family of its ranges, or of the one that it says', () => {
  const { snat } = parseConfig(
    `${ARMS}snat:
  - { in: int0, ${of4} }
  - { in: int0, family: ipv6, ${of6} }
  - { source: "2001:DB8:168::/126", family: ipv6, ${of6} }
`,
    'f',
  )
  assert.deepEqual(
    snat.map(({ address }) => address),
    ['iif=int0', 'iif=int0,af=ipv6', 'from=2001:db8:168::-2001:db8:168::3'],
  )
  assert.deepEqual(snat[2]?.match?.six?.source[1], [0x2001_0db8, 0x168_0000, 0, 3])
})

test('what is of both families, or of another, is told with what was expected', () => {
  const rows: [yaml: string, ...problems: RegExp[]][] = [
    [`{ in: int0, ${of6} }`, /expected an address of IPv4, unless family: ipv6 says otherwise/],
    [`{ in: int0, family: ipv6, ${of4} }`, /expected an address of IPv6, as the entry is/],
    [
      `{ source: 192.168.168.0/24, destination: "2001:db8::/32", ${of4} }`,
      /source and destination of one family: an entry of its own for each family/,
    ],
    [
      `{ source: 192.168.168.0/24, family: ipv6, ${of6} }`,
      /ranges of ipv6, as family says/,
      /address of IPv4/,
    ],
    ['{ family: ipv6 }', /expected a source, destination, in or out/],
    ['{ source: "2001:db8::9-2001:db8::1", in: int0 }', /expected an address, a range/],
    ['{ source: "2001:db8::/129", in: int0 }', /expected an address, a range/],
    ['{ source: "2001:db8::1/64", in: int0 }', /expected an address, a range/],
    ['{ source: 10.0.0.1-2001:db8::1, in: int0 }', /expected an address, a range/],
  ]
  for (const [yaml, ...expected] of rows) {
    const found = mistakes(`snat:\n  - ${yaml}\n`)
    assert.equal(found.length, expected.length, `${yaml}: ${found.join('; ')}`)
    for (const [i, problem] of expected.entries()) assert.match(found[i] ?? '', problem)
  }
})

test('over IPv6 an address is of a match service or of another one', () => {
  const service = `services:
  - { address: "2001:db8:10::1", port: 80, local_addresses: ["2001:db8:10::3"], real_servers: [{ address: "2001:db8:168::2" }] }
`
  const [found = '', ...more] = mistakes(`${service}snat: [{ in: int0, family: ipv6, ${of6} }]\n`)
  assert.match(found, /expected an address that snat has not/)
  assert.deepEqual(more, [])
  assert.deepEqual(mistakes(service), [])
})

test('texts of criteria are read as they are written, and what is none is told', () => {
  for (const text of ['from=10.0.0.1,oif=a', 'iif=a,af=ipv6', 'to=2001:db8::1-2001:db8::9,iif=a']) {
    const keys = parseMatch(text)
    assert.ok(typeof keys !== 'string', String(keys))
    assert.equal(matchText(keys), text)
  }
  assert.deepEqual(parseMatch('src-range=2001:DB8::1,af=ipv6'), { source: '2001:db8::1' })
  for (const [text, problem] of [
    ['af=ipv6', /it would take all/],
    ['af=ipv5,iif=a', /expected ipv4 or ipv6 after af=/],
    ['from=10.0.0.1,to=2001:db8::1', /one family/],
    ['from=10.0.0.1,af=ipv6', /ranges of ipv6/],
    ['iif=a,iif=b', /twice/],
    ['who=a', /unknown criterion/],
  ] as const)
    assert.match(String(parseMatch(text)), problem)
  assert.deepEqual(rangeOf('::/0'), [
    [0, 0, 0, 0],
    [-1, -1, -1, -1],
  ])
})

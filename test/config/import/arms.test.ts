/** Whole configs from what was imported: guessed arms, and those of a config that is there. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, parseConfig } from '../../../src/config/config.ts'
import { withArms, withSkeleton } from '../../../src/config/import/arms.ts'
import { importIpvsadm } from '../../../src/config/import/ipvsadm.ts'
import { sample } from '../../kit/imported.ts'

const dpvs = () => importIpvsadm(sample('dpvs.rules'), 'dpvs.rules')

test('arms are guessed, and what is guessed is said', () => {
  const { yaml, notes } = withSkeleton(dpvs())
  assert.deepEqual(notes, [])
  assert.equal(
    yaml.slice(0, yaml.indexOf('\nservices:')),
    `# Imported by tapvs. Services do not say which arms there are, so these are guesses: see that names,
# networks and LIPs are right, and add a default route if clients are behind a router.

arms:
  # The external arm faces the clients and carries the VIPs.
  - name: ext0
    addresses: [202.108.10.1/32]
    # The /24 around each address.
    routes:
      - to: 202.108.10.0/24
  # The internal arm faces the real servers and carries the LIPs.
  # Its LIPs were on dpdk1.
  - name: int0
    local_addresses: [192.168.168.7, 192.168.168.8]
    # The /24 around each address.
    routes:
      - to: 192.168.168.0/24
`,
  )
  const { warnings, services } = parseConfig(yaml, 'x')
  assert.deepEqual(warnings, [])
  assert.deepEqual(
    services.map(({ port, realServers }) => [port, realServers.length]),
    [
      [6379, 2],
      [80, 1],
    ],
  )
})

test('arms of both families', () => {
  const rules = `-A -t 198.51.100.1:80 -s rr
-a -t 198.51.100.1:80 -r 10.20.0.11:80 -b
-P -t 198.51.100.1:80 -z 10.20.0.7 -F int0
-A -t [2001:db8:10::1]:80 -s rr
-a -t [2001:db8:10::1]:80 -r [2001:db8:168::2]:80 -b
-P -t [2001:db8:10::1]:80 -z 2001:db8:168::7 -F int0`
  const { yaml } = withSkeleton(importIpvsadm(rules, 'x'))
  assert.match(yaml, /^ {4}# The \/24 around each address, of IPv6 the \/64\.$/m)
  const { warnings, arms, services } = parseConfig(yaml, 'x')
  assert.deepEqual(warnings, [])
  assert.deepEqual(
    arms.map(({ addresses, localAddresses }) => [
      addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
      localAddresses,
    ]),
    [
      [['198.51.100.1/32', '2001:db8:10::1/128'], []],
      [[], ['10.20.0.7', '2001:db8:168::7']],
    ],
  )
  assert.equal(services.length, 2)
  const base = parseConfig(yaml.slice(0, yaml.indexOf('services:')), 'x').file
  const more = '-A -t [2001:db8:10::9]:80 -s rr\n-P -t [2001:db8:10::9]:80 -z 2001:db8:168::9\n'
  const { notes } = withArms(importIpvsadm(more, 'x'), base)
  assert.deepEqual(notes, [
    'LIP 2001:db8:168::9 is added to int0',
    'VIP 2001:db8:10::9 is added to ext0',
  ])
})

test('without LIPs the comment asks for them, and so does the check', () => {
  const { yaml } = withSkeleton(importIpvsadm('-A -t 10.0.0.1:80 -s rr\n', 'x'))
  assert.match(yaml, /^ {2}# local_addresses: \[192\.0\.2\.7\]\n {2}- name: int0$/m)
  assert.throws(
    () => parseConfig(yaml, 'x'),
    (error: Error) => {
      assert.ok(error instanceof ConfigError)
      assert.equal(error.problems.length, 1)
      assert.match(error.message, /expected a LIP to reach its real servers from/)
      return true
    },
  )
})

test('a network that holds VIPs and real servers is that of the internal arm', () => {
  const rules = '-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -b\n'
  const lip = '-P -t 10.0.0.1:80 -z 10.0.0.3 -F dpdk0\n'
  const { arms } = parseConfig(withSkeleton(importIpvsadm(rules + lip, 'x')).yaml, 'x')
  assert.deepEqual(
    arms.map(({ routes }) => routes.map(({ to }) => to)),
    [[], ['10.0.0.0']],
  )
})

test('nothing imported is a config as well', () => {
  const { yaml } = withSkeleton(importIpvsadm('', 'x'))
  assert.equal(parseConfig(yaml, 'x').services.length, 0)
})

test('arms and settings of a config that is there', () => {
  const base = parseConfig(
    `
arms:
  - name: wan
    mtu: 9000
    addresses: [202.108.10.2/24]
  - name: dpdk1
    routes: [{ to: 192.168.168.0/24 }]
    local_addresses: [192.168.168.7]
services: [{ address: 202.108.10.2, port: 1 }]
tcp: { timeouts: { established: 30, none: 4 } }
log: { timestamps: true }
`,
    'base.yaml',
  ).file
  const imported = importIpvsadm(`${sample('dpvs.rules')}--set 900 0 0\n`, 'x')
  const before = structuredClone(base)
  const { yaml, notes } = withArms(imported, base)
  assert.deepEqual(base, before)
  assert.deepEqual(notes, [
    'its own services are left out',
    'LIP 192.168.168.8 is added to dpdk1',
    'VIP 202.108.10.1 is added to wan',
  ])
  const { file, warnings } = parseConfig(yaml, 'x')
  assert.deepEqual(warnings, [])
  assert.deepEqual(
    file.arms.map(arm => [arm.name, arm.mtu, arm.addresses, arm.local_addresses]),
    [
      ['wan', 9000, ['202.108.10.2/24', '202.108.10.1/32'], []],
      ['dpdk1', undefined, [], ['192.168.168.7', '192.168.168.8']],
    ],
  )
  assert.deepEqual(
    file.services.map(({ port }) => port),
    [6379, 80],
  )
  assert.equal(file.tcp.timeouts.established, 900)
  assert.equal(file.tcp.timeouts.none, 4)
  assert.equal(file.log.timestamps, true)
})

test('what no arm can have is left to the check', () => {
  const base = parseConfig('arms: [{ name: a, addresses: [10.0.0.1/32] }]', 'x').file
  const { notes, yaml } = withArms(dpvs(), base)
  assert.deepEqual(notes, [])
  assert.throws(() => parseConfig(yaml, 'x'), /expected a LIP of some arm \(there is none\)/)
})

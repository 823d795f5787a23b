/** What becomes of lines of ipvsadm about match services. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as YAML from 'yaml'
import { parseConfig } from '../../../src/config/config.ts'
import { withSkeleton } from '../../../src/config/import/arms.ts'
import { importIpvsadm } from '../../../src/config/import/ipvsadm.ts'

const of = (...lines: string[]) => importIpvsadm(lines.join('\n'), 'x')

test('match services are entries of snat', () => {
  const H = '-H proto=tcp,src-range=10.0.0.1-10.0.0.9,oif=dpdk1'
  const other = '-H oif=dpdk1,proto=udp,af=ipv6'
  const { file, notCarried } = of(
    ...[`-A ${H} -s rr --conn-timeout 60`, `-a ${H} -r 198.51.100.9:0 -J -w 5`],
    ...[`-a ${H} -r 198.51.100.8 -J`, `-e ${H} -r 198.51.100.9:0 -J -w 6`],
    ...[`-A ${other}`, `-a ${other} -r [2001:db8::9]:0 -J -w 1`, `-E ${other} -s wrr`],
    ...[`-A ${H}`, `-a ${H} -r 198.51.100.7:0 -b`, `-d ${H} -r 198.51.100.7:0`],
    ...[`-a ${H} -r 198.51.100.9:80 -J`, `-P ${H} -z 198.51.100.7`, '-A -H proto=sctp,oif=x'],
    ...['-A -H proto=tcp,oif=dpdk9 -s rr -p 9', '-D -H proto=tcp,oif=dpdk9'],
    '-A -H proto=tcp,proto=tcp,oif=dpdk9',
  )
  const rest = { out: 'dpdk1' }
  assert.deepEqual(file.snat, [
    {
      ...{ protocol: 'tcp', source: '10.0.0.1-10.0.0.9', ...rest, scheduler: 'rr' },
      conn_timeout: 60,
      addresses: [{ address: '198.51.100.9', weight: 6 }, { address: '198.51.100.8' }],
    },
    {
      ...{ protocol: 'udp', ...rest, family: 'ipv6', scheduler: 'wrr' },
      addresses: [{ address: '2001:db8::9', weight: 1 }],
    },
  ])
  const whys = notCarried.map(line => [line.split(':')[1], line.split(': ').slice(-1)[0]])
  assert.deepEqual(whys, [
    ['8', 'it exists already'],
    ['9', 'expected -J'],
    ['10', 'there is no such real server'],
    ['11', 'expected an IP address, found 198.51.100.9:80'],
    ['12', 'a match service has no such thing'],
    ['13', 'expected proto=tcp, udp or icmp once'],
    ['14', 'it means nothing here'],
    ['16', 'expected proto=tcp, udp or icmp once'],
  ])
  const { yaml } = withSkeleton(of(`-A ${H} -s rr`, `-a ${H} -r 198.51.100.9:0 -J -w 5`))
  const [ext0] = YAML.parse(yaml).arms
  assert.deepEqual(ext0.local_addresses, ['198.51.100.9'])
  assert.equal(YAML.parse(yaml).snat[0].out, 'ext0')
  parseConfig(yaml, 'x')
})

test('pings of both families, over IPv6 by the name that ICMP has there', () => {
  const { file, notCarried } = of('-A -H proto=icmp,oif=x', '-A -H oif=x,proto=icmpv6')
  assert.deepEqual(notCarried, [])
  assert.deepEqual(
    file.snat?.map(({ protocol, out, family }) => [protocol, out, family]),
    [
      ['icmp', 'x', undefined],
      ['icmp', 'x', 'ipv6'],
    ],
  )
})

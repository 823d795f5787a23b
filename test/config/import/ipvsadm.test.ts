/** What becomes of the output of `ipvsadm -S`, line by line. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ImportedService } from '../../../src/config/import/imported.ts'
import { importIpvsadm } from '../../../src/config/import/ipvsadm.ts'
import { portOf, portsOf } from '../../../src/config/import/ports.ts'
import { brief, sample } from '../../kit/imported.ts'

const read = (name: string) => importIpvsadm(sample(name), name)
const of = (...lines: string[]) => importIpvsadm(lines.join('\n'), 'x')

test('rules of LVS', () => {
  const { file, lips, notCarried } = read('lvs.rules')
  assert.deepEqual(brief(file.services), [
    '203.0.113.10:80 -> 10.20.0.11:8080 w3 nat, 10.20.0.12:8080 w1 nat',
    '203.0.113.10:443 wlc persistence 360/24 -> 10.20.0.11:443 w1 x2000 y1500 dr, 10.20.0.12:443 w0 dr',
    '203.0.113.11:3306 sh fallback port -> 10.20.0.21:3306 w1 tunnel',
    'UDP 203.0.113.10:53 ops rr -> 10.20.0.31:53 w1 nat',
    '[2001:db8::10]:80 rr -> [2001:db8::11]:80 w1 nat',
  ])
  assert.deepEqual(lips, [])
  const marks = 'services by firewall mark are not supported (DPVS never matches them)'
  assert.deepEqual(notCarried, [
    `lvs.rules:11: -A -f 7 -s wrr: ${marks}`,
    `lvs.rules:12: -a -f 7 -r 10.20.0.11:0 -g -w 1: ${marks}`,
  ])
})

test('a real server of the other family is reached by FullNAT, whatever was said', () => {
  const { file, notCarried } = of(
    '-A -t [2001:db8::10]:80 -s rr\n-a -t [2001:db8::10]:80 -r 10.0.0.1:80 -m',
  )
  assert.deepEqual(brief(file.services), ['[2001:db8::10]:80 rr -> 10.0.0.1:80'])
  assert.deepEqual(notCarried, [
    'x:2: -m of [2001:db8::10]:80: of another family than the VIP it is reached by FullNAT and sees a LIP',
  ])
})

test('rules of DPVS, and our own with LIPs', () => {
  const { file, lips, notCarried } = read('dpvs.rules')
  assert.deepEqual(brief(file.services), [
    '202.108.10.1:6379 LIPs 192.168.168.7 192.168.168.8 -> 192.168.168.2:6379 w100, 192.168.168.4:6379 w50 x1000 y0',
    '202.108.10.1:80 rr timeout 30 LIPs 192.168.168.7 -> 192.168.168.2:8080 w1',
  ])
  assert.deepEqual(lips, [
    { address: '192.168.168.7', arm: 'dpdk1' },
    { address: '192.168.168.8', arm: 'dpdk1' },
  ])
  assert.deepEqual(notCarried, [])
})

test('rules of our own: both families, lists, rates and what else LVS has no word for', () => {
  const { file, lips, notCarried } = read('dual.rules')
  assert.deepEqual(brief(file.services), [
    '198.51.100.80:80 wlc deny 203.0.113.0/24 198.18.0.1 -> 10.20.0.11:8080 w3, 10.20.0.12:8080 w1 backup',
    '[2001:db8::10]:80 sed persistence 360/64 allow 2001:db8:beef::/48 LIPs 2001:db8:168::7 -> [2001:db8:168::2]:8080 w100, [2001:db8:168::3]:80',
    'UDP [2001:db8::10]:53 rr ->',
  ])
  const [{ when_down, connection_rate, client_rate, client_burst }, { acl_established }] =
    file.services as [ImportedService, ImportedService]
  assert.deepEqual(
    [when_down, connection_rate, client_rate, client_burst, acl_established],
    ['reject', 100, 10, 20, 'keep'],
  )
  assert.deepEqual(lips, [{ address: '2001:db8:168::7', arm: 'dpdk1' }])
  assert.deepEqual(notCarried, [
    'dual.rules:4: 198.18.0.1: it is on the deny list of 198.51.100.80:80 already',
    'dual.rules:5: -U -t 198.51.100.80:80 -k ipset:scanners: what is in an ipset stands elsewhere: give it to ipsets of the config, and name it in deny or allow',
    'dual.rules:6: -V -t 198.51.100.80:80 -k 198.18.0.2: it is not on the deny list',
    'dual.rules:17: --when-down never: expected drop, reject or all',
    'dual.rules:17: --client-rate many: expected a whole number 0-1000000, the default takes its place',
    'dual.rules:18: -E -t [2001:db8::10]:443 -s rr: there is no such service',
    'dual.rules:19: -A -t 2001:db8::10:80 -s rr: expected a port, found none',
    'dual.rules:20: -A -t [2001:db8::10] -s rr: expected a port, found none',
  ])
})

test('rules of the Alibaba build, which has no name for FullNAT', () => {
  const { file, notCarried } = read('null.rules')
  assert.deepEqual(brief(file.services), [
    '198.51.100.77:80 rr -> 192.0.2.66:80 w100, 192.0.2.67:80 w50',
  ])
  assert.deepEqual(notCarried, [])
  const service = '-A -t 10.0.0.1:80 -s rr'
  const known = 'ipvsadm does not know (null)'
  assert.deepEqual(of(`${service} (null)`).notCarried, [`x:1: ${service} (null): ${known}`])
  const { notCarried: both } = of(service, '-a -t 10.0.0.1:80 -r 10.1.0.1 (null) -m')
  assert.deepEqual(both, ['x:2: -m: it means nothing here'])
})

test('a script with CRLF, blanks, long names, joined letters and mistakes', () => {
  const { file, notCarried } = read('script.sh')
  assert.deepEqual(brief(file.services), [
    '203.0.113.10:80 timeout 60 persistence 360/32 -> 10.20.0.11:80 w7 nat, 10.20.0.12:80 w5 nat, 10.20.0.13:80 nat',
  ])
  assert.deepEqual(file.tcp, { timeouts: { established: 900, fin_wait: 120 } })
  assert.deepEqual(notCarried, [
    'script.sh:3: IPVSADM=/sbin/ipvsadm: this is no command of ipvsadm',
    'script.sh:9: -w nine: expected a whole number 0-65535, the default takes its place',
    'script.sh:11: $IPVSADM -at 203.0.113.10:80 -r 10.20.0.14 -m --colour red: ipvsadm does not know --colour',
    'script.sh:12: real server 10.20.0.11:80: 203.0.113.10:80 has it already',
    'script.sh:13: -a -t 203.0.113.99:80 -r 10.20.0.11:80 -m: there is no such service',
    'script.sh:14: -A -t www.example.com:http -s rr: expected an IP address, found www.example.com: save with ipvsadm -S -n',
    'script.sh:17: --start-daemon master --mcast-interface eth0: a config file has no such thing',
    'script.sh:19: ipvsadm -A -t: -t needs a value',
    'script.sh:20: if true; then ipvsadm -D -t 1.2.3.4:5; fi: this is no command of ipvsadm',
  ])
})

test('commands that take away', () => {
  const service = ['-A -t 10.0.0.1:80 -s rr', '-a -t 10.0.0.1:80 -r 10.1.0.1 -b']
  const lip = '-P -t 10.0.0.1:80 -z 10.1.0.9 -F int0'
  assert.deepEqual(of(...service, '-D -t 10.0.0.1:80').file.services, [])
  assert.deepEqual(of(...service, '-C').file.services, [])
  assert.deepEqual(brief(of(...service, '-d -t 10.0.0.1:80 -r 10.1.0.1:80').file.services), [
    '10.0.0.1:80 rr ->',
  ])
  const without = of(...service, lip, '-Q -t 10.0.0.1:80 -z 10.1.0.9 -F int0')
  assert.deepEqual(without.lips, [])
  assert.deepEqual(brief(without.file.services), ['10.0.0.1:80 rr -> 10.1.0.1:80'])
  assert.deepEqual(without.notCarried, [])
})

test('schedulers with what they hash by; none named is wlc', () => {
  const lines = [
    '-A -t 10.0.0.1:80',
    '-A -t 10.0.0.2:80 -s mh -b flag-1,mh-port',
    '-A -u 10.0.0.3:443 -s conhash --hash-target qid',
    '-A -t 10.0.0.4:80 -s conhash --hash-target sip',
    '-E -t 10.0.0.2:80 -s sed',
  ]
  const { file, notCarried } = of(...lines)
  assert.deepEqual(notCarried, [])
  assert.deepEqual(brief(file.services), [
    '10.0.0.1:80 wlc ->',
    '10.0.0.2:80 sed ->',
    'UDP 10.0.0.3:443 conhash qid ->',
    '10.0.0.4:80 conhash ->',
  ])
  assert.deepEqual(
    brief(of(...lines.slice(0, 2)).file.services)[1],
    '10.0.0.2:80 mh fallback port ->',
  )
})

test('every line that cannot be carried out is named', () => {
  const service = '-A -t 10.0.0.1:80 -s rr'
  const cases: [lines: string[], remark: string][] = [
    [[service, service], 'x:2: service 10.0.0.1:80: it exists already, see line 1'],
    [
      ['-A -t 10.0.0.1:0 -s rr'],
      'x:1: -A -t 10.0.0.1:0 -s rr: port 0, every port, is not supported',
    ],
    [['-A -t 10.0.0.1:nope -s rr'], 'x:1: -A -t 10.0.0.1:nope -s rr: expected a port, found nope'],
    [['-A -t 10.0.0.1 -s rr'], 'x:1: -A -t 10.0.0.1 -s rr: expected a port, found none'],
    [['-A -s rr'], 'x:1: -A -s rr: expected a service (-t or -u)'],
    [
      ['-A -t 10.0.0.1:80 -s lblc'],
      'x:1: -s lblc of 10.0.0.1:80: there is no scheduler lblc here, wrr takes its place',
    ],
    [
      ['-A -t 10.0.0.1:80 -s mh -b mh-fallback,sh-port'],
      'x:1: -b mh-fallback,sh-port: it is no flag of mh',
    ],
    [['-A -t 10.0.0.1:80 -s mh --hash-target sip'], 'x:1: --hash-target sip: it is for conhash'],
    [
      ['-A -t 10.0.0.1:80 -s conhash --hash-target cid'],
      'x:1: --hash-target cid: expected sip or qid, the default takes its place',
    ],
    [['-A -E -t 10.0.0.1:80'], 'x:1: -A -E -t 10.0.0.1:80: expected one command'],
    [['-t 10.0.0.1:80'], 'x:1: -t 10.0.0.1:80: expected a command like -A or -a'],
    [[service, '-a -t 10.0.0.1:80'], 'x:2: -a -t 10.0.0.1:80: expected a real server (-r)'],
    [[service, '-P -t 10.0.0.1:80'], 'x:2: -P -t 10.0.0.1:80: expected a LIP (-z)'],
    [
      [service, '-Q -t 10.0.0.1:80 -z 1.1.1.1'],
      'x:2: -Q -t 10.0.0.1:80 -z 1.1.1.1: there is no such LIP',
    ],
    [
      [service, '-e -t 10.0.0.1:80 -r 1.1.1.1'],
      'x:2: -e -t 10.0.0.1:80 -r 1.1.1.1: there is no such real server',
    ],
    [['-E -t 10.0.0.1:80'], 'x:1: -E -t 10.0.0.1:80: there is no such service'],
    [[service, '-U -t 10.0.0.1:80'], 'x:2: -U -t 10.0.0.1:80: expected an address (-k)'],
    [
      [service, '-O -t 10.0.0.1:80 -2 1.1.1'],
      'x:2: -O -t 10.0.0.1:80 -2 1.1.1: expected an IP address, found 1.1.1',
    ],
    [[service, '-Z'], 'x:2: -Z: a config file has no such thing'],
    [[`${service} -j sometimes`], 'x:1: -j sometimes: expected disable, enable or auto'],
    [['-A -u 10.0.0.1:53 -s rr -j enable'], 'x:1: -j enable: there are no SYNs of UDP'],
    [
      [`${service} -p 9 -M 255.0.255.0`],
      'x:1: -M 255.0.255.0: expected a netmask like 255.255.255.0, the default takes its place',
    ],
    [
      [`${service} -p soon`],
      'x:1: -p soon: expected a whole number 0-1000000, the default takes its place',
    ],
    [[`${service} -M 24`], 'x:1: -M 24: it means nothing here'],
    [[`${service} -r 1.1.1.1`], 'x:1: -r 1.1.1.1: it means nothing here'],
    [[`${service} -s wrr`], 'x:1: -s wrr: it is given already'],
    [[service, '-a -t 10.0.0.1:80 -r 1.1.1.1 -b -w 1 -w 2'], 'x:2: -w 2: it is given already'],
    [['ipvsadm -R'], 'x:1: -R: import the file that it reads'],
    [['\u001b[2J'], 'x:1: ?[2J: this is no command of ipvsadm'],
  ]
  for (const [lines, remark] of cases) assert.deepEqual(of(...lines).notCarried, [remark])
})

test('one LIP on two arms', () => {
  const { lips, notCarried } = of(
    '-A -t 10.0.0.1:80 -s rr',
    '-A -t 10.0.0.1:81 -s rr',
    '-P -t 10.0.0.1:80 -z 10.1.0.9 -F a',
    '-P -t 10.0.0.1:81 -z 10.1.0.9 -F b',
  )
  assert.deepEqual(lips, [{ address: '10.1.0.9', arm: 'a' }])
  assert.deepEqual(notCarried, ['x:4: 10.1.0.9 on b: it is on a already'])
})

test('names of ports', () => {
  assert.equal(portOf('http'), 80)
  assert.equal(portOf('redis'), 6379)
  assert.equal(portOf('domain', 'udp'), 53)
  assert.equal(portOf('redis', 'udp'), undefined)
  assert.equal(portOf('65535'), 65_535)
  for (const text of ['65536', '', '-1', 'toString', '0x10', '80 '])
    assert.equal(portOf(text), undefined)
  const table = '# c\nhttp\t80/tcp\twww # web\nhttp 80/udp\ntftp 69/udp\nother 80/tcp\n\n'
  assert.deepEqual(
    [...portsOf(table, 'tcp')],
    [
      ['http', 80],
      ['www', 80],
      ['other', 80],
    ],
  )
})

test('no text makes it throw, and none is lost in silence', () => {
  const word = fc.constantFrom(
    ...'-A -a -t -r -s -w -p -P -z -F -b -m -E -e -d -D -Q --set --weight=3 -At -Ln -w9 rr wlc 1 0'.split(
      ' ',
    ),
    ...['10.0.0.1:80', '10.0.0.1', '10.0.0.2:http', '[::1]:80', ':', '#', '=', '--', '-', '\u001b'],
  )
  const line = fc.oneof(
    fc.array(word, { maxLength: 9 }).map(words => words.join(' ')),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      const { notCarried } = importIpvsadm(lines.join(end), 'x')
      for (const remark of notCarried) assert.match(remark, /^x:\d+: [^\n\r]+: [^\n\r]+$/)
    }),
  )
})

/** IPv6 addresses as text (RFC 4291, RFC 5952); prefixes and endpoints of both families. */

import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  endpointParts,
  hostText,
  type IpAddress,
  inIpPrefix,
  ipAddress,
  ipEndpointText,
  ipPrefixText,
  ipText,
  isIp,
  parseIp,
  parseIpEndpoint,
  parseIpPrefix,
} from '../../src/wire/ip-address.ts'
import {
  type Ipv6,
  inIpv6Prefix,
  ipv6Mask,
  ipv6Text,
  ipv6Words,
  isMapped,
  parseIpv6,
} from '../../src/wire/ipv6-address.ts'

/** Zeroes are frequent, so that there are runs of them. */
const group = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.nat(0xffff))
const groups = fc.array(group, { minLength: 8, maxLength: 8 })
const words = groups.map(
  g => [0, 2, 4, 6].map(i => ((g[i] as number) << 16) | (g[i + 1] as number)) as unknown as Ipv6,
)
const address: fc.Arbitrary<IpAddress> = fc.oneof(fc.integer(), words)

test('IPv6 there and back, written as a URL writes it (but for mapped addresses)', () => {
  fc.assert(
    fc.property(words, words => {
      const text = ipv6Text(words)
      assert.deepEqual(parseIpv6(text), words)
      assert.deepEqual(parseIpv6(text.toUpperCase()), words)
      if (!isMapped(words)) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`)
    }),
  )
})

test('whatever form an address is written in, it is read as the same', () => {
  fc.assert(
    fc.property(groups, fc.nat(7), fc.nat(8), fc.boolean(), (groups, from, length, dotted) => {
      const hex = groups.map(group => group.toString(16).padStart(4, '0'))
      const full = hex.join(':')
      const meant = parseIpv6(full)
      assert.notEqual(meant, undefined)
      const [g6, g7] = [groups[6] as number, groups[7] as number]
      const last = dotted ? [`${g6 >> 8}.${g6 & 255}.${g7 >> 8}.${g7 & 255}`] : hex.slice(6)
      assert.deepEqual(parseIpv6([...hex.slice(0, 6), ...last].join(':')), meant)
      const to = Math.min(from + length, 8)
      if (to === from || groups.slice(from, to).some(group => group !== 0)) return
      assert.deepEqual(
        parseIpv6(`${hex.slice(0, from).join(':')}::${hex.slice(to).join(':')}`),
        meant,
      )
    }),
  )
})

test('any text is an address here if it is one to Node, less those with a zone', () => {
  const piece = fc.constantFrom('0', '1', 'db8', 'FFFF', ':', '::', '.', '1.2.3.4', '256', '%', 'g')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 18 }), pieces => {
      const text = pieces.join('')
      assert.equal(parseIpv6(text) !== undefined, isIPv6(text) && !text.includes('%'), text)
    }),
    { numRuns: 2000 },
  )
})

for (const [text, canonical] of [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['2001:0db8:0000:0001:0001:0001:0001:0001', '2001:db8:0:1:1:1:1:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['0:0:0:0:0:FFFF:c000:201', '::ffff:192.0.2.1'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['::192.0.2.1', '::c000:201'],
  ['ff02::1:ff00:1', 'ff02::1:ff00:1'],
  ['fe80::0200:5eff:fe00:5301', 'fe80::200:5eff:fe00:5301'],
] as const) {
  test(`${text} is ${canonical}`, () => {
    assert.equal(ipv6Text(ipv6Words(text)), canonical)
  })
}

for (const text of [
  '',
  ':',
  ':::',
  '1',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '::1:2:3:4:5:6:7:8',
  '1::2::3',
  ':1::',
  '1:',
  '1:2:3:4:5:6:7:',
  '12345::',
  'g::',
  ' ::1',
  '::1 ',
  '[::1]',
  '::1/64',
  'fe80::1%eth0',
  'fe80::1%1',
  '::1.2.3',
  '::1.2.3.256',
  '::01.2.3.4',
  '1.2.3.4::',
  '::1.2.3.4:5',
  '1:2:3:4:5:6:7:1.2.3.4',
  '1.2.3.4',
  '0x1::',
]) {
  test(`not an IPv6 address: "${text}"`, () => {
    assert.equal(parseIpv6(text), undefined)
    assert.throws(() => ipv6Words(text), TypeError)
  })
}

test('addresses of either family', () => {
  fc.assert(
    fc.property(address, address => {
      assert.deepEqual(ipAddress(ipText(address)), address)
    }),
  )
  assert.equal(isIp('192.0.2.1'), true)
  assert.equal(isIp('2001:db8::1'), true)
  assert.equal(parseIp('example.com'), undefined)
  assert.throws(() => ipAddress('fe80::1%lo'), /not an IP address: fe80::1%lo/)
})

test('endpoints there and back, IPv6 in brackets', () => {
  assert.equal(ipEndpointText(ipv6Words('2001:db8::1'), 80), '[2001:db8::1]:80')
  assert.equal(hostText('2001:db8::1'), '[2001:db8::1]')
  assert.equal(hostText('192.0.2.1'), '192.0.2.1')
  fc.assert(
    fc.property(address, fc.nat(65_535), (address, port) => {
      assert.deepEqual(parseIpEndpoint(ipEndpointText(address, port)), { address, port })
    }),
  )
})

for (const [text, parts] of [
  ['192.0.2.1', { host: '192.0.2.1' }],
  ['192.0.2.1:http', { host: '192.0.2.1', port: 'http' }],
  ['192.0.2.1:', { host: '192.0.2.1', port: '' }],
  ['[2001:db8::1]:80', { host: '2001:db8::1', port: '80' }],
  ['[2001:db8::1]', { host: '2001:db8::1' }],
  ['2001:db8::1', { host: '2001:db8::1' }],
  // Nobody can tell where the port begins: all of it is the address.
  ['2001:db8::1:80', { host: '2001:db8::1:80' }],
  ['[192.0.2.1]:80', undefined],
  ['[2001:db8::1]80', undefined],
  ['[2001:db8::1', undefined],
  ['2001:db8::1]:80', undefined],
  ['192.0.2.1:80:90', undefined],
  ['[]:80', undefined],
] as const) {
  test(`the parts of ${text}`, () => {
    assert.deepEqual(endpointParts(text), parts)
  })
}

test('ports are decimals of 0-65535', () => {
  for (const text of [
    '[::1]:65536',
    '[::1]:080',
    '[::1]:-1',
    '[::1]:',
    '[::1]',
    '::1',
    '1.2.3.4:x',
  ])
    assert.equal(parseIpEndpoint(text), undefined, text)
})

test('an address lies in a prefix if all bits of the prefix are the same', () => {
  const bits = (address: IpAddress) =>
    (typeof address === 'number' ? [address] : [...address])
      .map(word => (word >>> 0).toString(2).padStart(32, '0'))
      .join('')
  fc.assert(
    fc.property(address, address, fc.nat(128), (one, other, most) => {
      const [a, b] = [bits(one), bits(other)]
      const length = Math.min(most, a.length)
      const prefix = parseIpPrefix(`${ipText(one)}/${length}`)
      assert.ok(prefix)
      assert.equal(bits(prefix.network), a.slice(0, length).padEnd(a.length, '0'))
      assert.equal(inIpPrefix(one, prefix), true)
      const same = a.length === b.length && a.slice(0, length) === b.slice(0, length)
      assert.equal(inIpPrefix(other, prefix), same)
      assert.deepEqual(parseIpPrefix(ipPrefixText(prefix)), prefix)
    }),
  )
})

test('prefixes: the whole address without a length, and no length beyond it', () => {
  assert.deepEqual(parseIpPrefix('::1'), { network: [0, 0, 0, 1], length: 128 })
  assert.deepEqual(parseIpPrefix('192.0.2.1'), { network: 0xc0000201 | 0, length: 32 })
  assert.deepEqual(parseIpPrefix('::/0'), { network: [0, 0, 0, 0], length: 0 })
  for (const text of ['::/129', '192.0.2.0/33', '::/', '::/-1', '::/01', '::/1/2', '/8', 'x/8'])
    assert.equal(parseIpPrefix(text), undefined, text)
  assert.equal(inIpv6Prefix(ipv6Words('2001:db8::1'), ipv6Words('2001:db9::'), 31), true)
  assert.deepEqual(
    [0, 1, 2, 3].map(at => ipv6Mask(33, at)),
    [-1, -1 << 31, 0, 0],
  )
})

/** Headers of the PROXY protocol: written and read against one that is made by hand, and each version in the words of the other. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ipv4Int } from '../../src/wire/address.ts'
import { ipv6TextAt } from '../../src/wire/ip-address.ts'
import { headerBytes, ProxyWriter, V2_KIND, versionAt, wholeHeader } from '../../src/wire/proxy.ts'
import { ProxyTranslator } from '../../src/wire/proxy-text.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'
const address = fc.ipV4()
const port = fc.nat(65_535)

function viewOf(bytes: Uint8Array | string): DataView {
  const buffer = Buffer.alloc(700)
  buffer.set(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length)
}
const made = (writer: ProxyWriter) => Buffer.from(writer.bytes.subarray(0, writer.length))

/** Of IPv4 in hexadecimal digits. */
const hex4 = (text: string) => Buffer.from(text.split('.').map(Number)).toString('hex')
const hex16 = (value: number) => value.toString(16).padStart(4, '0')
const block = (kind: string, ends: string, command = '21') =>
  Buffer.from(`${SIGNATURE}${command}${kind}${hex16(ends.length / 2)}${ends}`, 'hex')

/** The header of the other version, in latin1; undefined if the one given makes no sense. */
function translated(header: Uint8Array | string): Buffer | undefined {
  const writer = new ProxyWriter()
  const pkt = viewOf(header)
  const bytes = wholeHeader(pkt, 0, header.length)
  assert.equal(bytes, header.length)
  return new ProxyTranslator(writer).translate(pkt, 0, bytes) ? made(writer) : undefined
}

test('both versions of IPv4, as long as was said before, and translated into one another', () => {
  const writer = new ProxyWriter()
  fc.assert(
    fc.property(address, address, port, port, (src, dst, sport, dport) => {
      const ends = [ipv4Int(src), ipv4Int(dst), (sport << 16) | dport] as const
      const line = `PROXY TCP4 ${src} ${dst} ${sport} ${dport}\r\n`
      const binary = block('11', hex4(src) + hex4(dst) + hex16(sport) + hex16(dport))
      writer.v1(...ends)
      assert.equal(made(writer).toString('latin1'), line)
      assert.equal(headerBytes(1, ...ends), line.length)
      writer.v2(V2_KIND.TCP4, ...ends)
      assert.deepEqual(made(writer), binary)
      assert.equal(headerBytes(2, ...ends), binary.length)
      assert.deepEqual(translated(line), binary)
      assert.equal(translated(binary)?.toString('latin1'), line)
    }),
  )
})

/** Any of the forms of RFC 4291 2.2 that fast-check makes, and what Node's URL parser makes of it. */
test('v1 of IPv6, in whatever form, comes to the same address in v2', () => {
  fc.assert(
    fc.property(fc.ipV6(), fc.ipV6(), port, port, (src, dst, sport, dport) => {
      const v2 = translated(`PROXY TCP6 ${src} ${dst} ${sport} ${dport}\r\n`)
      const ends = `${hex6(src)}${hex6(dst)}${hex16(sport)}${hex16(dport)}`
      assert.equal(v2?.toString('hex'), block('21', ends).toString('hex'), `${src} ${dst}`)
      const v1 = translated(v2 as Buffer)?.toString('latin1') ?? ''
      assert.deepEqual(translated(v1), v2)
    }),
    { numRuns: 1000 },
  )
})

function hex6(text: string): string {
  const [, canonical = ''] = /^\[(.*)\]$/.exec(new URL(`http://[${text}]/`).hostname) ?? []
  const [head = '', tail] = canonical.split('::')
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const [before, after] = [groups(head), groups(tail ?? '')]
  const gap = tail === undefined ? 0 : 8 - before.length - after.length
  return [...before, ...Array(gap).fill('0'), ...after].map(g => g.padStart(4, '0')).join('')
}

test('what says that it knows nobody says so in the other version', () => {
  assert.deepEqual(translated('PROXY UNKNOWN\r\n'), block('00', ''))
  assert.deepEqual(translated('PROXY UNKNOWN ffff::1 ::1 1 2\r\n'), block('00', ''))
  const unknown = 'PROXY UNKNOWN\r\n'
  assert.equal(translated(block('00', ''))?.toString('latin1'), unknown)
  assert.equal(translated(block('11', '00'.repeat(12), '20'))?.toString('latin1'), unknown)
  assert.equal(translated(block('31', '00'.repeat(216)))?.toString('latin1'), unknown)
})

test('what is behind the addresses of v2 is part of it', () => {
  const ends = `${hex4('192.0.2.1')}${hex4('192.0.2.2')}00500051`
  const v1 = translated(block('11', `${ends}0300040badcafe`))
  assert.equal(v1?.toString('latin1'), 'PROXY TCP4 192.0.2.1 192.0.2.2 80 81\r\n')
})

test('a part of a header is none, and so is what only looks like one', () => {
  const line = 'PROXY TCP4 192.0.2.1 192.0.2.2 80 81\r\n'
  const binary = block('11', '00'.repeat(12))
  for (const header of [Buffer.from(line), binary]) {
    const pkt = viewOf(header)
    for (let bytes = 0; bytes < header.length; bytes++) assert.equal(wholeHeader(pkt, 0, bytes), 0)
    assert.equal(wholeHeader(pkt, 0, header.length + 100), header.length)
  }
  for (const text of [
    'PROXY TCP5 a\r\n',
    'PROXY \r\n',
    'GET / HTTP/1.1\r\n',
    `PROXY TCP4 ${'1'.repeat(100)}\r\n`,
  ])
    assert.equal(wholeHeader(viewOf(text), 0, text.length), 0, text)
  assert.equal(wholeHeader(viewOf(block('11', '00')), 0, 200), 0, 'no room for addresses')
  assert.equal(wholeHeader(viewOf(block('11', '00'.repeat(12), '31')), 0, 200), 0, 'version 3')
  assert.equal(versionAt(viewOf('PROXY TCP4 1'), 0, 12), 1)
})

for (const ends of [
  '1.2.3 1.2.3.4 1 2',
  '1.2.3.256 1.2.3.4 1 2',
  '1.2.3.4 1.2.3.4 65536 2',
  '1.2.3.4 1.2.3.4 1',
  '1.2.3.4 1.2.3.4  1',
  'a b c d',
]) {
  test(`no address: TCP4 ${ends}`, () => {
    assert.equal(translated(`PROXY TCP4 ${ends}\r\n`), undefined)
  })
}

for (const text of [
  ':',
  ':::',
  '1:2',
  '1::2::3',
  '1:2:3:4:5:6:7:8:9',
  '12345::',
  'g::',
  '1:2:3:4:5:6:7:1.2.3.4',
  '::1.2.3',
  '1:',
  ':1',
]) {
  test(`no address: TCP6 ${text}`, () => {
    assert.equal(translated(`PROXY TCP6 ${text} ::1 1 2\r\n`), undefined)
    assert.equal(translated(`PROXY TCP6 ::1 ${text} 1 2\r\n`), undefined)
  })
}

test('addresses of IPv6 are written as RFC 5952 has them', () => {
  const group = fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff))
  const groups = fc.array(group, { minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(groups, values => {
      const pkt = new DataView(new ArrayBuffer(32))
      for (const [i, value] of values.entries()) pkt.setUint16(2 * i, value)
      const writer = new ProxyWriter()
      writer.v1Wide(pkt, 0, 16, (80 << 16) | 81)
      const [src = '', dst = ''] = [0, 16].map(at => ipv6TextAt(pkt, at))
      // Of IPv4 inside (::ffff:0:0/96), which is on no wire, others write the end with dots.
      fc.pre(!src.includes('.') && !dst.includes('.'))
      assert.equal(made(writer).toString('latin1'), `PROXY TCP6 ${src} ${dst} 80 81\r\n`)
    }),
  )
})

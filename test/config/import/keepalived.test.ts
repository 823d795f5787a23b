/** What becomes of configs of keepalived: samples with what is expected of each beside it, and broken ones. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { matchText } from '../../../src/api/match.ts'
import { ImportError } from '../../../src/config/import/imported.ts'
import { alternatives, globs, includeFiles } from '../../../src/config/import/include.ts'
import { importKeepalived } from '../../../src/config/import/keepalived.ts'
import { brief, SAMPLES, sample } from '../../kit/imported.ts'

/** `${A}`, which the linter takes for a template that went wrong. */
const BRACED = ['$', '{A}'].join('')

const of = (text: string) => importKeepalived({ name: 'x', text })

/** Services, their checks, LIPs and remarks, as a text. */
function told(name: string): string {
  const source = { name: join(SAMPLES, name), text: sample(name) }
  const { file, lips, notCarried, notes } = importKeepalived(source, includeFiles, 'east')
  const services = brief(file.services)
  const lines = file.services.flatMap((service, i) => [
    services[i] as string,
    ...(service.check ? [`  check ${JSON.stringify(service.check)}`] : []),
  ])
  for (const { protocol, scheduler, conn_timeout: timeout, addresses, ...keys } of file.snat ??
    []) {
    const outside = (addresses ?? []).map(({ address, weight }) => `${address} w${weight ?? 1}`)
    const words = [
      `MATCH ${protocol},${matchText(keys)}`,
      scheduler ?? 'wrr',
      timeout ?? 'no timeout',
    ]
    lines.push(`${words.join(' ')} -> ${outside.join(', ')}`)
  }
  const remarks = [...notCarried, ...notes.map(note => `note ${note}`)].map(remark =>
    remark.replaceAll(`${SAMPLES}/`, ''),
  )
  return `${[...lines, ...lips.map(lip => `LIP ${lip.address} ${lip.arm}`), ...remarks].join('\n')}\n`
}

const CONFIGS = [
  ...['dpvs.conf', 'lvs.conf', 'odd.conf', 'one-line.conf', 'one-line-groups.conf'],
  ...['defaults.conf', 'addresses.conf', 'grammar.conf', 'dual.conf'],
]
for (const name of CONFIGS) {
  test(`${name} becomes ${name}.expected`, () => {
    assert.equal(told(name), sample(`${name}.expected`))
  })
}

const TOO_MUCH = 'definitions make more than 65536 letters of a line'

test('braces and definitions without an end are told with their line', () => {
  const cases: [text: string, message: string][] = [
    ['a {\n b {\n }\n', 'x:1: a { has no }'],
    ['a {\n b {\n', 'x:2: b { has no }'],
    ['a { }\n}\n', 'x:2: a } without a { before it'],
    ['\n{\n', 'x:2: a { without a keyword before it'],
    ['a { }\n{ }\n', 'x:2: a { without a keyword before it'],
    ['a {\n'.repeat(100_000), 'x:101: blocks more than 100 deep'],
    ['\n$A=b \\', 'x:2: a definition without its end'],
    [`$A=${'a'.repeat(999)}\n${'$A '.repeat(99)}`, `x:2: ${TOO_MUCH}`],
    ['$A= \\\n$B \\\n$B\n$B= \\\n$A \\\n$A\n$A', `x:7: ${TOO_MUCH}`],
  ]
  for (const [text, message] of cases) {
    assert.throws(() => of(text), { name: 'ImportError', message, problems: [message] })
  }
})

test('the words of a line', () => {
  const service = (algorithm: string) =>
    `virtual_server 10.0.0.1 80 {\nprotocol TCP\nlb_kind FNAT\n${algorithm}\n}\n`
  for (const line of [
    ...['lb_algo rr', '  lb_algo\t"rr"  ', "lb_algo 'rr' # x", 'lb_algo rr! }', 'lb_algo r"r"'],
    ...['lb_algo \\162\\x72', '@^h lb_algo rr', ' @x lb_algo rr', '$B=@^h\n$B lb_algo rr'],
    ...['lb_algo r"\\x72"', '$A=rr\nlb_algo $A', `$A=r\nlb_algo ${BRACED}r`, '$A=lb_algo rr\n$A'],
  ]) {
    const { file, notCarried } = importKeepalived(
      { name: 'x', text: service(line) },
      undefined,
      'x',
    )
    assert.deepEqual(brief(file.services), ['10.0.0.1:80 rr ->'], line)
    assert.deepEqual(notCarried, [], line)
  }
})

test('schedulers with what they hash by', () => {
  const { file, notCarried } = of(`
    virtual_server 10.0.0.1 80 { mh-fallback lb_algo mh mh-port lb_kind FNAT protocol TCP }
    virtual_server 10.0.0.2 443 {
      lb_algo conhash
      hash_target qid
      sh-port
      lb_kind FNAT
      protocol UDP
    }`)
  assert.deepEqual(brief(file.services), [
    '10.0.0.1:80 mh fallback port ->',
    'UDP 10.0.0.2:443 conhash qid ->',
  ])
  assert.deepEqual(notCarried, [
    'x:6: sh-port of virtual_server 10.0.0.2 443: it is no flag of conhash',
  ])
})

test('a group that stands behind its service, and ranges', () => {
  const { file, lips } = of(`
    virtual_server group g { lb_kind FNAT laddr_group_name l
      laddr_group_name l
      real_server 10.1.0.1 80 { } }
    virtual_server_group g { 10.0.0.9-10 80
      10.0.1.255-10.0.2.0 443
      10.0.3.8/31 53 }
    local_address_group l { 10.1.0.100 }`)
  assert.deepEqual(
    brief(file.services),
    [
      '10.0.0.9:80',
      '10.0.0.10:80',
      '10.0.1.255:443',
      '10.0.2.0:443',
      '10.0.3.8:53',
      '10.0.3.9:53',
    ].map(vip => `${vip} wlc LIPs 10.1.0.100 -> 10.1.0.1:80`),
  )
  assert.deepEqual(lips, [{ address: '10.1.0.100', arm: null }])
})

test('includes: no file, a wrong pattern, itself', () => {
  const remarks = (line: string, name = 'x') =>
    importKeepalived({ name, text: line }, includeFiles).notCarried
  assert.deepEqual(of('include a.conf').notCarried, [
    'x:1: include a.conf: there is no file to read it from',
  ])
  assert.deepEqual(remarks('include a b'), ['x:1: include a b: expected one file name'])
  assert.deepEqual(remarks('include /nowhere/x*'), [
    'x:1: include /nowhere/x*: there is no such file',
  ])
  assert.deepEqual(remarks('include c*/{x,y}.conf'), [
    'x:1: include c*/{x,y}.conf: there is no such file',
  ])
  const self = join(SAMPLES, 'lvs.conf')
  assert.deepEqual(remarks('include lvs.conf', self), [
    `${self}:1: include lvs.conf: ${self} includes itself`,
  ])
  assert.match(remarks('include .', self)[0] ?? '', /is no regular file$/)
  assert.match(remarks(`include ${'{a,b}'.repeat(9)}`)[0] ?? '', /more than 256 patterns$/)
  assert.match(remarks(`include ${'['.repeat(5000)}`)[0] ?? '', /more than 4096 letters$/)
})

test('names and wildcards', () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ['*.conf', ['.conf', 'a.conf', 'a.b.conf'], ['a.conf.d', 'conf']],
    ['a?c*', ['abc', 'a*c', 'abcd'], ['ac', 'abd']],
    ['[a-c]x[!0-9]', ['axz', 'cx-'], ['dxz', 'ax0']],
    ['[]]a[', [']a['], ['[a[', ']a']],
    [`${'*a'.repeat(40)}b`, [], ['a'.repeat(255)]],
  ]
  for (const [pattern, yes, no] of cases) {
    for (const name of yes) assert.ok(globs(pattern, name), `${pattern} ${name}`)
    for (const name of no) assert.ok(!globs(pattern, name), `${pattern} ${name}`)
  }
  assert.deepEqual(alternatives('a{b,c{d,e},}f{g}'), ['abf{g}', 'acdf{g}', 'acef{g}', 'af{g}'])
})

test('no text makes it throw anything but its one line', () => {
  const word = fc.constantFrom(
    ...'virtual_server virtual_server_group local_address_group real_server group fwmark g'.split(
      ' ',
    ),
    ...'lb_algo rr lb_kind NAT weight 1 80 10.0.0.1 10.0.0.1-9 TCP_CHECK HTTP_GET url path'.split(
      ' ',
    ),
    ...'MISC_CHECK misc_path include $A=b $A $A=$A$A { } # ! " \' \\ @x \u001b protocol TCP'.split(
      ' ',
    ),
    ...[
      'connect_port',
      'laddr_group_name',
      'delay_loop',
      'retry',
      '/a',
      '\n',
      '\r\n',
      '{\n',
      '}\n',
    ],
  )
  const text = fc.oneof(
    fc.array(word, { maxLength: 60 }).map(words => words.join(' ')),
    fc.string(),
  )
  fc.assert(
    fc.property(text, input => {
      try {
        for (const remark of of(input).notCarried) assert.match(remark, /^x:\d+: [^\n\r]+$/)
      } catch (error) {
        assert.ok(error instanceof ImportError, String(error))
        assert.match(error.message, /^x:\d+: [^\n\r]+$/)
      }
    }),
    { numRuns: 1000 },
  )
})

test('a sorry server is a backup, of all VIPs of a group, and checked by nobody', () => {
  const service = (sorry: string) =>
    of(`virtual_server_group g {\n 10.0.0.1 80\n 10.0.0.3 80\n}
      virtual_server group g {\n protocol TCP\n lb_kind FNAT\n lb_algo rr\n delay_loop 6
      ${sorry}
      real_server 10.0.0.2 80 { weight 3\n TCP_CHECK { retry 1\n delay_before_retry 6\n connect_timeout 5 } }\n}`)
  const { file, notCarried } = service('sorry_server 10.0.0.9 8080')
  assert.deepEqual(brief(file.services), [
    '10.0.0.1:80 rr -> 10.0.0.2:80 w3, 10.0.0.9:8080 backup',
    '10.0.0.3:80 rr -> 10.0.0.2:80 w3, 10.0.0.9:8080 backup',
  ])
  assert.deepEqual(
    notCarried.filter(remark => remark.includes('10.0.0.9')),
    [],
  )
  const [remark] = service('sorry_server 127.0.0.1 80').notCarried
  assert.match(
    remark ?? '',
    /sorry_server 127\.0\.0\.1 80 of .*: FullNAT leads to no server of this/,
  )
})

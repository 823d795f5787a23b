/** What becomes of configs of keepalived: samples with what is expected of each beside it, and broken ones. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImportError } from '../../../src/control/import/imported.ts'
import { includeFiles } from '../../../src/control/import/include.ts'
import { importKeepalived } from '../../../src/control/import/keepalived.ts'
import { brief, SAMPLES, sample } from '../../kit/imported.ts'

/** `${A}`, which the linter takes for a template that went wrong. */
const BRACED = ['$', '{A}'].join('')

const of = (text: string) => importKeepalived({ name: 'x', text })

/** Services, their checks, LIPs and remarks, as a text. */
function told(name: string): string {
  const source = { name: join(SAMPLES, name), text: sample(name) }
  const { file, lips, notCarried } = importKeepalived(source, includeFiles)
  const services = brief(file.services)
  const lines = file.services.flatMap((service, i) => [
    services[i] as string,
    ...(service.check ? [`  check ${JSON.stringify(service.check)}`] : []),
  ])
  const remarks = notCarried.map(remark => remark.replaceAll(`${SAMPLES}/`, ''))
  return `${[...lines, ...lips.map(lip => `LIP ${lip.address} ${lip.arm}`), ...remarks].join('\n')}\n`
}

for (const name of ['dpvs.conf', 'lvs.conf', 'odd.conf']) {
  test(`${name} becomes ${name}.expected`, () => {
    assert.equal(told(name), sample(`${name}.expected`))
  })
}

test('braces and quotes that do not match are told with their line', () => {
  const cases: [text: string, message: string][] = [
    ['a {\n b {\n }\n', 'x:1: a { has no }'],
    ['a {\n b {\n', 'x:2: b { has no }'],
    ['a { }\n}\n', 'x:2: a } without a { before it'],
    ['\n{\n', 'x:2: a { without a keyword before it'],
    ['a { }\n{ }\n', 'x:2: a { without a keyword before it'],
    ['a\nnotify_up "b\n', 'x:2: a quote without its end'],
    ['$A=b \\\n c', 'x:1: $A goes on in the next line: put it on one'],
    [`$A=${'a'.repeat(999)}\n${'$A '.repeat(99)}`, 'x:2: a line of more than 65536 letters'],
  ]
  for (const [text, message] of cases) {
    assert.throws(() => of(text), { name: 'ImportError', message, problems: [message] })
  }
})

test('the words of a line', () => {
  const service = (algorithm: string) => `virtual_server 10.0.0.1 80 {\n${algorithm}\n}\n`
  for (const line of [
    ...['lb_algo rr', '  lb_algo\t"rr"  ', "lb_algo 'rr' # x", 'lb_algo rr! }', 'lb_algo r"r"'],
    ...['lb_algo \\rr', '$A=rr\nlb_algo $A', `$A=r\nlb_algo ${BRACED}r`, '$A=lb_algo rr\n$A'],
  ]) {
    const { file, notCarried } = of(service(line))
    assert.deepEqual(brief(file.services), ['10.0.0.1:80 rr ->'], line)
    assert.deepEqual(notCarried, [], line)
  }
})

test('a group that stands behind its service, and ranges', () => {
  const { file, lips } = of(`
    virtual_server group g { lb_kind FNAT laddr_group_name l
      laddr_group_name l
      real_server 10.1.0.1 80 { } }
    virtual_server_group g { 10.0.0.9-10 80
      10.0.1.255-10.0.2.0 443 }
    local_address_group l { 10.1.0.100 }`)
  assert.deepEqual(
    brief(file.services),
    ['10.0.0.9:80', '10.0.0.10:80', '10.0.1.255:443', '10.0.2.0:443'].map(
      vip => `${vip} LIPs 10.1.0.100 -> 10.1.0.1:80`,
    ),
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
  assert.match(remarks('include c*/x.conf')[0] ?? '', /^x:1: .* only \* and \? in the name/)
  const self = join(SAMPLES, 'lvs.conf')
  assert.deepEqual(remarks('include lvs.conf', self), [
    `${self}:1: include lvs.conf: ${self} includes itself`,
  ])
  assert.match(remarks('include .', self)[0] ?? '', /EISDIR/)
})

test('checkers, each key', () => {
  const check = (checker: string) => {
    const text = `virtual_server 10.0.0.1 80 {\nreal_server 10.1.0.1 8080 {\n${checker}\n}\n}`
    const { file, notCarried } = of(text)
    return {
      check: file.services[0]?.check,
      said: notCarried.map(line => line.replace(/^x:\d+: /, '')),
    }
  }
  const label = 'of virtual_server 10.0.0.1 80'
  assert.deepEqual(check('TCP_CHECK {\nconnect_port 81\nretry 0\nbindto 10.0.0.9\n}'), {
    check: { type: 'tcp', port: 81, fall: 1 },
    said: [
      `bindto 10.0.0.9 ${label}: checks take the path of the traffic, from a LIP to the real server`,
    ],
  })
  assert.deepEqual(check('HTTP_GET {\nurl {\npath /\nstatus_code 200-204\nvirtualhost a\n}\n}'), {
    check: { type: 'http', path: '/', status: '200-204', host: 'a' },
    said: [],
  })
  assert.deepEqual(check('HTTP_GET {\nurl {\npath x\nstatus_code ok\n}\nconnect_port no\n}'), {
    check: { type: 'http', status: '200-299' },
    said: [
      `path x ${label}: expected a path that begins with /`,
      `status_code ok ${label}: expected a status`,
      `connect_port no ${label}: expected a port`,
    ],
  })
  assert.deepEqual(check('MISC_CHECK {\nmisc_path "/bin/check -v"\nmisc_dynamic\n}'), {
    check: { type: 'script', command: ['/bin/check', '-v'] },
    said: [
      `misc_path /bin/check -v ${label}: see that it connects to $CHECK_ADDRESS and $CHECK_PORT, which lead to the real server`,
      `misc_dynamic ${label}: the exit code of a script does not set the weight`,
    ],
  })
  assert.deepEqual(check('MISC_CHECK {\nmisc_path "/bin/check 10.1.0.1 $(x)"\n}'), {
    check: undefined,
    said: [
      `MISC_CHECK ${label}: expected a misc_path that begins with /`,
      `misc_path /bin/check 10.1.0.1 $(x) ${label}: write its command by hand: $CHECK_ADDRESS is the address`,
    ],
  })
  assert.deepEqual(check('TCP_CHECK {\nconnect_timeout soon\n}\nTCP_CHECK {\n}').said, [
    `connect_timeout soon ${label}: expected seconds, 0.1-3600, the default takes its place`,
    `a second check ${label}: a real server has one check`,
  ])
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

/** The keys `check` and `passive`: what they become, what is wrong with them, and what a change of them says. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare } from '../../src/config/changes.ts'
import { CHECK_TYPES, NO_CHECK, protocolsOf } from '../../src/config/check-keys.ts'
import { ConfigError, parseConfig } from '../../src/config/config.ts'
import { SEED_CONFIG } from '../kit/stand.ts'

const config = (keys: string) => parseConfig(`${SEED_CONFIG.trimEnd()}\n    ${keys}\n`, 'x.yaml')
const check = (keys: string) => config(`check: { ${keys} }`).services[0]?.check

function problem(keys: string): string {
  try {
    config(keys)
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    return error.problems.join('\n').replace(/^x\.yaml:\d+:\d+ services\[0\]\./, '')
  }
  return 'none'
}

test('what is left out has its default, what is there is normalised', () => {
  assert.deepEqual(check(''), NO_CHECK)
  assert.deepEqual(config('').services[0]?.passive, null)
  assert.deepEqual(check('type: tcp, interval: 0.5, port: 80'), {
    ...NO_CHECK,
    type: 'tcp',
    interval: 0.5,
    port: 80,
  })
  assert.deepEqual(check('type: http')?.status, [[200, 399]])
  assert.deepEqual(check('type: http, status: 204')?.status, [[204, 204]])
  assert.deepEqual(check('type: http, status: 200-299')?.status, [[200, 299]])
  const mixed = check('type: https, status: [200, 301-302], verify: true, host: "a:8443"')
  assert.deepEqual(mixed?.status, [
    [200, 200],
    [301, 302],
  ])
  const script = check('type: script, command: [/bin/check, -v, "two words"]')
  assert.deepEqual(script?.command, ['/bin/check', '-v', 'two words'])
  const passive = { failures: 2, within: 10, min: 5, max: 300 }
  assert.deepEqual(config('passive: { failures: 2 }').services[0]?.passive, passive)
})

for (const [keys, expected] of [
  [
    'check: { type: udp, payload: 1234 }',
    'expected at most 512 bytes as hex digits in quotes, like "0a1b", found 1234',
  ],
  [
    'check: { type: udp, payload: 1e10 }',
    'expected at most 512 bytes as hex digits in quotes, like "0a1b", found 10000000000',
  ],
  [
    'check: { type: ftp }',
    'expected none, tcp, http, https, redis, script, dns or udp, found "ftp"',
  ],
  ['check: { type: tcp, interval: 0 }', 'check.interval: expected seconds, 0.1-86400, found 0'],
  ['check: { type: tcp, fall: 1.5 }', 'check.fall: expected a whole number 1-100, found 1.5'],
  ['check: { type: tcp, inteval: 1 }', 'did you mean interval?'],
  [
    'check: { path: / }',
    'check.path: expected a check of type http or https with it, found type none',
  ],
  ['check: { type: http, password: x }', 'a check of type redis with it, found type http'],
  ['check: { type: udp, name: a.b }', 'a check of type dns with it, found type udp'],
  [
    'check: { type: dns, name: a..b }',
    'expected a name of DNS, like example.org, or . for the root, found "a..b"',
  ],
  [
    'check: { type: dns, record: aaa }',
    'expected a, ns, cname, soa, ptr, mx, txt, aaaa, srv or any, found "aaa"',
  ],
  [
    'check: { type: dns, rcode: [ok] }',
    'expected noerror, formerr, servfail, nxdomain, notimp or refused, or a list of them, found a list',
  ],
  [
    'check: { type: udp, payload: abc }',
    'expected at most 512 bytes as hex digits in quotes, like "0a1b", found "abc"',
  ],
  ['check: { type: http, verify: true }', 'a check of type https with it, found type http'],
  [
    'check: { port: 80 }',
    'a check of type tcp or http or https or redis or script or dns or udp with it, found type none',
  ],
  ['check: { type: script }', 'check.command: expected a list like [/usr/local/bin/check, -v]'],
  ['check: { type: script, command: [check] }', 'its first item an absolute path, found a list'],
  ['check: { type: http, path: "/a b" }', 'check.path: expected a path that begins with /'],
  ['check: { type: http, host: "a b" }', 'check.host: expected a host name'],
  ['check: { type: http, status: 2xx }', 'check.status: expected a status like 200 or a range'],
  ['check: { type: http, status: [] }', 'check.status: expected a status like 200 or a range'],
  ['passive: { min: 9, max: 8 }', 'passive.min: expected at most max 8, found 9'],
] as const) {
  test(`a mistake: ${keys}`, () => {
    const text = problem(keys)
    assert.ok(text.includes(expected), text)
    assert.equal(text.split('\n').length, 1, text)
  })
}

test('a change of a check is a step, and does not tell a password', () => {
  const before = config('check: { type: redis, password: old secret }')
  const [step, ...rest] = compare(
    before,
    config('check: { type: redis, password: new secret }'),
  ).steps
  assert.deepEqual(rest, [])
  assert.match(
    step ?? '',
    /^~ service TCP 202\.108\.10\.1:6379 .*check \{type "redis", password [0-9a-f]{8}\}/,
  )
  assert.ok(!step?.includes('secret'))
  assert.deepEqual(compare(before, before).steps, [])
  const passive = compare(config(''), config('passive: {}')).steps
  assert.match(passive[0] ?? '', /passive \{"failures":3,/)
})

test('a check travels by the protocol of its type, and a script by the one that it likes', () => {
  const by = CHECK_TYPES.map(type => `${type} ${protocolsOf(type).join()}`)
  assert.deepEqual(by.slice(1), [
    ...['tcp tcp', 'http tcp', 'https tcp', 'redis tcp', 'script tcp,udp', 'dns udp', 'udp udp'],
  ])
})

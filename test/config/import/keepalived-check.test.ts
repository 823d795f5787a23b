/** What becomes of the checkers of keepalived, key by key, and of what a file does not say of them. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importKeepalived } from '../../../src/config/import/keepalived.ts'

const LABEL = 'virtual_server 10.0.0.1 80'

/** Of one real server, with `service` said by the service; remarks without their places. */
function check(checker: string, service = '') {
  const text = `virtual_server 10.0.0.1 80 {
    protocol TCP\nlb_algo rr\nlb_kind FNAT\n${service}
    real_server 10.1.0.1 8080 {\n${checker}\n}\n}`
  const { file, notCarried } = importKeepalived({ name: 'x', text })
  const said = notCarried.map(line => line.replace(/^x:\d+: /, ''))
  return { check: file.services[0]?.check, said: said.filter(line => !line.startsWith(DELAY)) }
}

const DELAY = 'without delay_before_retry keepalived repeats a failed check after'
/** Of keepalived. */
const TIMES = { interval: 60, max_interval: 60, timeout: 5, rise: 1, fall: 2 }

test('what is left out is what it is in keepalived', () => {
  assert.deepEqual(check('TCP_CHECK { }'), { check: { type: 'tcp', ...TIMES }, said: [] })
  const http = { type: 'http', status: '200-299', ...TIMES }
  assert.deepEqual(check('HTTP_GET { url { } }'), { check: http, said: [] })
  const script = { type: 'script', command: ['/bin/x'], ...TIMES, fall: 1 }
  assert.deepEqual(check('MISC_CHECK { misc_path /bin/x }').check, { ...script, timeout: 60 })
  const slow = { ...script, interval: 7200, max_interval: 7200, timeout: 3600 }
  assert.deepEqual(check('MISC_CHECK { misc_path /bin/x }', 'delay_loop 7200').check, slow)
})

test('a service says it for its real servers, they for their checkers', () => {
  const service = 'delay_loop 9\nconnect_timeout 2\nretry 4\nvirtualhost a'
  const times = { ...TIMES, interval: 9, max_interval: 9, timeout: 2, fall: 5 }
  const page = { type: 'http', path: '/', status: '200-299' }
  const checker = 'HTTP_GET {\nurl {\npath /\n'
  assert.deepEqual(check(`${checker}}\n}`, service), {
    check: { ...page, ...times, host: 'a' },
    said: [],
  })
  const unused = (what: string) => `${what} of ${LABEL}: no check that is carried over asks for it`
  assert.deepEqual(check(`virtualhost b\n${checker}virtualhost c\n}\nretry 0\n}`, service), {
    check: { ...page, ...times, fall: 1, host: 'c' },
    said: [unused('retry 4'), unused('virtualhost a'), unused('virtualhost b')],
  })
  // connect_timeout and virtualhost are not for scripts.
  assert.deepEqual(check('MISC_CHECK {\nmisc_path /bin/check\nmisc_timeout 3\n}', service), {
    check: { type: 'script', command: ['/bin/check'], ...times, timeout: 3 },
    said: [
      unused('connect_timeout 2'),
      unused('virtualhost a'),
      `misc_path /bin/check of ${LABEL}: see that it connects to $CHECK_ADDRESS and $CHECK_PORT, which lead to the real server`,
    ],
  })
  assert.deepEqual(check('', 'delay_loop 9'), { check: undefined, said: [unused('delay_loop 9')] })
})

test('delay_before_retry is told where it is given, and once where it is not', () => {
  const text = (service: string) => `virtual_server 10.0.0.1 80 {
    protocol TCP\nlb_algo rr\nlb_kind FNAT\n${service}
    real_server 10.1.0.1 80 { TCP_CHECK { } }
    real_server 10.1.0.2 80 { TCP_CHECK { } } }`
  const told = (service: string) => importKeepalived({ name: 'x', text: text(service) }).notCarried
  const here = 'here it is repeated after its interval'
  assert.deepEqual(told(''), [`x:6: ${DELAY} 1 s (and 1 more): ${here}`])
  const why = 'a failed check is repeated after its interval'
  assert.deepEqual(told('delay_before_retry 2'), [`x:5: delay_before_retry 2 of ${LABEL}: ${why}`])
  // Nothing is repeated, or after as long.
  for (const same of ['retry 0', 'delay_loop 1']) assert.deepEqual(told(same), [])
})

test('each key', () => {
  assert.deepEqual(check('TCP_CHECK {\nconnect_port 81\nretry 0\nbindto 10.0.0.9\n}'), {
    check: { type: 'tcp', port: 81, ...TIMES, fall: 1 },
    said: [
      `bindto 10.0.0.9 of ${LABEL}: checks take the path of the traffic, from a LIP to the real server`,
    ],
  })
  assert.deepEqual(check('HTTP_GET {\nurl {\npath /\nstatus_code 200-204\nvirtualhost a\n}\n}'), {
    check: { type: 'http', path: '/', status: '200-204', ...TIMES, host: 'a' },
    said: [],
  })
  assert.deepEqual(check('HTTP_GET {\nurl {\npath x\nstatus_code ok\n}\nconnect_port no\n}'), {
    check: { type: 'http', status: '200-299', ...TIMES },
    said: [
      `path x of ${LABEL}: expected a path that begins with /`,
      `status_code ok of ${LABEL}: expected a status`,
      `connect_port no of ${LABEL}: expected a port`,
    ],
  })
  assert.deepEqual(check('SSL_GET {\n}'), {
    check: undefined,
    said: [`SSL_GET of ${LABEL}: expected a url`],
  })
  assert.deepEqual(check('TCP_CHECK {\nconnect_timeout soon\nurl {\n}\n}\nTCP_CHECK {\n}').said, [
    `connect_timeout soon of ${LABEL}: expected seconds, 0.1-3600, the default takes its place`,
    `url {...} of ${LABEL}: checks have no such thing`,
    `a second check of ${LABEL}: a real server has one check`,
  ])
})

test('scripts: their arguments, and where they connect to', () => {
  const script = (path: string) => {
    const { check: made, said } = check(`MISC_CHECK {\nmisc_path ${path}\n}`)
    return { command: made?.command, port: made?.port, said }
  }
  const sh = (command: string, port?: number) => ({
    command: ['/bin/sh', '-c', `exec ${command}`],
    port,
    said: [],
  })
  for (const [path, becomes, port] of [
    ['/b/c 10.1.0.1 8080', '/b/c $CHECK_ADDRESS $CHECK_PORT'],
    ['/b/dig +tcp @10.1.0.1 x.example', '/b/dig +tcp @$CHECK_ADDRESS x.example'],
    ['/b/curl http://10.1.0.1:8080/x', '/b/curl http://$CHECK_ADDRESS:$CHECK_PORT/x'],
    ['/b/curl http://10.1.0.1:81/x?a=1', '/b/curl "http://$CHECK_ADDRESS:$CHECK_PORT/x?a=1"', 81],
    ['/b/c --host=10.1.0.1 10.1.0.11 110.1.0.1', '/b/c --host=$CHECK_ADDRESS 10.1.0.11 110.1.0.1'],
  ] as [string, string, number?][]) {
    assert.deepEqual(script(`"${path}"`), sh(becomes, port))
  }
  const told =
    'see that it connects to $CHECK_ADDRESS and $CHECK_PORT, which lead to the real server'
  assert.deepEqual(script(`"/b/c 'a b' 10.1.0.11"`), {
    command: ['/b/c', 'a b', '10.1.0.11'],
    port: undefined,
    said: [`misc_path /b/c 'a b' 10.1.0.11 of ${LABEL}: ${told}`],
  })
  // Without quotes only the first word is the script.
  assert.deepEqual(script('/b/c -v').said, [
    `misc_path /b/c -v of ${LABEL}: ${told}`,
    '-v of misc_path /b/c -v: misc_path has no use for it',
  ])
  const none = `MISC_CHECK of ${LABEL}: expected a misc_path that begins with /`
  for (const [path, why] of [
    ['/b/c 10.1.0.1 $(x)', 'write its command by hand: $CHECK_ADDRESS is the address'],
    [
      '/b/c 10.1.0.1:81 10.1.0.1:82',
      'write its command by hand: a check connects to one port, $CHECK_PORT',
    ],
    ['b/c', 'expected a misc_path that begins with /'],
  ]) {
    assert.deepEqual(script(`"${path}"`).said, [none, `misc_path ${path} of ${LABEL}: ${why}`])
  }
})

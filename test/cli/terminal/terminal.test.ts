/** What is printed suits the terminal: no letters that its locale has not, nothing that only a better one understands. */

import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { run } from '../../../netns/processes.ts'
import { TAPVS } from '../../../netns/topology.ts'
import type { Answer, Request } from '../../../src/api/commands.ts'
import { hasUtf8 } from '../../../src/cli/terminal/terminal.ts'
import { jsonLine, textLine } from '../../../src/control/log/format.ts'
import { ansi } from '../../../src/see/ladder/colours.ts'
import { serve } from '../../kit/api.ts'
import { inside } from '../../kit/inside.ts'
import { Terminal } from '../../kit/terminal.ts'
import { watched } from '../../kit/watched.ts'
import { ADDRESSES, CONN, NUMBERS, SERVICES } from '../canned.ts'

const ESCAPE = '\u001b'
// biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal obeys
const NOT_ASCII = /[^\x00-\x7f]/

/** A daemon that has no connections any more. */
async function quiet(t: TestContext): Promise<string> {
  const respond = async (request: Request): Promise<Answer> => {
    switch (request.verb) {
      case 'numbers':
        return { ok: NUMBERS }
      case 'conns':
        return { ok: { conns: [CONN], next: -1 } }
      case 'services': {
        const idle = { active_conns: 0, inactive_conns: 0 }
        const [service] = SERVICES
        const realServers = service.real_servers.map(rs => ({ ...rs, ...idle }))
        return { ok: [{ ...service, real_servers: realServers }] }
      }
      case 'addresses':
        return { ok: ADDRESSES }
      case 'edit':
        return { ok: { steps: [], restart: [], warnings: [] } }
      default:
        return { ok: { version: '0', pid: 1, workers: 1 } }
    }
  }
  return (await serve(t, respond)).path
}

test('the locale is looked for as POSIX does', () => {
  assert.equal(hasUtf8({}), false)
  assert.equal(hasUtf8({ LANG: 'C' }), false)
  assert.equal(hasUtf8({ LANG: 'de_DE.UTF-8' }), true)
  assert.equal(hasUtf8({ LANG: 'C.utf8' }), true)
  assert.equal(hasUtf8({ LANG: 'C.UTF-8', LC_ALL: 'C' }), false)
  assert.equal(hasUtf8({ LANG: 'C', LC_CTYPE: 'C.UTF-8' }), true)
  assert.equal(hasUtf8({ LANG: 'C.UTF-8', LC_ALL: '' }), true)
})

test('without UTF-8 a ladder is ASCII, and with it has lines', async t => {
  const { stand, path } = await watched(t)
  const SYN = '202.108.10.2.4000 > 202.108.10.1.81: Flags [S], seq 1, win 100, length 0'
  stand.segment('dpdk0', SYN)
  stand.moments()
  // Of a file, so that nothing else is asked.
  const file = `${path}.pcapng`
  assert.equal((await inside(['--socket', path, 'capture', '--ring', '-w', file])).code, 0)
  const drawn = async (locale: string) =>
    (await run(['env', `LC_ALL=${locale}`, TAPVS, 'ladder', file])).stdout
  assert.match(await drawn('C.UTF-8'), /│/)
  const ascii = await drawn('C')
  assert.match(ascii, /tcp_no_service/)
  assert.doesNotMatch(ascii, NOT_ASCII)
})

test('no help has letters that a plain terminal lacks', async () => {
  const { stdout } = await inside(['--help'])
  const verbs = [...stdout.matchAll(/^ {2}tapvs (\w+) /gm)].map(([, verb]) => verb as string)
  assert.ok(verbs.length > 15)
  const helps = await Promise.all(verbs.map(verb => inside([verb, '--help'])))
  for (const [i, help] of helps.entries()) assert.doesNotMatch(help.stdout, NOT_ASCII, verbs[i])
})

test('what strangers say does nothing to a terminal, whether listed, drawn, logged or an error', async t => {
  // Clears the screen, sets a title, writes from the right, and the same in C1.
  const evil = 'a\u001b[2Jb\u001b]0;x\u0007c\u202ed\u009b2Je\rf\u001b[8mg'
  const tame = 'a?[2Jb?]0;x?c?d?2Je?f?[8mg'
  const respond = async (request: Request): Promise<Answer> => {
    if (request.verb !== 'services') return { error: evil }
    return { ok: [{ ...SERVICES[0], scheduler: evil as 'rr' }] as typeof SERVICES }
  }
  const { path } = await serve(t, respond)
  const listed = await inside(['--socket', path, 'ipvsadm', '-ln'])
  assert.ok(listed.stdout.includes(` ${tame}`), JSON.stringify(listed.stdout))
  for (const verb of ['counters', 'metrics'])
    assert.equal((await inside(['--socket', path, verb])).stderr, `tapvs: ${tame}\n`)
  assert.equal(
    (await inside(['--socket', path, 'dpip', 'addr', 'show'])).stderr,
    `tapvs: ${tame}\n`,
  )
  const entry = { level: 'warn', module: 'check', text: evil, fields: { reason: evil } } as const
  assert.equal(textLine(entry, null), tame)
  const json = jsonLine(entry, new Date(0))
  assert.doesNotMatch(json, /[\p{C}]/u)
  assert.equal(JSON.parse(json).msg, evil)
  assert.equal(ansi('red', evil), `${ESCAPE}[31m${tame}${ESCAPE}[0m`)
  assert.equal(ansi('plain', evil), tame)
})

test('TERM=dumb gets no escape sequence, and top prints once and says so', async t => {
  const socket = await quiet(t)
  const shown = async (verb: string) => {
    const terminal = new Terminal(`${TAPVS} --socket ${socket} ${verb}`, 60, 100, 'dumb')
    const code = await terminal.exitCode
    assert.ok(!terminal.raw.includes(ESCAPE), `${verb}: ${JSON.stringify(terminal.raw)}`)
    return { code, text: terminal.raw.replaceAll('\r', '') }
  }
  const top = await shown('top --every 0.1')
  assert.equal(top.code, 0)
  assert.match(
    top.text,
    /^tapvs: TERM=dumb cannot be drawn on: printed once, as with --once\n[\s\S]*202\.108\.10\.1/,
  )
  const drained = await shown('drain 192.168.168.2:6379')
  assert.match(drained.text, /is drained: no connection is left after 0 s\n/)
})

test('names of files reach stderr without what a terminal obeys', async () => {
  const file = `/nowhere/a${ESCAPE}[2Jb`
  for (const argv of [
    ['run', '--config', file],
    ['config', 'check', file],
    ['replay', file],
    ['doctor', '--config', file],
  ]) {
    const asked = argv[0] === 'run' ? run([TAPVS, ...argv]) : inside(argv)
    const { stdout, stderr } = await asked
    assert.match(`${stdout}${stderr}`, /\/nowhere\/a\?\[2Jb: no such file/, argv.join(' '))
    assert.ok(!`${stdout}${stderr}`.includes(ESCAPE), argv.join(' '))
  }
})

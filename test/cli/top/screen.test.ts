/** `tapvs top` on a terminal of 80x24, as a person sees it, and without one. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { CHECKOUT } from '../../../netns/topology.ts'
import type { Answer, Request } from '../../../src/api/commands.ts'
import { openServer } from '../../../src/control/http/server.ts'
import { readExposition } from '../../kit/exposition.ts'
import { printedJson } from '../../kit/printed-json.ts'
import { Terminal } from '../../kit/terminal.ts'
import { CONN, NUMBERS } from '../canned.ts'

const PROGRAM = join(CHECKOUT, 'bin', 'tapvs')
const KEY = { tab: '\t', right: '\u001b[C', left: '\u001b[D', down: '\u001b[B' }

/** A daemon whose counters move: 10 connections, 1000 packets a second. */
async function moving(t: TestContext) {
  let asked = 0
  const respond = async (request: Request): Promise<Answer> => {
    switch (request.verb) {
      case 'numbers': {
        asked++
        const [service] = NUMBERS.services
        const realServers = service.real_servers.map(rs => ({
          ...rs,
          stats: { ...rs.stats, conns: asked * 10, in_packets: asked * 1000 },
        }))
        const atMs = NUMBERS.at_ms + asked * 1000
        return {
          ok: { ...NUMBERS, at_ms: atMs, services: [{ ...service, real_servers: realServers }] },
        }
      }
      case 'conns':
        return { ok: { conns: [CONN], next: -1 } }
      case 'ping':
        return { ok: { version: '0', pid: 1, workers: 1 } }
      default:
        return { error: request.verb }
    }
  }
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-top-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const socket = join(folder, 'tapvs.sock')
  const server = await openServer(socket, respond)
  t.after(() => server.close())
  return { socket, server, asked: () => asked }
}

/** The program without a terminal. */
async function piped(socket: string, ...argv: string[]) {
  const child = spawn(PROGRAM, [...argv, '--socket', socket], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', chunk => {
      text += chunk
    })
  }
  const code = await new Promise<number | null>(done => child.once('close', done))
  return { code, text }
}

const RED = '\u001b[31m'

function top(t: TestContext, socket: string, variables = ''): Terminal {
  const terminal = new Terminal(`${variables} ${PROGRAM} --socket ${socket} top --every 0.2`)
  t.after(() => terminal.kill())
  return terminal
}

test('top: panes, sorting, help and the way out', async t => {
  const { socket } = await moving(t)
  const terminal = top(t, socket)
  const first = await terminal.until(screen => /6379 +100 .* 10 +1\.00k/.test(screen))
  assert.match(first[0], /^tapvs 0\.1\.0 {2}pid 4242 {2}up .* 1 worker +2 problems$/)
  assert.equal(
    first[2],
    ' 1 services   2 lports   3 drops   4 arms   5 clients   6 conns   7 health',
  )
  assert.ok(terminal.raw.includes(RED), 'problems are red')
  assert.match(first[3], /^SERVICE, RS +WEIGHT/)
  assert.match(first[4], /^TCP 202\.108\.10\.1:6379 wrr/)
  assert.match(first[22], /^q quit .* by address$/)
  assert.equal(first[23], '', 'the last row stays empty')

  terminal.type('s')
  await terminal.until(screen => screen.includes('by conn/s'))
  terminal.type(KEY.tab)
  await terminal.until(screen => /\nLIP .*\n192\.168\.168\.7 +int0 +1 +56446/.test(screen))
  terminal.type(KEY.right)
  await terminal.until(screen => /\nDROPPED .*\nno_buffer/.test(screen))
  terminal.type(KEY.left)
  await terminal.until(screen => /\nLIP /.test(screen))
  terminal.type('5')
  await terminal.until(screen => /\n202\.108\.10\.2 +1 +0 +100 %/.test(screen))
  terminal.type('h')
  await terminal.until(screen => /\nKEYS\ntab, right/.test(screen))
  terminal.type('6')
  await terminal.until(screen => /\(1 more carried nothing; 1 of 1 looked at\)/.test(screen))
  terminal.type('7')
  const health = await terminal.until(screen =>
    /\nHEALTH\narm int0 is down: admin down link down/.test(screen),
  )
  // No row of another frame is left standing anywhere.
  assert.equal(health.filter(row => row.startsWith('tapvs ')).length, 1)

  terminal.type('q')
  assert.equal(await terminal.exitCode, 0)
  assert.ok(terminal.raw.includes('\u001b[?1049l'), 'the screen of before is back')
  assert.ok(terminal.raw.endsWith('\u001b[?25h') || terminal.raw.includes('\u001b[?25h'), 'cursor')
})

test('top: p stands still and goes on, without colours by NO_COLOR', async t => {
  const { socket, asked } = await moving(t)
  const terminal = top(t, socket, 'NO_COLOR=1')
  await terminal.until(screen => screen.includes('1.00k'))
  assert.ok(!terminal.raw.includes(RED))
  terminal.type('p')
  await terminal.until(screen => screen.includes('PAUSED'))
  await new Promise(done => setTimeout(done, 300))
  const before = asked()
  await new Promise(done => setTimeout(done, 800))
  assert.equal(asked(), before)
  terminal.type('p')
  await terminal.until(screen => !screen.includes('PAUSED'))
  await new Promise(done => setTimeout(done, 800))
  assert.ok(asked() > before)
  terminal.type('\u0003')
  await terminal.exitCode
})

test('top: a daemon that goes is told in the last line, and the rest stays', async t => {
  const { socket, server } = await moving(t)
  const terminal = top(t, socket)
  await terminal.until(screen => screen.includes('1.00k'))
  await server.close()
  const screen = await terminal.until(text => text.includes('no daemon answers at'))
  assert.match(screen[22], /^no daemon answers at/)
  assert.match(screen[4], /^TCP 202\.108\.10\.1:6379/)
  terminal.type('q')
  assert.equal(await terminal.exitCode, 0)
})

test('top: without a terminal every pane, or the one that is wanted, once', async t => {
  const { socket } = await moving(t)
  const every = ['top', '--every', '0.1']
  const all = await piped(socket, ...every)
  assert.equal(all.code, 0)
  for (const head of ['SERVICE, RS', 'LIP', 'DROPPED', 'ARM', 'CLIENT', 'HEALTH'])
    assert.match(all.text, new RegExp(`^${head}\\b`, 'm'))
  assert.match(all.text, / +10 +1\.00k +0 +0 +0$/m)
  assert.doesNotMatch(all.text, /[^\n -~]/, 'plain text')
  const one = await piped(socket, ...every, '--once', '--pane', 'lports')
  assert.deepEqual(
    one.text.split('\n').map(line => line.slice(0, 5)),
    ['tapvs', 'conns', '', 'LIP  ', '192.1', ''],
  )
  const { text } = await piped(socket, ...every, '--json')
  const moment = printedJson<{ services: { rates: { conns: number } }[]; clients: object[] }>(text)
  assert.equal(moment.services[0]?.rates.conns, 10)
  assert.equal(moment.clients.length, 1)
})

test('top: what cannot be is told in one line', async t => {
  const { socket } = await moving(t)
  const wrong = await piped(socket, 'top', '--every', '0')
  assert.deepEqual(wrong, { code: 2, text: 'tapvs: --every wants 0.1 to 3600 seconds\n' })
  const terminal = new Terminal(`${PROGRAM} --socket /nowhere/tapvs.sock top`)
  t.after(() => terminal.kill())
  assert.equal(await terminal.exitCode, 1)
  assert.match(terminal.raw, /^tapvs: no daemon answers at \/nowhere\/tapvs\.sock [^\n]*\n$/)
})

test('metrics: the page for Prometheus', async t => {
  const { socket } = await moving(t)
  const { code, text } = await piped(socket, 'metrics')
  assert.equal(code, 0)
  assert.ok(readExposition(text).has('tapvs_handshake_seconds'))
})

/**
 * A client that uses one port for one connection after the other, whatever state the last one was left in: real kernels on
 * both sides. A SYN that the RS does not take as a new one has to be sent again: a second later (RFC 6298), or by a young
 * Linux, which is answered by a challenge ACK, at once.
 */

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { mustRun, until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import {
  CIP,
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'

const RSS = ['192.168.168.2', '192.168.168.12'] as const
/** Of a service whose one RS accepts, and neither reads nor closes. */
const SILENT = 7000
/** The second that a SYN in vain costs, and something for a machine that is busy. */
const AT_ONCE_MS = 500

const folder = scratchFolder()
const program = join(folder, 'port-again')
const sessions = join(folder, 'sessions.log')
const config = labConfig(folder, 'reuse', yaml => {
  const servers = RSS.map(address => ({ address }))
  yaml.setIn(['services', 0, 'scheduler'], 'rr')
  yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(servers))
  const silent = { address: VIP, port: SILENT, real_servers: [{ address: RSS[0] }] }
  yaml.addIn(['services'], yaml.createNode(silent))
  yaml.setIn(['log', 'sessions'], yaml.createNode({ path: sessions }))
  yaml.set('workers', { count: 2 })
  // Whose end is waited for, twice; long enough to be met by the next SYN of their port.
  yaml.setIn(['tcp', 'timeouts'], { fin_wait: 3, time_wait: 3, close_wait: 3, last_ack: 3 })
})
const lab = labForTests('reuse', { config, realServers: RSS.length })

before(async () => {
  const source = join(CHECKOUT, 'test/kit/port-again.c')
  await mustRun(['cc', '-O2', '-Wall', '-Werror', '-o', program, source])
  for (const rs of RSS) {
    await mustRun(lab.inside('rs', ['redis-cli', '-h', rs, 'set', 'name', rs]))
  }
})

interface Answer {
  number: number
  ms: number
  /** SYNs in vain. */
  again: number
  from: string
}

let port = 41_000

/** One connection for each step, all from one port. */
async function connections(
  steps: readonly string[],
  vport = 6379,
  own = ++port,
): Promise<Answer[]> {
  const out = await mustClient(lab, [program, VIP, `${vport}`, CIP, `${own}`, ...steps])
  return out
    .trim()
    .split('\n')
    .map(line => {
      const [number = '', ms = '', again = '', from = ''] = line.split(' ')
      return { number: Number(number), ms: Number(ms), again: Number(again), from }
    })
}

/** `vain`: SYNs that the RS asks back about, because the half that it has was heard of within a second (semantics 2.9). */
function assertAtOnce(answers: readonly Answer[], count: number, vain = 0): void {
  assert.equal(answers.length, count)
  for (const { number, ms, again } of answers) {
    assert.ok(ms < AT_ONCE_MS && again <= vain, `${number} took ${ms} ms, ${again} SYNs in vain`)
  }
}

/** Steps of `count` connections, each with a lower number than the one before: too far to be that of one before it, come late. */
function lower(count: number, end: string): string[] {
  return Array.from(
    { length: count },
    (_, i) => `${(1_000_000_000 - i * 300_000_000) >>> 0}:${end}`,
  )
}

async function conns(): Promise<number[]> {
  const services = await ask(lab.paths.socket, { verb: 'services' })
  const all = services.find(({ port }) => port === 6379)?.real_servers ?? []
  return RSS.map(rs => all.find(({ address }) => address === rs)?.stats.conns ?? 0)
}

test('the RS closes, in TIME_WAIT: lower numbers at once, in turn, and counted alike by all', async () => {
  const before = await conns()
  const logged = sessionLines(port + 1).length
  const answers = await connections(lower(10, 'quit'))
  assertAtOnce(answers, 10)
  const of = (rs: string) => answers.filter(({ from }) => from === rs).length
  assert.deepEqual(RSS.map(of), [5, 5])
  assert.deepEqual(
    (await conns()).map((n, i) => n - (before[i] ?? 0)),
    [5, 5],
    '--stats',
  )
  const client = `${CIP}:${port}`
  // The last one is still in the table.
  await until('the session log', { limitMs: 12_000, everyMs: 200 }, () => {
    return sessionLines(port).length - logged === 10 || undefined
  })
  for (const line of sessionLines(port)) assert.match(line, /end=fin_rs state=TIME_WAIT/)
  const ladder = await mustTapvs(lab, 'ladder', `conn ${client}`, '--plain')
  assert.equal(ladder.match(/^connection \d+ at/gm)?.length, 10, 'ladder')
  const story = await mustTapvs(lab, 'explain', 'conn', client)
  // Three in full, and the others are named.
  assert.equal(story.match(/^the end$/gm)?.length, 3)
  assert.match(story, /^7 earlier ones/m)
  // None of them lives, and that is its exit code.
  const { stdout } = await lab.tapvs(['whois', client])
  assert.match(stdout, /fin_rs \(TIME_WAIT\)/)
})

function sessionLines(cport: number): string[] {
  if (!existsSync(sessions)) return []
  return readFileSync(sessions, 'utf8')
    .split('\n')
    .filter(line => line.includes(` ${CIP}:${cport} `))
}

test('forgotten by the client in FIN_WAIT, and reset in CLOSE: at once', async () => {
  const { events } = await countersOf(lab)
  assertAtOnce(await connections(lower(6, 'forget')), 6, 1)
  assertAtOnce(await connections(lower(6, 'reset')), 6)
  const after = (await countersOf(lab)).events
  // The client has reset them itself, asked by the RS's challenge ACK.
  assert.equal((after.rst_on_reuse ?? 0) - (events.rst_on_reuse ?? 0), 0)
  assert.equal((after.syn_reused ?? 0) - (events.syn_reused ?? 0), 10)
})

test('half closed for ever by an RS that does not close, in CLOSE_WAIT: at once', async t => {
  const silent = lab.spawn('rs', [program, 'serve', RSS[0], `${SILENT}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => silent.kill())
  assert.ok(silent.stdout)
  await once(silent.stdout, 'data')
  assertAtOnce(await connections(lower(5, 'half'), SILENT), 5, 1)
  // The RS has been told that each of them is gone, but the last.
  const { stdout } = await lab.rs(['ss', '-Htan', 'state', 'close-wait', `( sport = :${SILENT} )`])
  assert.equal(stdout.trim().split('\n').length, 1, stdout)
})

test('an RS that is drained gets none of a busy port, and the drain ends', async () => {
  const [stays, goes] = RSS
  const own = ++port
  assert.equal((await connections(lower(4, 'quit'), 6379, own)).length, 4)
  const drain = mustTapvs(
    lab,
    'drain',
    `${goes}:6379`,
    '--service',
    `${VIP}:6379`,
    '--timeout',
    '9',
  )
  await until('its weight', { limitMs: 5000, everyMs: 20 }, async () => {
    const services = await ask(lab.paths.socket, { verb: 'services' })
    const rs = services
      .flatMap(({ real_servers: realServers }) => realServers)
      .find(rs => rs.address === goes)
    return rs?.weight === 0 || undefined
  })
  const before = await conns()
  const steps = Array.from({ length: 30 }, (_, i) => `${2_000_000_000 + i}:quit`)
  const answers = await connections(steps, 6379, own)
  assertAtOnce(answers, 30)
  assert.deepEqual(new Set(answers.map(({ from }) => from)), new Set([stays]))
  assert.equal((await conns())[1], before[1])
  await drain
})

test('an RS that changes its MAC in silence is found by the first SYN that it leaves unanswered', async () => {
  await untilNoConns(lab)
  const change = async (mac: string) => {
    const { code, stderr } = await lab.rs(['ip', 'link', 'set', 'int0', 'address', mac])
    assert.equal(code, 0, stderr)
  }
  const { stdout } = await lab.rs(['cat', '/sys/class/net/int0/address'])
  const moved = (await countersOf(lab)).events.neigh_moved ?? 0
  try {
    await change('52:54:00:00:09:09')
    const [answer] = await connections(['5:quit'])
    assert.ok(RSS.some(rs => rs === answer?.from))
    // Sent at 0, in vain; at 1 s, in vain, but the MAC is asked for; at 3 s (RFC 6298).
    assert.ok(answer !== undefined && answer.ms < 3900, `${answer?.ms} ms`)
    assert.ok(((await countersOf(lab)).events.neigh_moved ?? 0) > moved)
  } finally {
    await change(stdout.trim())
  }
})

test('a client whose RS is silent goes to another one when that is taken out', async () => {
  const [stays, goes] = RSS
  // It was drained.
  await mustTapvs(lab, 'reload')
  // Packets to it still come, and are nobody's there.
  await mustRun(lab.inside('rs', ['ip', 'address', 'del', `${goes}/24`, 'dev', 'int0']))
  const both = Promise.all([connections(['7:quit']), connections(['7:quit'])])
  await until('a SYN to the silent one', { limitMs: 2500, everyMs: 20 }, async () => {
    const { conns } = await ask(lab.paths.socket, { verb: 'conns', from: 0, limit: 1000 })
    return conns.some(({ rs }) => rs.startsWith(`${goes}:`)) || undefined
  })
  await mustTapvs(lab, 'ipvsadm', '-d', '-t', `${VIP}:6379`, '-r', `${goes}:6379`)
  for (const [answer] of await both) {
    assert.equal(answer?.from, stays)
    // Its SYN is sent again after 1 s, 3 s and 7 s (RFC 6298).
    assert.ok(answer !== undefined && answer.ms < 7900, `${answer?.ms} ms`)
  }
  // Each worker has a turn of its own, so it may have been both.
  assert.ok([1, 2].includes((await countersOf(lab)).events.syn_rescheduled ?? 0))
})

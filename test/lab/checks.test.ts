/** Three redis-servers behind a VIP: one is killed and one hangs while clients come; then both come back. */
// paired: it judges how soon an RS is found dead

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { killDaemon, lostDaemons } from '../../netns/appliance.ts'
import { readCapture, startCapture } from '../../netns/capture.ts'
import { run, until } from '../../netns/processes.ts'
import { raiseRedis, redisPid } from '../../netns/real-servers.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import type { RealServerInfo } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import type { ConfigFile } from '../../src/config/schema.ts'
import {
  countersOf,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import type { Load } from '../kit/redis-load.ts'

const [STAYS, DIES, HANGS] = ['192.168.168.2', '192.168.168.12', '192.168.168.13'] as const
const RSS = [STAYS, DIES, HANGS]
const WEIGHT = 10
const INTERVAL = 0.3
const FALL = 3
/** What `fall` checks take: each an interval, late by a tenth, and the last one its timeout; and what a busy machine adds. */
const FALL_LIMIT_MS = (FALL + 1) * INTERVAL * 1100 + 300 + 500
const CONNS_PER_SECOND = 90

const folder = scratchFolder()
const config = labConfig(folder, 'checks', yaml => {
  const servers = RSS.map(address => ({ address, weight: WEIGHT }))
  const check = { type: 'redis', interval: INTERVAL, timeout: 0.3, rise: 2, fall: FALL }
  yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(servers))
  yaml.setIn(['services', 0, 'check'], { ...check, max_interval: 0.6, slow_start: 4 })
  yaml.setIn(['services', 0, 'when_down'], 'reject')
  yaml.set('workers', { count: 2 })
})
const lab = labForTests('checks', { config, realServers: RSS.length })

async function servers(): Promise<Map<string, RealServerInfo>> {
  const [service] = await ask(lab.paths.socket, { verb: 'services' })
  return new Map(service?.real_servers.map(rs => [rs.address, rs]))
}

const conns = async () =>
  new Map([...(await servers())].map(([rs, { stats }]) => [rs, stats.conns]))
const log = () => readFileSync(lab.paths.log, 'utf8')

/** Waits until the RS is (not) inhibited. => when that was seen, as Date.now() */
async function untilInhibited(
  address: string,
  inhibited: boolean,
  limitMs: number,
): Promise<number> {
  const what = `${address} to be ${inhibited ? 'out' : 'in'}`
  return until(what, { limitMs, everyMs: 20 }, async () => {
    return (await servers()).get(address)?.inhibited === inhibited ? Date.now() : undefined
  })
}

function pidOf(address: string): number {
  const pid = redisPid(lab.paths, lab.arm('rs'), address)
  assert.ok(pid, `no redis-server on ${address}`)
  return pid
}

function startLoad(t: TestContext): { stop(): Promise<Load> } {
  const program = join(CHECKOUT, 'dist/test/kit/redis-load.js')
  const argv = [process.execPath, program, VIP, '6379', `${CONNS_PER_SECOND}`]
  const child = lab.spawn('client', argv, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill())
  let text = ''
  child.stdout?.on('data', data => {
    text += data
  })
  return {
    async stop() {
      child.stdin?.end()
      await new Promise(done => child.on('close', done))
      return JSON.parse(text) as Load
    },
  }
}

test('a fresh daemon has dropped nothing, and the arm of its checks is in no listing', async () => {
  // A check has been through when the RS has seen its command.
  for (const address of RSS) {
    const stats = ['redis-cli', '-h', address, 'info', 'commandstats']
    const seen = async () => /^cmdstat_ping:/m.test((await lab.rs(stats)).stdout) || undefined
    await until('a check', { limitMs: 5000, everyMs: 50 }, seen)
  }
  const counters = await countersOf(lab)
  assert.equal(counters.drops.tx_arm_down, 0)
  const arms = (await ask(lab.paths.socket, { verb: 'neighbours' })).map(({ arm }) => arm)
  assert.deepEqual(
    arms.filter(arm => arm !== 'ext0' && arm !== 'int0'),
    [],
  )
  for (const words of [
    'dpip link show',
    'dpip addr show',
    'dpip route show',
    'dpip neigh show',
    'counters --all',
    'metrics',
    'top --once',
  ])
    assert.doesNotMatch(await mustTapvs(lab, ...words.split(' ')), /169\.254\.|\bcheck\b/, words)
})

test('checks leave from the LIP, reach every RS, and are in no statistics', async () => {
  const capture = await startCapture(lab, 'rs', join(folder, 'probes.pcap'), ['tcp'])
  await sleep(1500)
  await capture.stop()
  const lines = (await readCapture(capture.file)).split('\n')
  const syns = lines.filter(line => line.includes('Flags [S],'))
  for (const rs of RSS) {
    const here = syns.filter(line => line.includes(` > ${rs}.6379:`))
    assert.ok(here.length >= 3 && here.length <= 7, `${rs}: ${here.length} checks in 1.5 s`)
  }
  for (const syn of syns) assert.match(syn, new RegExp(` ${LIP}\\.\\d+ > `))
  assert.ok(lines.some(line => line.includes('RESP "PING"') || /length 14: /.test(line)))
  for (const { stats, active_conns: activeConns, inactive_conns: inactiveConns } of (
    await servers()
  ).values()) {
    assert.deepEqual([stats.conns, stats.in_packets, activeConns, inactiveConns], [0, 0, 0, 0])
  }
  const { stdout } = await lab.tapvs(['ipvsadm', '-ln', '-c'])
  assert.equal(stdout, '', 'no check among the connections')
  const services = await lab.tapvs(['ipvsadm', '-ln'])
  assert.ok(!services.stdout.includes('169.254.'), services.stdout)
})

test('nobody outside reaches what the checks reach', async () => {
  const { drops } = await countersOf(lab)
  await lab.client(['ip', 'route', 'add', '169.254.0.0/16', 'via', VIP])
  const argv = ['timeout', '1', 'redis-cli', '-h', '169.254.1.0', 'ping']
  const { stdout } = await lab.client(argv, { timeoutMs: 3000 })
  assert.equal(stdout, '')
  const refused = (await countersOf(lab)).drops.tcp_no_service - drops.tcp_no_service
  // A NIC leaves to the host what is for no address that the network may know.
  assert.equal(refused > 0, lab.box === undefined)
})

test('a killed RS and one that hangs are out in time, without an error after that; they come back slowly', async t => {
  const load = startLoad(t)
  await sleep(800)
  const errors: [from: number, to: number][] = []
  for (const [address, signal] of [
    [DIES, 'SIGKILL'],
    [HANGS, 'SIGSTOP'],
  ] as const) {
    const from = Date.now()
    process.kill(pidOf(address), signal)
    const to = await untilInhibited(address, true, FALL_LIMIT_MS)
    errors.push([from, to])
    await sleep(700)
  }
  const found = await servers()
  for (const address of [DIES, HANGS])
    assert.match(found.get(address)?.reason ?? '', /checks? failed(, last)?: ./, address)
  const before = await conns()
  await sleep(500)
  const during = await conns()
  assert.equal(during.get(DIES), before.get(DIES))
  assert.equal(during.get(HANGS), before.get(HANGS))
  assert.ok((during.get(STAYS) ?? 0) > (before.get(STAYS) ?? 0) + CONNS_PER_SECOND / 4)

  await raiseRedis(lab.paths, lab.arm('rs'), DIES)
  await untilInhibited(DIES, false, 3000)
  const gained = async (ms: number) => {
    const start = await conns()
    await sleep(ms)
    const end = await conns()
    return RSS.map(rs => (end.get(rs) ?? 0) - (start.get(rs) ?? 0))
  }
  const [steady, returned] = await gained(1000)
  assert.ok(returned > 0 && returned < steady / 2, `slow start: ${returned} against ${steady}`)
  process.kill(pidOf(HANGS), 'SIGCONT')
  await untilInhibited(HANGS, false, 3000)
  await sleep(3500)
  const [one, other] = await gained(1000)
  assert.ok(Math.abs(one - other) < one / 4, `after it: ${other} against ${one}`)

  const { answered, failures } = await load.stop()
  assert.ok(answered > CONNS_PER_SECOND * 5, `${answered} answered`)
  const unexplained = failures.filter(
    ({ at }) => !errors.some(([from, to]) => at >= from - 50 && at <= to),
  )
  assert.deepEqual(unexplained, [])
  assert.ok(failures.length > 0, 'both were noticed by clients, or they were not in use')
  const text = log()
  const said = (address: string, what: string) =>
    assert.ok(text.includes(`CHECK: RS ${address}:6379 of TCP ${VIP}:6379 is ${what}\n`), text)
  said(DIES, `down: ${FALL} checks failed, last: connection refused`)
  said(HANGS, `down: ${FALL} checks failed, last: the answer to PING timed out after 0.3 s`)
  for (const address of [DIES, HANGS]) said(address, 'up: 2 checks passed')
  assert.ok(!text.includes(`RS ${STAYS}:6379`))
})

test('when all are down a SYN is rejected, and the log says so', async () => {
  for (const address of RSS) process.kill(pidOf(address), 'SIGSTOP')
  try {
    for (const address of RSS) await untilInhibited(address, true, FALL_LIMIT_MS)
    const { stdout, stderr } = await lab.client(['redis-cli', '-h', VIP, 'ping'])
    assert.match(stdout + stderr, /Connection refused/)
    assert.match(
      log(),
      /CHECK: TCP 202\.108\.10\.1:6379 has no real server that is up: new connections are rejected\n/,
    )
    assert.ok((await countersOf(lab)).events.rst_no_rs >= 1)
  } finally {
    for (const address of RSS) process.kill(pidOf(address), 'SIGCONT')
  }
  for (const address of RSS) await untilInhibited(address, false, 3000)
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'ping']), 'PONG\n')
})

test('drain: waits for the last connection, or gives up', async () => {
  // Connections that stay, enough for each RS to have one: two workers deal them out.
  const held = Array.from({ length: 8 }, () => {
    const argv = ['redis-cli', '-h', VIP, 'subscribe', 'x']
    return lab.spawn('client', argv, { stdio: 'ignore' })
  })
  try {
    await until('a connection to it', { limitMs: 3000, everyMs: 50 }, async () => {
      return ((await servers()).get(STAYS)?.active_conns ?? 0) >= 1 || undefined
    })
    const given = await lab.tapvs(['drain', `${STAYS}:6379`, '--timeout', '1', '--restore-weight'])
    assert.equal(given.code, 1)
    assert.match(
      given.stderr,
      /^tapvs: 192\.168\.168\.2:6379 still has [1-8] active and \d+ inactive connections after 1 s; it has its weight again\n$/,
    )
    assert.equal((await servers()).get(STAYS)?.weight, WEIGHT)

    const drained = lab.tapvs(['drain', `${STAYS}:6379`], { timeoutMs: 20_000 })
    await until('the weight to be 0', { limitMs: 3000, everyMs: 50 }, async () => {
      return (await servers()).get(STAYS)?.weight === 0 || undefined
    })
    const before = await conns()
    for (let i = 0; i < 6; i++) await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
    assert.equal((await conns()).get(STAYS), before.get(STAYS), 'no new ones')
    for (const child of held) child.kill()
    const { code, stdout } = await drained
    assert.equal(code, 0)
    const lines = stdout.trim().split('\n')
    assert.match(
      lines[0] ?? '',
      /^192\.168\.168\.2:6379 has [1-8] active and \d+ inactive connections, 0 s$/,
    )
    assert.match(
      lines.at(-1) ?? '',
      /^192\.168\.168\.2:6379 is drained: no connection is left after \d+ s$/,
    )
  } finally {
    for (const child of held) child.kill()
  }
  const { code, stderr } = await lab.tapvs(['drain', '192.168.168.99:1'])
  assert.equal(code, 1)
  assert.match(stderr, /no real server 192\.168\.168\.99:1 in any service/)
})

test('checks change while it runs: none, then by the connections of clients', async () => {
  const running = (await ask(lab.paths.socket, { verb: 'config' })) as ConfigFile
  // One was drained.
  for (const rs of running.services[0]?.real_servers ?? []) rs.weight = WEIGHT
  const apply = (change: object) => {
    const next = structuredClone(running)
    Object.assign(next.services[0] as object, { check: undefined, ...change })
    return ask(lab.paths.socket, { verb: 'apply', config: JSON.parse(JSON.stringify(next)) })
  }
  process.kill(pidOf(STAYS), 'SIGSTOP')
  try {
    await untilInhibited(STAYS, true, FALL_LIMIT_MS)
    await apply({})
    assert.equal((await servers()).get(STAYS)?.inhibited, false, 'nobody checks it any more')
    const capture = await startCapture(lab, 'rs', join(folder, 'none.pcap'), ['tcp'])
    await sleep(1000)
    await capture.stop()
    const text = await readCapture(capture.file)
    assert.ok(!text.includes('Flags [S],'), text)
  } finally {
    process.kill(pidOf(STAYS), 'SIGCONT')
  }

  await apply({ passive: { failures: 3, within: 10, min: 2, max: 4 } })
  process.kill(pidOf(STAYS), 'SIGKILL')
  await until('its connections to take it out', { limitMs: 8000, everyMs: 50 }, async () => {
    await lab.client(['timeout', '1', 'redis-cli', '-h', VIP, 'ping'])
    return (await servers()).get(STAYS)?.inhibited || undefined
  })
  for (let i = 0; i < 9; i++) {
    assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'ping']), 'PONG\n')
  }
  await raiseRedis(lab.paths, lab.arm('rs'), STAYS)
  await untilInhibited(STAYS, false, 3000)
  const name = `CHECK: RS ${STAYS}:6379 of TCP ${VIP}:6379 is`
  // Those that were established before weigh against them.
  const failed = '(\\d+ of )?\\d+ connections failed within 10 s'
  assert.match(log(), new RegExp(`${name} down: ${failed}, it gets no new ones for 2 s\n`))
  assert.ok(log().includes(`${name} up: it is tried again\n`))

  await apply(running.services[0] as object)
  process.kill(pidOf(HANGS), 'SIGSTOP')
  await untilInhibited(HANGS, true, FALL_LIMIT_MS)
  process.kill(pidOf(HANGS), 'SIGCONT')
  await untilInhibited(HANGS, false, 3000)
})

test('RSs that change their MAC in silence are found by checks that give up within a second', async () => {
  const moved = async () => (await countersOf(lab)).events.neigh_moved ?? 0
  const before = await moved()
  const { stdout } = await lab.rs(['cat', '/sys/class/net/int0/address'])
  const change = (mac: string) => lab.rs(['ip', 'link', 'set', 'int0', 'address', mac])
  try {
    assert.equal((await change('52:54:00:00:09:09')).code, 0)
    // Each is known to both workers; without an answer an entry lives for a minute.
    const all = { limitMs: 8000, everyMs: 50 }
    await until('their MAC', all, async () => (await moved()) >= before + RSS.length || undefined)
    for (const address of RSS) await untilInhibited(address, false, 5000)
  } finally {
    await change(stdout.trim())
  }
})

test('a daemon that is killed leaves no namespace and no process behind', async () => {
  const before = await run(['ip', '-o', 'link'])
  killDaemon(lab.paths)
  await until('its end', { limitMs: 3000 }, () => lostDaemons(lab.paths).length === 0 || undefined)
  assert.equal((await run(['ip', '-o', 'link'])).stdout, before.stdout)
  const { stdout } = await run([
    'bash',
    '-c',
    'grep -l 169.254 /proc/[0-9]*/net/fib_trie 2>/dev/null || true',
  ])
  assert.equal(stdout, '', 'no process is in the namespace of the checks')
})

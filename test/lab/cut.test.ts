/**
 * Real servers that stop answering while clients hold connections: with on_down reset these hear of it, the sorry server takes
 * the new ones, and with when_down all everybody is asked when nobody answers. One that is drained or deleted can be cut.
 */
// paired: it judges how soon a client hears of it

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Document, parseDocument } from 'yaml'
import { until } from '../../netns/processes.ts'
import { redisPid } from '../../netns/real-servers.ts'
import type { RealServerInfo } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const [A, B, SORRY] = ['192.168.168.2', '192.168.168.12', '192.168.168.13'] as const
const HELD = 24
const LIMIT = { limitMs: 30_000, everyMs: 50 }

const folder = scratchFolder()
const SERVERS = [{ address: A }, { address: B }, { address: SORRY, backup: true }]
const config = labConfig(folder, 'cut', yaml => {
  const check = { type: 'redis', interval: 0.3, timeout: 1, rise: 1, fall: 2, on_down: 'reset' }
  yaml.setIn(['services', 0, 'scheduler'], 'rr')
  yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(SERVERS))
  yaml.setIn(['services', 0, 'check'], { ...check, max_interval: 0.6 })
  yaml.set('workers', { count: 2 })
})
const lab = labForTests('cut', { config, realServers: 3 })

/** Changes what runs, as with a file. */
async function change(edit: (yaml: Document) => void): Promise<void> {
  const yaml = parseDocument(await mustTapvs(lab, 'config', 'show'))
  edit(yaml)
  const file = join(folder, 'changed.yaml')
  writeFileSync(file, yaml.toString())
  await mustTapvs(lab, 'config', 'apply', file)
}

async function servers(): Promise<Map<string, RealServerInfo>> {
  const [service] = await ask(lab.paths.socket, { verb: 'services' })
  return new Map(service?.real_servers.map(rs => [rs.address, rs]))
}

async function server(address: string): Promise<RealServerInfo> {
  const found = (await servers()).get(address)
  assert.ok(found, address)
  return found
}

/** Connections of clients that the RS itself has; its own question is one more, from another address. */
async function heldBy(address: string): Promise<number> {
  const { stdout } = await lab.rs(['redis-cli', '-h', address, 'client', 'list'])
  return stdout.split('\n').filter(line => /cmd=subscribe/.test(line)).length
}

function signal(address: string, name: NodeJS.Signals): void {
  const pid = redisPid(lab.paths, lab.arm('rs'), address)
  assert.ok(pid, `no redis-server on ${address}`)
  process.kill(pid, name)
}

const untilInhibited = (address: string, inhibited: boolean) =>
  until(`${address} to be ${inhibited ? 'out' : 'in'}`, LIMIT, async () => {
    return (await server(address)).inhibited === inhibited || undefined
  })

/** Clients that hold a connection until it breaks. => how many still do, and how the others ended */
function hold(count: number) {
  const ended: number[] = []
  const children = Array.from({ length: count }, () => {
    // Ends with the connection; redis-cli would open another one.
    const argv = ['bash', '-c', `exec 3<>/dev/tcp/${VIP}/6379; echo subscribe x >&3; cat <&3`]
    const child = lab.spawn('client', argv, { stdio: 'ignore' })
    child.on('close', code => ended.push(code ?? -1))
    return child
  })
  return { ended, stop: () => children.forEach(child => void child.kill()) }
}

async function untilHeld(count: number, ...addresses: string[]): Promise<void> {
  await until(`${count} connections`, LIMIT, async () => {
    const counts = await Promise.all(addresses.map(heldBy))
    return counts.reduce((sum, n) => sum + n, 0) === count || undefined
  })
}

test('on_down reset: whoever is at the RS that is found down hears of it, nobody else does, and it hears of it too', async t => {
  const held = hold(HELD)
  t.after(held.stop)
  await untilHeld(HELD, A, B)
  const at = { a: await heldBy(A), b: await heldBy(B) }
  assert.ok(at.a > 0 && at.b > 0)
  signal(A, 'SIGSTOP')
  try {
    await until('RSTs', LIMIT, () => held.ended.length === at.a || undefined)
    await untilInhibited(A, true)
    await until('its counters', LIMIT, async () => {
      const { active_conns: activeConns, inactive_conns: inactiveConns } = await server(A)
      return activeConns + inactiveConns === 0 || undefined
    })
    assert.equal((await server(B)).active_conns, at.b)
    const { events } = await countersOf(lab)
    assert.equal(events.rst_on_cut, at.a)
    assert.equal(events.rst_on_expiry, 0)
  } finally {
    signal(A, 'SIGCONT')
  }
  await untilHeld(0, A)
  await untilInhibited(A, false)
  assert.equal(held.ended.length, at.a, 'those of the other stand')
})

test('a sorry server takes the new ones while nobody else is up, and no longer', async () => {
  const ping = () => mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  assert.equal((await server(SORRY)).stats.conns, 0)
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), / backup$/m)
  for (const address of [A, B]) signal(address, 'SIGSTOP')
  try {
    for (const address of [A, B]) await untilInhibited(address, true)
    for (let i = 0; i < 4; i++) assert.equal(await ping(), 'PONG\n')
    assert.equal((await server(SORRY)).stats.conns, 4)
    const said =
      /has no real server that is up: new connections go to the backup 192\.168\.168\.13:6379/
    assert.match(readFileSync(lab.paths.log, 'utf8'), said)
  } finally {
    for (const address of [A, B]) signal(address, 'SIGCONT')
  }
  await untilInhibited(A, false)
  for (let i = 0; i < 4; i++) assert.equal(await ping(), 'PONG\n')
  assert.equal((await server(SORRY)).stats.conns, 4)
})

test('when_down all: nobody is left out when all fail, which is said once', async () => {
  await untilInhibited(B, false)
  await change(yaml => {
    yaml.setIn(['services', 0, 'when_down'], 'all')
    yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(SERVERS.slice(0, 2)))
  })
  const log = () => readFileSync(lab.paths.log, 'utf8')
  const begun = /is up: all of them take new connections as if none had failed/g
  for (const address of [A, B]) signal(address, 'SIGSTOP')
  try {
    await until('that it begins', LIMIT, () => begun.test(log()) || undefined)
    for (const address of [A, B]) await untilInhibited(address, false)
    const before = await servers()
    // Their kernels answer; redis does not.
    const asked = ['timeout', '1', 'redis-cli', '-h', VIP, 'ping']
    await Promise.all(Array.from({ length: 4 }, () => lab.client(asked)))
    for (const address of [A, B]) {
      const conns = (await server(address)).stats.conns - (before.get(address)?.stats.conns ?? 0)
      assert.ok(conns > 0, address)
    }
  } finally {
    for (const address of [A, B]) signal(address, 'SIGCONT')
  }
  await until('that it ends', LIMIT, () => /has a real server again\s*$/m.test(log()) || undefined)
})

test('drain --cut ends what is left, and a deleted RS is cut with on_down reset', async t => {
  for (const address of [A, B]) await untilInhibited(address, false)
  const held = hold(HELD)
  t.after(held.stop)
  await untilHeld(HELD, A, B)
  const [atA, atB] = [await heldBy(A), await heldBy(B)]
  const said = await mustTapvs(lab, 'drain', `${A}:6379`, '--cut')
  assert.match(said, /is drained: no connection is left after \d+ s\n$/)
  await until('RSTs', LIMIT, () => held.ended.length === atA || undefined)
  await untilHeld(0, A)
  assert.equal(await heldBy(B), atB)
  await mustTapvs(lab, 'ipvsadm', '-d', '-t', `${VIP}:6379`, '-r', `${B}:6379`)
  await until('RSTs', LIMIT, () => held.ended.length === HELD || undefined)
  await untilHeld(0, B)
})

test('drain --cut ends the connections of an RS that was deleted before', async t => {
  await change(yaml => {
    yaml.deleteIn(['services', 0, 'check'])
    yaml.deleteIn(['services', 0, 'when_down'])
    yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(SERVERS.slice(0, 2)))
  })
  const held = hold(HELD)
  t.after(held.stop)
  await untilHeld(HELD, A, B)
  const atA = await heldBy(A)
  await mustTapvs(lab, 'ipvsadm', '-d', '-t', `${VIP}:6379`, '-r', `${A}:6379`)
  assert.equal(await heldBy(A), atA, 'they live on')
  assert.match(await mustTapvs(lab, 'drain', `${A}:6379`, '--cut'), /has no connection left\n$/)
  await until('RSTs', LIMIT, () => held.ended.length === atA || undefined)
  await untilHeld(0, A)
  const { code, stderr } = await lab.tapvs(['drain', '192.168.168.99:1', '--cut'])
  assert.equal(code, 1)
  assert.match(stderr, /no real server 192\.168\.168\.99:1 in any service, nor one that was there/)
})

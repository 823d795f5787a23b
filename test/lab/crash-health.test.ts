/** kill -9 of the daemon while a real server is down: the next daemon gives it no connection until it is seen to be good. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { daemonPid, logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { raiseRedis, redisPid } from '../../netns/real-servers.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { beside } from '../kit/beside.ts'
import { labConfig, labForTests, scratchFolder } from '../kit/lab.ts'
import type { Load } from '../kit/redis-load.ts'

const [STAYS, DIES] = ['192.168.168.2', '192.168.168.12'] as const
const SETTLED_MS = 3000
const folder = scratchFolder()
const config = labConfig(folder, 'crash-health', yaml => {
  const servers = [STAYS, DIES].map(address => ({ address, weight: 1 }))
  yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(servers))
  // So seldom that connections would meet it before its first check.
  yaml.setIn(['services', 0, 'check'], { type: 'redis', interval: 2, timeout: 1, rise: 1, fall: 1 })
})
const lab = labForTests('crash-health', { config, realServers: 2 })

async function dying() {
  const [service] = await ask(lab.paths.socket, { verb: 'services' })
  const rs = service?.real_servers.find(({ address }) => address === DIES)
  assert.ok(rs)
  return rs
}

const untilInhibited = (inhibited: boolean) =>
  until(`${DIES} to be ${inhibited ? 'out' : 'in'}`, { limitMs: 8000, everyMs: 50 }, async () => {
    const one = await dying().catch(() => undefined)
    return one?.inhibited === inhibited || undefined
  })

test('who was down is down for the next daemon too, and comes back when it is good', async t => {
  const pid = redisPid(lab.paths, lab.arm('rs'), DIES)
  assert.ok(pid)
  process.kill(pid, 'SIGKILL')
  await untilInhibited(true)
  const load = beside<Load>(t, lab, 'redis-load', 50)
  // What packet threads start with is written again by then (control/keep.ts).
  await sleep(SETTLED_MS)
  const before = daemonPid(lab.paths)
  assert.ok(before)
  const said = Buffer.byteLength(logSince(lab.paths, 0))
  process.kill(before, 'SIGKILL')
  await until('the next daemon', { limitMs: 20_000, everyMs: 20 }, () =>
    /TAPVS: ready/.test(logSince(lab.paths, said)) ? true : undefined,
  )
  assert.equal((await dying()).inhibited, true)
  await sleep(1500)
  const { answered, failures } = await load.end()
  t.diagnostic(`${answered} answered, ${failures.length} not`)
  assert.deepEqual(
    failures.filter(({ why }) => !/no answer/.test(why)),
    [],
  )
  assert.equal((await dying()).stats.conns, 0)
  assert.notEqual(daemonPid(lab.paths), before)
  await raiseRedis(lab.paths, lab.arm('rs'), DIES)
  await untilInhibited(false)
})

/** The running config is changed under load: what is asked for is done, and no connection notices. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Edit, ServiceKey } from '../../src/api/edits.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import {
  countersOf,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  RIP,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

const SERVICE: ServiceKey = { protocol: 'tcp', address: VIP, port: 6379 }
const SECOND = { address: '192.168.168.12', port: 6379 }
const config = labConfig(scratchFolder(), 'reload', yaml => {
  const servers = [RIP, SECOND.address].map(address => ({ address, weight: 100 }))
  yaml.setIn(['services', 0, 'real_servers'], yaml.createNode(servers))
  // Whose end is waited for, twice.
  yaml.setIn(['tcp', 'timeouts'], { time_wait: 3 })
})
const lab = labForTests('reload', { config, realServers: 2 })
const { socket } = lab.paths
const OTHER_LIP = '192.168.168.8'
const OTHER: ServiceKey = { protocol: 'tcp', address: VIP, port: 6380 }

const edit = (...edits: Edit[]) => ask(socket, { verb: 'edit', edits })

async function serviceOf(port = 6379) {
  const all = await ask(socket, { verb: 'services' })
  const service = all.find(other => other.port === port)
  assert.ok(service, `no service on port ${port}`)
  return service
}

/** One change of each kind, and back again. */
const ROUND: Edit[][] = [
  [{ edit: 'delete-server', service: SERVICE, server: SECOND }],
  [{ edit: 'add-server', service: SERVICE, server: SECOND, weight: 100 }],
  [{ edit: 'edit-server', service: SERVICE, server: SECOND, weight: 0 }],
  [{ edit: 'edit-server', service: SERVICE, server: SECOND, weight: 50, upper_threshold: 5000 }],
  [{ edit: 'add-lip', service: SERVICE, address: OTHER_LIP, arm: 'int0' }],
  [{ edit: 'delete-lip', service: SERVICE, address: LIP, arm: 'int0' }],
  [{ edit: 'add-lip', service: SERVICE, address: LIP, arm: 'int0' }],
  [{ edit: 'delete-lip', service: SERVICE, address: OTHER_LIP, arm: 'int0' }],
  [
    { edit: 'add-service', service: OTHER },
    { edit: 'add-lip', service: OTHER, address: LIP, arm: 'int0' },
    { edit: 'add-server', service: OTHER, server: { address: RIP, port: 6379 } },
  ],
  [{ edit: 'edit-service', service: SERVICE, scheduler: 'rr', conn_timeout: 60 }],
  [{ edit: 'edit-service', service: SERVICE, scheduler: 'wrr' }],
  [{ edit: 'delete-service', service: OTHER }],
  [{ edit: 'add-route', arm: 'int0', to: '10.9.0.0/16' }],
  [{ edit: 'delete-route', arm: 'int0', to: '10.9.0.0/16' }],
  [{ edit: 'set-timeouts', established: 120, fin_wait: 0 }],
  [{ edit: 'set-timeouts', established: 90, fin_wait: 0 }],
]

const REQUESTS = isLong ? '400000' : '150000'

test('200 live connections under load do not notice any change', async () => {
  const load = mustClient(lab, [
    ...['redis-benchmark', '-h', VIP, '-c', '200', '-n', REQUESTS, '-t', 'get', '-q'],
  ])
  let running = true
  void load.finally(() => {
    running = false
  })
  await sleep(300)
  let rounds = 0
  while (running || rounds === 0) {
    for (const edits of ROUND) {
      await edit(...edits)
      await sleep(10)
    }
    // The file has neither the weights nor the thresholds of the round.
    const { steps } = await ask(socket, { verb: 'reload' })
    assert.ok(steps.length > 0)
    rounds++
  }
  await load
  assert.ok(rounds >= 2, `${rounds} rounds`)
  const { drops, events } = await countersOf(lab)
  const lost = Object.entries(drops).filter(([name, count]) => name.startsWith('tcp') && count > 0)
  assert.deepEqual(lost, [])
  assert.equal(events.rst_on_expiry, 0)
})

test('what is asked for is what there is', async () => {
  const limit: Edit = { edit: 'edit-server', service: SERVICE, server: SECOND, weight: 50 }
  await edit({ ...limit, upper_threshold: 5000 })
  const plan = await edit({ edit: 'edit-server', service: SERVICE, server: SECOND, weight: 7 })
  assert.deepEqual(plan.steps, [
    `~ RS ${SECOND.address}:6379 of TCP ${VIP}:6379 weight 50 thresholds 0 5000 => weight 7 thresholds 0 5000`,
  ])
  const weights = (await serviceOf()).real_servers.map(({ weight }) => weight)
  assert.deepEqual(weights, [100, 7])
  // Weight 0 drains: every new connection goes to the other.
  await edit({ edit: 'edit-server', service: SERVICE, server: { address: RIP }, weight: 0 })
  await ask(socket, { verb: 'zero' })
  for (let i = 0; i < 5; i++) await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  const conns = (await serviceOf()).real_servers.map(({ stats }) => stats.conns)
  assert.deepEqual(conns, [0, 5])
})

test('a service comes, is served from its own LIP, and goes', async () => {
  await edit(
    { edit: 'add-service', service: OTHER, scheduler: 'rr' },
    { edit: 'add-lip', service: OTHER, address: OTHER_LIP, arm: 'int0' },
    { edit: 'add-server', service: OTHER, server: { address: RIP, port: 6379 } },
  )
  const ping = ['redis-cli', '-h', VIP, '-p', '6380', 'ping']
  assert.equal(await mustClient(lab, ping), 'PONG\n')
  const { conns } = await ask(socket, { verb: 'conns', from: 0, limit: 1000 })
  const seen = conns.filter(({ vip }) => vip === `${VIP}:6380`).map(({ lip }) => lip.split(':')[0])
  assert.deepEqual(seen, [OTHER_LIP])
  await edit({ edit: 'delete-service', service: OTHER })
  const after = await lab.client(['timeout', '1', ...ping], { timeoutMs: 5000 })
  assert.notEqual(after.code, 0)
  assert.ok((await countersOf(lab)).drops.tcp_no_service > 0)
})

test('a mistake, or what only a restart brings, changes nothing', async () => {
  const before = await ask(socket, { verb: 'config' })
  await assert.rejects(
    edit(
      { edit: 'edit-server', service: SERVICE, server: SECOND, weight: 1 },
      { edit: 'delete-server', service: SERVICE, server: { address: '192.168.168.99' } },
    ),
    /no real server 192\.168\.168\.99:6379 in TCP 202\.108\.10\.1:6379/,
  )
  await assert.rejects(
    edit({ edit: 'add-server', service: SERVICE, server: { address: '8.8.8.8' } }),
    /services\[0\]\.real_servers\[2\]\.address: expected an address that a route of some arm leads to/,
  )
  const wish = { ...before, workers: { count: 2 } }
  const plan = await ask(socket, { verb: 'apply', config: wish })
  assert.deepEqual(plan.restart, ['workers.count'])
  assert.deepEqual(await ask(socket, { verb: 'config' }), before)
})

test('an RS that is full gets no more, and again when it is not', async () => {
  await edit(
    {
      edit: 'edit-server',
      service: SERVICE,
      server: { address: RIP },
      weight: 1,
      upper_threshold: 0,
    },
    { edit: 'edit-server', service: SERVICE, server: SECOND, weight: 100, upper_threshold: 2 },
  )
  await untilNoConns(lab)
  await ask(socket, { verb: 'zero' })
  for (let i = 0; i < 6; i++) await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  // Closed connections count until they have expired.
  const full = (await serviceOf()).real_servers.map(({ stats }) => stats.conns)
  assert.deepEqual(full, [4, 2])
  await untilNoConns(lab)
  await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  const after = (await serviceOf()).real_servers.map(({ stats }) => stats.conns)
  assert.deepEqual(after, [4, 3])
})

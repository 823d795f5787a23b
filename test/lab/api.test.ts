/** The real daemon by its API, on both listeners: what is asked for carries traffic, and events tell of it. */

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { stopDaemon } from '../../netns/appliance.ts'
import { Lab } from '../../netns/two-arm.ts'
import * as answers from '../../src/api/answers.ts'
import * as statistics from '../../src/api/statistics.ts'
import { exchange } from '../../src/client/exchange.ts'
import { type DaemonEvent, TapvsClient, type TapvsError } from '../../src/client/index.ts'
import {
  freePort,
  LIP,
  labConfig,
  labName,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const lab = new Lab(labName('api'), 'tap')
const folder = scratchFolder()
const token = 'only-for-this-test'
const SERVICE = { address: VIP, port: 6380 }
let url = ''
let byTcp: TapvsClient
const bySocket = new TapvsClient({ socket: lab.paths.socket })

before(async () => {
  const port = await freePort()
  url = `http://127.0.0.1:${port}`
  byTcp = new TapvsClient({ url, token })
  writeFileSync(join(folder, 'token'), `${token}\n`)
  const http = { port, token_file: join(folder, 'token') }
  await lab.up({ config: labConfig(folder, 'http', yaml => yaml.setIn(['control', 'http'], http)) })
})
after(async () => {
  byTcp.close()
  bySocket.close()
  await lab.down()
})

/** Events until one that `is`. */
async function eventsUntil(
  stream: AsyncIterable<unknown>,
  is: (event: DaemonEvent) => boolean,
): Promise<DaemonEvent[]> {
  const seen: DaemonEvent[] = []
  for await (const event of stream as AsyncIterable<DaemonEvent>) {
    seen.push(event)
    if (is(event)) break
  }
  return seen
}

test('both listeners answer, TCP only to who has the token', async () => {
  const [a, b] = await Promise.all([bySocket.ping(), byTcp.ping()])
  assert.deepEqual(a, b)
  const stranger = new TapvsClient({ url, token: 'wrong' })
  await assert.rejects(stranger.ping(), { status: 401 } satisfies Partial<TapvsError>)
  stranger.close()
})

test('a service that the API adds carries traffic, and the stream says what changed', async () => {
  const stream = byTcp.events()
  const seen = eventsUntil(stream, ({ event }) => event === 'log')
  await new Promise(done => setTimeout(done, 200))
  const plan = await byTcp.addService({
    ...SERVICE,
    scheduler: 'rr',
    local_addresses: [{ address: LIP, arm: 'int0' }],
    real_servers: [{ address: RIP, port: 6379 }],
  })
  assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, '-p', '6380', 'ping']), 'PONG\n')
  const { real_servers: servers } = await bySocket.service(SERVICE)
  assert.equal(servers[0]?.stats.conns, 1)
  await bySocket.setLogLevel('warn')
  const events = await seen
  assert.deepEqual(
    events.map(({ event }) => event),
    ['config', 'log'],
  )
  assert.deepEqual(events[0]?.data, { steps: plan.steps, warnings: plan.warnings })
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln', '-c'), /202\.108\.10\.1:6380/)
})

test('what the daemon answers is what the schemas say', async () => {
  const strict = <T extends { parse(value: unknown): unknown }>(schema: T, value: unknown) =>
    assert.deepEqual(schema.parse(value), value)
  for (const service of await bySocket.services()) strict(answers.service, service)
  for (const address of await bySocket.addresses()) strict(answers.addressInfo, address)
  for (const route of await bySocket.routes()) strict(answers.route, route)
  for (const neighbour of await bySocket.neighbours()) strict(answers.neighbour, neighbour)
  strict(answers.connPage, await bySocket.connPage())
  strict(statistics.counters, await bySocket.counters())
  strict(statistics.numbers, await bySocket.numbers())
  strict(answers.timeouts, await bySocket.timeouts())
})

test('a health checker of dpvs-agent takes the only real server out, and in again', async () => {
  const agent = async (method: string, path: string, body?: object) => {
    const options = { method, path: `/v2/vs${path}`, body: body && JSON.stringify(body) }
    const { status, text } = await exchange({ url, token }, options, 5000)
    return { status, body: JSON.parse(text) }
  }
  const name = `/${VIP}-6380-tcp`
  const { Version } = (await agent('GET', `${name}?healthcheck=true`)).body.Items[0]
  const health = (inhibited: boolean) =>
    agent('PUT', `${name}/rs/health?version=${Version}`, {
      Items: [{ ip: RIP, port: 6379, weight: inhibited ? 0 : 1, inhibited }],
    })
  const ping = ['timeout', '1', 'redis-cli', '-h', VIP, '-p', '6380', 'ping']
  assert.equal((await health(true)).status, 200)
  assert.notEqual((await lab.client(ping, { timeoutMs: 5000 })).stdout, 'PONG\n')
  assert.equal((await health(false)).status, 200)
  assert.equal(await mustClient(lab, ping), 'PONG\n')
  assert.equal((await agent('DELETE', name)).status, 200)
})

test('an arm that goes and comes back, and the end of the daemon, are events', async () => {
  const down = { arm: 'ext0', up: false, admin: 'down', link: 'down', orphaned: false }
  const armIs = (state: string) => (event: DaemonEvent) =>
    event.event === 'arm' && event.data.admin === state
  const seen = eventsUntil(bySocket.events(), armIs('down'))
  await new Promise(done => setTimeout(done, 200))
  await lab.client(['ip', 'link', 'del', 'ext0'])
  // The daemon has made it anew, and a new device is down.
  assert.deepEqual(
    (await seen).map(({ data }) => data),
    [{ ...down, admin: 'gone' }, down],
  )
  const isUp = eventsUntil(bySocket.events(), armIs('up'))
  await new Promise(done => setTimeout(done, 200))
  await lab.client(['ip', 'link', 'set', 'ext0', 'up'])
  assert.deepEqual(
    (await isUp).map(({ data }) => data),
    [{ ...down, up: true, admin: 'up', link: 'up' }],
  )
  const last = eventsUntil(bySocket.events(), () => false)
  await new Promise(done => setTimeout(done, 200))
  await stopDaemon(lab.paths)
  assert.deepEqual(
    (await last).map(({ event }) => event),
    ['stopping'],
  )
})

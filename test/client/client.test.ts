import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { mustRun, run } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import { LINK_UP } from '../../src/api/link-state.ts'
import { type DaemonEvent, TapvsClient, TapvsError, type Target } from '../../src/client/index.ts'
import { readCapture } from '../../src/see/capture/pcap.ts'
import { serve, socketPath, TOKEN } from '../kit/api.ts'
import { CONFIG, modelControl } from '../kit/control.ts'
import { shown, watched } from '../kit/watched.ts'

function connected(t: TestContext, target: Target): TapvsClient {
  const client = new TapvsClient(target)
  t.after(() => client.close())
  return client
}

const VIP = { address: '202.108.10.1', port: 6379 }
const RS = { address: '192.168.168.2', port: 6379 }

for (const listener of ['the socket', 'TCP']) {
  test(`a service is set up, changed and taken away by ${listener}`, async t => {
    const { path, port } = await serve(t, modelControl().respond)
    const byTcp = { url: `http://127.0.0.1:${port}/`, token: TOKEN }
    const tapvs = connected(t, listener === 'TCP' ? byTcp : { socket: path })
    const lip = { address: '192.168.168.7', arm: 'int0' }
    const service = { ...VIP, scheduler: 'rr' as const, local_addresses: [lip] }
    const dry = await tapvs.addService(service, { dryRun: true })
    assert.deepEqual(await tapvs.services(), [])
    assert.deepEqual(await tapvs.addService(service), dry)
    await tapvs.addServer(VIP, { ...RS, weight: 3 })
    await tapvs.editServer(VIP, RS, { upper_threshold: 10 })
    await tapvs.editService(VIP, { when_down: 'reject' })
    const found = await tapvs.service(VIP)
    assert.deepEqual(
      [found.scheduler, found.when_down, found.local_addresses.map(({ address }) => address)],
      ['wrr', 'reject', [lip.address]],
    )
    assert.deepEqual(
      found.real_servers.map(({ weight, upper_threshold }) => [weight, upper_threshold]),
      [[3, 10]],
    )
    const plan = await tapvs.deleteServer(VIP, RS)
    assert.deepEqual(plan.steps, [`- RS ${RS.address}:${RS.port} of TCP 202.108.10.1:6379`])
    await tapvs.deleteLip(VIP, lip)
    await tapvs.deleteService(VIP)
    assert.deepEqual(await tapvs.clearServices(), {
      steps: [],
      restart: [],
      warnings: [],
      new_warnings: [],
    })
  })
}

test('the network, the timeouts, the log level and the config', async t => {
  const { path } = await serve(t, modelControl().respond)
  const tapvs = connected(t, { socket: path })
  const address = { arm: 'ext0', address: '202.108.10.9' }
  const route = { arm: 'ext0', to: '10.0.0.0/8', via: '202.108.10.9' }
  const neighbour = { arm: 'int0', address: '192.168.168.5', mac: '02:00:00:00:00:05' }
  await tapvs.addAddress(address)
  await tapvs.addRoute(route)
  await tapvs.addNeighbour(neighbour)
  await tapvs.setTimeouts({ established: 33 })
  assert.ok((await tapvs.addresses()).some(({ address: is }) => is === '202.108.10.9'))
  assert.equal((await tapvs.routes()).at(-1)?.via, '202.108.10.9')
  assert.equal((await tapvs.timeouts()).established, 33)
  const [ext] = (await tapvs.config()).arms as { neighbours: unknown[]; routes: unknown[] }[]
  assert.equal(ext?.routes.length, 2)
  await tapvs.deleteRoute(route)
  await tapvs.deleteNeighbour({ arm: 'int0', address: neighbour.address })
  await tapvs.deleteAddress(address)
  await tapvs.edit([{ edit: 'set-timeouts', established: 0, fin_wait: 5 }], { dryRun: true })
  await tapvs.applyConfig(CONFIG)
  assert.deepEqual(await tapvs.reloadConfig(), {
    steps: [],
    restart: [],
    warnings: [],
    new_warnings: [],
  })
  await tapvs.zero()
  assert.equal(await tapvs.setLogLevel('debug'), 'debug')
  assert.equal(await tapvs.logLevel(), 'debug')
  assert.equal((await tapvs.recorder()).ring, false)
  assert.equal((await tapvs.setRecorder(true)).ring, true)
  assert.equal((await tapvs.ping()).workers, 1)
  assert.equal((await tapvs.neighbours()).length, 1)
  assert.equal((await tapvs.counters()).arms.length, 2)
  assert.equal((await tapvs.openapi()).openapi, '3.1.0')
  assert.equal((await tapvs.numbers()).workers.length, 1)
  assert.deepEqual(
    (await tapvs.edges()).map(({ from, to, count }) => [from, to, count]),
    [['NONE', 'SYN_RECV', 1]],
  )
  assert.deepEqual(
    (await tapvs.drops()).map(({ reason, last }) => [reason, last[0]?.arm, last[0]?.length]),
    [['eth_type', 'ext0', 24]],
  )
  assert.deepEqual(await tapvs.drops('ip_ttl'), [{ reason: 'ip_ttl', count: 0, last: [] }])
  assert.match(await tapvs.metrics(), /^tapvs_workers 1$/m)
  let conns = 0
  for await (const conn of tapvs.conns()) if (conn.worker === 5) conns++
  assert.equal(conns, 2500)
})

test('failures have a status, their line, and the mistakes of a config', async t => {
  const { path, port } = await serve(t, modelControl().respond)
  const tapvs = connected(t, { socket: path })
  const failure = (work: Promise<unknown>): Promise<TapvsError> =>
    work.then(
      () => assert.fail('it succeeded'),
      error => error,
    )
  const missing = await failure(tapvs.deleteService(VIP))
  assert.ok((missing as Error) instanceof TapvsError)
  assert.deepEqual([missing.status, missing.message], [404, 'no service TCP 202.108.10.1:6379'])
  const wrong = await failure(tapvs.checkConfig({ arms: [{ name: 'a', mtu: 1 }], servises: [] }))
  assert.equal(wrong.status, 422)
  assert.match(wrong.problems.join('\n'), /mtu: expected a whole number 576-9000, found 1/)
  assert.match(wrong.problems.join('\n'), /servises/)
  const stranger = connected(t, { url: `http://127.0.0.1:${port}`, token: 'not the token' })
  assert.equal((await failure(stranger.ping())).status, 401)
  const nobody = connected(t, { socket: '/nowhere/tapvs.sock' })
  assert.equal(((await failure(nobody.ping())) as NodeJS.ErrnoException).code, 'ENOENT')
})

test('what cannot be read gets no second answer, a read whose connection broke does', async t => {
  const path = socketPath(t).replace('/run/', '/')
  const requests: string[] = []
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.on('data', chunk => {
      const [line = ''] = chunk.toString().split('\r\n')
      requests.push(line)
      // The first request of each kind meets a connection that breaks.
      if (requests.filter(other => other === line).length === 1) socket.destroy()
      else socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
    })
  })
  server.listen(path)
  await once(server, 'listening')
  t.after(() => server.close())
  const tapvs = connected(t, { socket: path })
  assert.deepEqual(await tapvs.ping(), {})
  await assert.rejects(tapvs.reloadConfig(), { code: 'ECONNRESET' })
  assert.deepEqual(requests, [
    'GET /v1/ping HTTP/1.1',
    'GET /v1/ping HTTP/1.1',
    'POST /v1/config/reload HTTP/1.1',
  ])
})

test('a daemon that was started anew is found again', async t => {
  const first = await serve(t, modelControl().respond)
  const tapvs = connected(t, { socket: first.path })
  await tapvs.ping()
  await first.server.close()
  await assert.rejects(tapvs.ping(), { code: 'ENOENT' })
  await first.again()
  assert.equal((await tapvs.ping()).workers, 1)
})

test('a program of its own uses tapvs/client, with its types', async t => {
  await mustRun(['node', join(CHECKOUT, 'scripts/bundle.mjs'), 'client'])
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-client-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true })
  symlinkSync(CHECKOUT, join(folder, 'node_modules/tapvs'))
  symlinkSync(join(CHECKOUT, 'node_modules/@types/node'), join(folder, 'node_modules/@types/node'))
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const options = {
    module: 'nodenext',
    target: 'es2023',
    strict: true,
    types: ['node'],
    exactOptionalPropertyTypes: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }))
  writeFileSync(
    join(folder, 'use.ts'),
    `import { type Service, TapvsClient } from 'tapvs/client'
const tapvs = new TapvsClient({ socket: process.argv[2] as string })
const services: Service[] = await tapvs.services()
const weights: number[] = services.flatMap(({ real_servers }) => real_servers.map(rs => rs.weight))
// @ts-expect-error: there is no such scheduler
const wrong = () => tapvs.addService({ address: '1.2.3.4', port: 80, scheduler: 'lblc' })
const plan = await tapvs.addService({ address: '202.108.10.2', port: 80 }, { dryRun: true })
console.log(weights.length, typeof wrong, plan.steps.length)
tapvs.close()
`,
  )
  const tsc = await run([join(CHECKOUT, 'node_modules/.bin/tsc'), '-p', folder])
  assert.equal(`${tsc.code} ${tsc.stdout}`, '0 ')
  const { path } = await serve(t, modelControl().respond)
  const program = await run(['node', join(folder, 'use.js'), path])
  assert.equal(`${program.code} ${program.stdout}${program.stderr}`, '0 0 function 1\n')
})

const ARM_DOWN = { arm: 'ext0', ...LINK_UP, up: false, admin: 'down', link: 'down' } as const

test('events by TCP', async t => {
  const { port, events } = await serve(t, modelControl().respond)
  const tapvs = connected(t, { url: `http://127.0.0.1:${port}`, token: TOKEN })
  const timer = setInterval(() => events.emit('arm', ARM_DOWN), 5)
  t.after(() => clearInterval(timer))
  for await (const event of tapvs.events()) {
    assert.deepEqual((event as DaemonEvent).data, ARM_DOWN)
    break
  }
})

test('packets, as moments and as a file, of the past and as they come', async t => {
  const { path, port, stand } = await watched(t)
  const syn = (port: number) =>
    `202.108.10.2.${port} > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0`
  for (const port of [4000, 4001]) stand.segment('dpdk0', syn(port))
  shown(stand)
  for (const target of [{ socket: path }, { url: `http://127.0.0.1:${port}`, token: TOKEN }]) {
    const tapvs = connected(t, target)
    const past = await all(tapvs.moments({ filter: 'client 202.108.10.2:4001' }))
    assert.deepEqual(
      past.map(({ kind }) => kind),
      ['in', 'out'],
    )
    assert.ok(past.every(moment => 'bytes' in moment && moment.bytes instanceof Uint8Array))
    const file = Buffer.concat(await all(tapvs.capture({ past: true, follow: false })))
    assert.equal(readCapture(file).packets.length, 4)
    const stop = new AbortController()
    for await (const moment of tapvs.moments({ follow: true, signal: stop.signal })) {
      assert.equal(moment.kind, 'in')
      stop.abort()
    }
    // Whoever has enough ends it.
    for await (const bytes of tapvs.capture({ past: true })) {
      assert.ok(bytes.length > 0)
      break
    }
    await assert.rejects(all(tapvs.moments({ filter: 'prot 80' })), { status: 400 })
    // A stand has no packet threads to make an image of.
    await assert.rejects(all(tapvs.journal({ seconds: 0 })), { status: 503 })
  }
})

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const one of stream) list.push(one)
  return list
}

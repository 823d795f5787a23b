import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import type { Verbs } from '../../src/api/commands.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { startTapless } from '../kit/tapless-daemon.ts'

test('ready, asked, told its level, and stopped', async t => {
  const daemon = await startTapless(t, 'works', /ready.*\n/)
  const { socket } = daemon
  const lines = daemon.stderr().split('\n')
  assert.deepEqual(lines.slice(0, 2), [
    `TAPVS: ${daemon.config}:2:23 services[0].address: 10.0.0.5 is no address of any arm: nobody answers ARP for it`,
    `TAPVS: ready, 1 worker, arms works; services TCP 10.0.0.5:80 wrr; socket ${socket}`,
  ])
  assert.equal((await ask(socket, { verb: 'services' }))[0]?.address, '10.0.0.5')
  const { pid, workers } = await ask(socket, { verb: 'ping' })
  assert.deepEqual([pid, workers], [daemon.process.pid, 1])
  assert.deepEqual(await ask(socket, { verb: 'log' }), { level: 'info' })
  assert.deepEqual(await ask(socket, { verb: 'set-log', level: 'debug' }), { level: 'debug' })
  await daemon.said(/^SAPOOL: sa_pool_fetch: 127\.0\.0\.1:0 fetched!\n/m)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  assert.equal(existsSync(socket), false)
})

test('debug from the config, with time stamps', async t => {
  const daemon = await startTapless(
    t,
    'works',
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d) SAPOOL: /m,
    'log: { level: debug, timestamps: true }\n',
  )
  daemon.process.kill('SIGINT')
  assert.equal(await daemon.exitCode, 0)
})

test('lost records are reported in a line, with their number', async t => {
  const log = 'log: { level: debug, rate: { debug: 0 } }\n'
  const daemon = await startTapless(t, 'chatters', /TRACE: .*\n/, log)
  const [, lost] = await daemon.said(/^TRACE: (\d+) records lost\n/m)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  const logged = daemon.stderr().match(/^SAPOOL/gm)?.length
  assert.equal(Number(lost) + (logged ?? 0), 100_000)
})

test('lines beyond the rate are held back, with their number and kind', async t => {
  const log = 'log: { level: debug, rate: { debug: 100 } }\n'
  const daemon = await startTapless(t, 'chatters', /LOG: .*\n/, log)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  const sum = (pattern: RegExp) =>
    [...daemon.stderr().matchAll(pattern)].reduce((total, [, count]) => total + Number(count), 0)
  const logged = daemon.stderr().match(/^SAPOOL/gm)?.length ?? 0
  const held = sum(/^LOG: \d+ lines held back: (\d+) lport_fetched$/gm)
  assert.equal(sum(/^TRACE: (\d+) records lost$/gm) + held + logged, 100_000)
  assert.ok(logged >= 100 && logged <= 1000, `${logged} lines`)
})

test('a module has its own level, until all are given one', async t => {
  const daemon = await startTapless(t, 'works', /ready/, 'log: { modules: { neigh: warn } }\n')
  const { socket } = daemon
  const level = async (args: Partial<Verbs['set-log']['args']>) =>
    args.level
      ? ask(socket, { verb: 'set-log', ...args, level: args.level })
      : ask(socket, { verb: 'log' })
  assert.deepEqual(await level({}), { level: 'info', modules: { neigh: 'warn' } })
  // A record comes, and nobody wants it.
  await level({ level: 'debug', module: 'conn' })
  await sleep(300)
  const answer = await level({ level: 'debug', module: 'sa_pool' })
  assert.deepEqual(answer.modules, { neigh: 'warn', conn: 'debug', sa_pool: 'debug' })
  await daemon.said(/^SAPOOL: .*\n/m)
  assert.deepEqual(await level({ level: 'info' }), { level: 'info' })
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  assert.equal(daemon.stderr().match(/^SAPOOL/gm)?.length, 1)
})

test('SIGHUP: the levels of the file, and its log opened anew', async t => {
  const log = join(mkdtempSync(join(tmpdir(), 'tapvs-log-')), 'a.log')
  t.after(() => rmSync(dirname(log), { recursive: true, force: true }))
  const daemon = await startTapless(t, 'works', /ready/, `log: { file: { path: ${log} } }\n`)
  const { socket, config } = daemon
  renameSync(log, `${log}.old`)
  const text = readFileSync(config, 'utf8')
  writeFileSync(config, text.replace('log: {', 'log: { modules: { check: error },'))
  daemon.process.kill('SIGHUP')
  await daemon.said(/config applied/)
  assert.deepEqual(await ask(socket, { verb: 'log' }), {
    level: 'info',
    modules: { check: 'error' },
  })
  // The rest would be half a change.
  writeFileSync(config, text.replace('log: {', 'log: { format: json,'))
  daemon.process.kill('SIGHUP')
  await daemon.said(/^TAPVS: not reloaded: log\.format needs a restart$/m)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  assert.match(readFileSync(`${log}.old`, 'utf8'), /^\S+(?:Z|[+-]\d\d:\d\d) TAPVS: ready/m)
  assert.match(readFileSync(log, 'utf8'), /^\S+(?:Z|[+-]\d\d:\d\d) TAPVS: config applied/m)
})

test('as JSON', async t => {
  const config = 'log: { level: debug, format: json }\n'
  const daemon = await startTapless(t, 'works', /lport_fetched.*\n/, config)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  const objects = daemon
    .stderr()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.deepEqual(Object.keys(objects[1]), ['level', 'time', 'module', 'event', 'msg'])
  const [record] = objects.filter(({ event }) => event === 'lport_fetched')
  assert.match(record.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
  assert.deepEqual(
    { ...record, time: '' },
    {
      level: 'debug',
      time: '',
      module: 'sa_pool',
      worker: 1,
      event: 'lport_fetched',
      fields: { lip: '127.0.0.1:0', tried: 0, free: 0 },
      msg: 'SAPOOL: sa_pool_fetch: 127.0.0.1:0 fetched!',
    },
  )
})

for (const [role, words] of [
  ['busy', 'TUNSETIFF busy: Device or resource busy'],
  ['fails', 'out of memory'],
] as const) {
  test(`what cannot start is said in a line: ${words}`, async t => {
    const daemon = await startTapless(t, role, /\n.*\n/)
    assert.equal(await daemon.exitCode, 1)
    assert.equal(daemon.stderr().split('\n')[1], `TAPVS: ${words}`)
    assert.equal(daemon.stderr().split('\n').length, 3)
    assert.equal(existsSync(daemon.socket), false)
  })
}

test('three workers: their tables one after the other, and a device lost by one is lost and taken back by all', async t => {
  const daemon = await startTapless(
    t,
    'loses',
    /arm loses is back/,
    'workers: { count: 3 }\nlog: { level: debug }\n',
  )
  assert.match(daemon.stderr(), /arm loses is gone\n(.*\n)*TAPVS: ready, 3 workers, arms loses;/)
  // Each gets the queue of its number, once the device can be opened again; the first try fails.
  for (const fd of [300, 301, 302]) await daemon.said(new RegExp(`0\\.0\\.1:${fd} fetched`))
  const rows: { worker: number; client: string }[] = []
  for (let from = 0; from >= 0; ) {
    const page = await ask(daemon.socket, { verb: 'conns', from, limit: 1 })
    rows.push(...page.conns.map(({ worker, client }) => ({ worker, client })))
    from = page.next
  }
  const expected = [1, 2, 3].flatMap(worker =>
    ['0.0.0.0:0', '0.0.0.7:0'].map(client => ({ worker, client })),
  )
  assert.deepEqual(rows, expected)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('without steering it is said who reads', async t => {
  const daemon = await startTapless(t, 'unsteered', /ready/, 'workers: { count: 2 }\n')
  assert.equal(
    daemon.stderr().split('\n')[1],
    'TAPVS: BPF_PROG_LOAD: Operation not permitted; so worker 1 reads arm unsteered and hands over',
  )
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('a packet thread that dies is started again, and one that dies again and again takes the daemon with it', async t => {
  const daemon = await startTapless(t, 'dies', /ready/)
  const asked = () => ask(daemon.socket, { verb: 'neighbours' })
  // What it was asked it is asked once more, for it may be what ends it.
  for (let i = 0; i < 2; i++) await assert.rejects(asked(), /the packet thread has ended twice/)
  await daemon.said(/^TAPVS: worker 1 has ended: Error: a bug; it is started again on its memory$/m)
  const again = /^TAPVS: worker 1 runs again: 0 connections taken over, in \d+ ms$/gm
  await until('four restarts', { limitMs: 20_000 }, () =>
    daemon.stderr().match(again)?.length === 4 ? true : undefined,
  )
  assert.equal((await ask(daemon.socket, { verb: 'services' })).length, 1)
  // Five in a minute are too many.
  await assert.rejects(asked())
  assert.equal(await daemon.exitCode, 1)
  assert.match(
    daemon.stderr(),
    /^TAPVS: a packet thread ended: Error: a bug$(.*\n)*.*5 restarts in 60 s were of no use/m,
  )
  assert.equal(existsSync(daemon.socket), false)
})

test('a packet thread that does not stop is ended', async t => {
  const daemon = await startTapless(t, 'hangs', /ready/)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('a second daemon is refused before it touches anything', async t => {
  const daemon = await startTapless(t, 'works', /ready/)
  const second = spawn(join(CHECKOUT, 'bin/tapvs'), ['run', '--config', daemon.config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let text = ''
  second.stderr.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  assert.equal(await new Promise(done => second.on('close', done)), 1)
  assert.match(text, /^TAPVS: another daemon answers at .*; stop it or set control\.socket$/m)
  assert.equal((await ask(daemon.socket, { verb: 'services' })).length, 1)
})

/** What a service manager hears, on a real socket. */

import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Notifier } from '../../../src/control/system/notify.ts'
import { notify } from '../../../src/io/native.ts'
import { serviceManager } from '../../kit/notify-socket.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'tapvs-notify-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const unexpected = (text: string) => assert.fail(text)

for (const kind of ['a file', 'an abstract name']) {
  test(`a life, told to a socket with ${kind}`, async t => {
    const path = kind === 'a file' ? join(folder(t), 'notify') : `@tapvs-test-${process.pid}`
    const manager = await serviceManager(t, path)
    const notifier = new Notifier({ NOTIFY_SOCKET: path }, unexpected)
    notifier.ready('two\nlines')
    notifier.reloading()
    notifier.ready('again')
    notifier.stopping('going', 12)
    notifier.status('3 left')
    await manager.hears(/3 left/)
    const lines = manager.heard()
    const [time] = lines.splice(3, 1)
    assert.deepEqual(lines, [
      'READY=1',
      'STATUS=two lines',
      'RELOADING=1',
      'STATUS=reloading',
      'READY=1',
      'STATUS=again',
      'STOPPING=1',
      'EXTEND_TIMEOUT_USEC=12000000',
      'STATUS=going',
      'STATUS=3 left',
    ])
    const usec = Number(/^MONOTONIC_USEC=(\d+)$/.exec(time ?? '')?.[1])
    assert.ok(Math.abs(Number(process.hrtime.bigint()) / 1000 - usec) < 10e6, time)
  })
}

test('signs of life, three times in WatchdogSec and only while the workers answer', async t => {
  const path = join(folder(t), 'notify')
  const manager = await serviceManager(t, path)
  const environment = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '150000', OTHER: 'stays' }
  const notifier = new Notifier(environment, unexpected)
  t.after(() => notifier.end())
  assert.deepEqual(environment, { OTHER: 'stays' })
  notifier.status('well')
  let alive: () => Promise<boolean> = async () => true
  notifier.watch(() => alive())
  const signs = () => manager.heard().filter(line => line === 'WATCHDOG=1').length
  await sleep(500)
  await manager.hears(/WATCHDOG/)
  assert.ok(signs() >= 4 && signs() <= 11, `${signs()} signs in 500 ms`)

  for (const dead of [async () => false, () => Promise.reject(new Error('gone'))]) {
    alive = dead
    await manager.hears(/^STATUS=a packet thread does not answer$/, manager.heard().length)
    const before = signs()
    await sleep(200)
    assert.equal(signs(), before)
    alive = async () => true
    await manager.hears(/^WATCHDOG=1$/, manager.heard().length)
    await manager.hears(/^STATUS=well$/, 2)
    assert.equal(
      manager.heard().findLast(line => line.startsWith('STATUS')),
      'STATUS=well',
    )
  }

  notifier.end()
  await sleep(100)
  const before = signs()
  await sleep(200)
  assert.equal(signs(), before)
})

test('no signs of life where nobody waits for them, nor when another process is meant', async t => {
  const path = join(folder(t), 'notify')
  const manager = await serviceManager(t, path)
  for (const rest of [{}, { WATCHDOG_USEC: '30000', WATCHDOG_PID: '1' }]) {
    const notifier = new Notifier({ NOTIFY_SOCKET: path, ...rest }, unexpected)
    notifier.watch(async () => unexpected('asked') as never)
  }
  new Notifier({}, unexpected).ready('to nobody')
  await sleep(100)
  assert.deepEqual(manager.heard(), [])
})

test('a service manager that is not there is said once', () => {
  const said: string[] = []
  const notifier = new Notifier({ NOTIFY_SOCKET: '/nonexistent/socket' }, text => said.push(text))
  notifier.ready('a')
  notifier.status('b')
  assert.deepEqual(said, [
    'the service manager cannot be told: notify /nonexistent/socket: No such file or directory',
  ])
})

test('notify takes paths that fit a socket address only', () => {
  assert.throws(() => notify('relative', ''), TypeError)
  assert.throws(() => notify(`/${'x'.repeat(108)}`, ''), TypeError)
  assert.throws(() => notify(`/${'x'.repeat(107)}`, ''), { code: 'ENOENT' })
  assert.throws(() => notify('/x', 'y'.repeat(4096)), TypeError)
})

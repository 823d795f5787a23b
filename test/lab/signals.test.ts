/** SIGTERM, SIGINT and SIGHUP, with traffic, and what a service manager hears of it. */

import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { countersOf, labConfig, labForTests, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'
import { serviceManager } from '../kit/notify-socket.ts'
import { startOwnDaemon } from '../kit/own-daemon.ts'

const folder = scratchFolder()
const config = labConfig(folder, 'drain', yaml => {
  yaml.setIn(['control', 'drain'], 30)
  yaml.setIn(['workers', 'count'], 2)
  // Connections that ended are soon gone.
  yaml.setIn(['tcp', 'timeouts'], { fin_wait: 1, time_wait: 1, close_wait: 1, last_ack: 1 })
})
const lab = labForTests('signals', { config })

const ping = () => lab.client(['redis-cli', '-h', VIP, 'ping'], { timeoutMs: 3000 })

/** The control.drain of daemons to come. */
function setDrain(drain: number): void {
  const text = readFileSync(lab.paths.config, 'utf8')
  const line = /^ {2}drain: \d+/m
  assert.match(text, line)
  writeFileSync(lab.paths.config, text.replace(line, `  drain: ${drain}`))
}

/** A connection that stays. => what redis answers to a line */
async function connection(
  t: TestContext,
): Promise<{ ask(line: string): Promise<string>; end(): void }> {
  const socat: ChildProcess = lab.spawn('client', ['socat', '-t1', '-', `TCP:${VIP}:6379`])
  t.after(() => socat.kill('SIGKILL'))
  const ask = async (line: string) => {
    socat.stdin?.write(`${line}\r\n`)
    const [answer] = await once(socat.stdout as NonNullable<typeof socat.stdout>, 'data')
    return String(answer)
  }
  assert.equal(await ask('PING'), '+PONG\r\n')
  return { ask, end: () => socat.stdin?.end() }
}

test('SIGTERM with control.drain: what is open goes on, what is new is refused, the end comes with the last', async t => {
  const path = join(folder, 'notify')
  const manager = await serviceManager(t, path)
  const daemon = await startOwnDaemon(t, lab, {
    env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: '300000' },
  })
  await manager.hears(/^READY=1$/)
  await manager.hears(/^STATUS=1 service, 2 workers$/)
  await manager.hears(/^WATCHDOG=1$/)
  const { ask, end } = await connection(t)

  const before = manager.heard().length
  daemon.process.kill('SIGTERM')
  await daemon.says(/^TAPVS: stopping: no new connections, 1 connection left, 30 s at most$/m)
  await manager.hears(/^STOPPING=1$/, before)
  await manager.hears(/^EXTEND_TIMEOUT_USEC=40000000$/, before)
  await manager.hears(/^STATUS=stopping: no new connections, 1 connection left, \d+ s at most$/)
  assert.equal(await ask('PING'), '+PONG\r\n')
  const refused = await lab.client(['timeout', '1', 'redis-cli', '-h', VIP, 'ping'])
  assert.notEqual(refused.code, 0)
  const { drops } = await countersOf(lab)
  assert.ok((drops.stopping as number) >= 1)
  assert.equal(await ask('PING'), '+PONG\r\n')
  await manager.hears(/^WATCHDOG=1$/, manager.heard().length)

  end()
  assert.equal(await daemon.exitCode, 0)
  assert.match(daemon.said(), /^TAPVS: all connections ended$/m)
  assert.equal(existsSync(lab.paths.socket), false)
})

test('a second signal ends it at once', async t => {
  const daemon = await startOwnDaemon(t, lab)
  await connection(t)
  daemon.process.kill('SIGTERM')
  await daemon.says(/1 connection left/)
  const start = performance.now()
  daemon.process.kill('SIGINT')
  assert.equal(await daemon.exitCode, 0)
  assert.ok(performance.now() - start < 2000)
  assert.match(
    daemon.said(),
    /^TAPVS: stopping at once, on a second signal: 1 connection cut off$/m,
  )
})

test('control.drain is the limit, and 0 is none', async t => {
  for (const drain of [1, 0]) {
    setDrain(drain)
    const daemon = await startOwnDaemon(t, lab)
    await connection(t)
    const start = performance.now()
    daemon.process.kill('SIGTERM')
    assert.equal(await daemon.exitCode, 0)
    const seconds = (performance.now() - start) / 1000
    assert.ok(seconds >= drain - 0.01 && seconds < drain + 2, `${seconds} s`)
    assert.equal(/1 connection cut off: control\.drain of 1 s/.test(daemon.said()), drain === 1)
    const left = drain === 0 ? '1 connection cut off' : '1 s for 1 connection to end'
    const service = '1 of TCP 202.108.10.1:6379'
    assert.ok(daemon.said().includes(`TAPVS: stopping on SIGTERM, ${left}: ${service}\n`))
  }
})

test('SIGHUP takes the config file up again, control.drain included, and a wrong one changes nothing', async t => {
  setDrain(0)
  const path = join(folder, 'hup')
  const manager = await serviceManager(t, path)
  const daemon = await startOwnDaemon(t, lab, { env: { NOTIFY_SOCKET: path } })
  await manager.hears(/^READY=1$/)
  await connection(t)
  const good = readFileSync(lab.paths.config, 'utf8')
  const reloaded = async (text: string) => {
    writeFileSync(lab.paths.config, text)
    const before = manager.heard().length
    daemon.process.kill('SIGHUP')
    await manager.hears(/^RELOADING=1$/, before)
    await manager.hears(/^READY=1$/, before)
  }
  await reloaded('arms: 7\n')
  await daemon.says(/^TAPVS: not reloaded: .*arms: expected a list, found 7$/m)
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), /6379 wrr\n/)
  await reloaded(good.replace('scheduler: wrr', 'scheduler: rr').replace('drain: 0', 'drain: 1'))
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), /6379 rr\n/)
  assert.equal((await ping()).stdout, 'PONG\n')
  writeFileSync(lab.paths.config, good)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
  assert.match(daemon.said(), /control\.drain of 1 s is over/)
})

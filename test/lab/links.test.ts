/** What carries nothing is called so by everything that speaks of it; and a TAP has one daemon. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { daemonPid } from '../../netns/appliance.ts'
import { mustRun, run, until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import { TapvsClient } from '../../src/client/index.ts'
import { CIP, labConfig, labForTests, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'
import { startOwnDaemon } from '../kit/own-daemon.ts'

const lab = labForTests('links', {}, 'tap')
const folder = scratchFolder()

const log = () => readFileSync(lab.paths.log, 'utf8')
const inLog = (text: string) =>
  until(text, { limitMs: 5000 }, () => log().includes(text) || undefined)
const get = async () => {
  const { stdout } = await lab.client(['redis-cli', '-h', VIP, 'ping'], { timeoutMs: 3000 })
  return stdout === 'PONG\n' || undefined
}

test('an arm that is down: the log, every listing, the metrics, the doctor and whoever hears events', async () => {
  const { netns } = lab.arm('rs')
  const mend = `ip -n ${netns} link set int0 up`
  const events: unknown[] = []
  const heard = new TapvsClient({ socket: lab.paths.socket }).events()
  let hears = false
  const listening = (async () => {
    for await (const event of heard) {
      hears = true
      if (event.event !== 'arm') continue
      events.push(event.data)
      if (events.length === 2) return
    }
  })()
  await until('the stream', { limitMs: 5000 }, async () => {
    for (const level of ['warn', 'info']) await mustTapvs(lab, 'log', 'level', level)
    return hears || undefined
  })
  await mustRun(lab.inside('rs', ['ip', 'link', 'set', 'int0', 'down']))
  await inLog(`TAPVS: arm int0 is down: ${mend}\n`)
  assert.match(
    await mustTapvs(lab, 'dpip', 'link', 'show'),
    /ext0: .*\n {4}UP admin up link up\n.*\n2: int0: .*\n {4}DOWN admin down link down\n/,
  )
  assert.match(await mustTapvs(lab, 'counters'), /^int0 .* DOWN admin down link down$/m)
  const metrics = await mustTapvs(lab, 'metrics')
  assert.match(metrics, /^tapvs_arm_up\{arm="ext0"\} 1\ntapvs_arm_up\{arm="int0"\} 0$/m)
  assert.match(metrics, /^tapvs_arm_state\{arm="int0",admin="down",link="down"\} 1$/m)
  assert.match(await mustTapvs(lab, 'top', '--once'), /arm int0 is down: admin down link down/)
  const doctor = await run([TAPVS, 'doctor', '--config', lab.paths.config])
  assert.equal(doctor.code, 1)
  assert.ok(
    doctor.stdout.includes(`FAIL  TAP int0: is down in ${netns}: it carries nothing; ${mend}\n`),
    doctor.stdout,
  )
  await mustRun(lab.inside('rs', ['ip', 'link', 'set', 'int0', 'up']))
  await inLog('TAPVS: arm int0 is up\n')
  await listening
  const down = { arm: 'int0', up: false, admin: 'down', link: 'down', orphaned: false }
  assert.deepEqual(events, [down, { ...down, up: true, admin: 'up', link: 'up' }])
  await until('an answer through the VIP', { limitMs: 5000 }, get)
})

test('a start with a TAP that is down says so at once, with what mends it', async t => {
  await mustRun(lab.inside('client', ['ip', 'link', 'set', 'ext0', 'down']))
  const daemon = await startOwnDaemon(t, lab)
  const { netns } = lab.arm('client')
  const [first] = daemon.said().split('\n')
  assert.match(first ?? '', new RegExp(`TAPVS: arm ext0 is down: ip -n ${netns} link set ext0 up$`))
  await mustRun(lab.inside('client', ['ip', 'link', 'set', 'ext0', 'up']))
  await until('an answer through the VIP', { limitMs: 5000 }, get)
  daemon.process.kill('SIGTERM')
  assert.equal(await daemon.exitCode, 0)
})

test('a second daemon on the same TAPs is refused, unless somebody insists', async t => {
  await lab.up()
  const file = labConfig(folder, 'second', yaml => {
    yaml.setIn(['arms', 0, 'netns'], lab.arm('client').netns)
    yaml.setIn(['arms', 1, 'netns'], lab.arm('rs').netns)
    yaml.setIn(['control', 'socket'], join(folder, 'second.sock'))
  })
  const refused = await run([TAPVS, 'run', '--config', file], { timeoutMs: 10_000 })
  assert.equal(refused.code, 1)
  assert.match(
    refused.stderr,
    new RegExp(
      `TAPVS: TAP ext0 in ${lab.arm('client').netns} is held by node \\(pid ${daemonPid(lab.paths)}\\): stop that, or insist with tapvs run --force\\n$`,
    ),
  )
  await until('an answer through the VIP', { limitMs: 5000 }, get)
  const second = spawn(TAPVS, ['run', '--config', file, '--force'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(() => second.kill('SIGKILL'))
  let said = ''
  second.stderr.setEncoding('utf8').on('data', text => {
    said += text
  })
  await until('the second', { limitMs: 20_000 }, () => /TAPVS: ready/.test(said) || undefined)
  second.kill('SIGTERM')
  await new Promise(done => second.on('close', done))
})

test('a namespace that was deleted and made anew: the arm moves there', async () => {
  await lab.up()
  const pid = daemonPid(lab.paths)
  const { netns } = lab.arm('client')
  await mustRun(['ip', 'netns', 'del', netns])
  await inLog(`namespace ${netns} was deleted, arm ext0 lives on in what is left of it`)
  assert.match(
    await mustTapvs(lab, 'dpip', 'link', 'show', 'ext0'),
    /\n {4}UP admin up link up, its namespace was deleted\n/,
  )
  await mustRun(['ip', 'netns', 'add', netns])
  await inLog(`namespace ${netns} was made anew: arm ext0 moves there\n`)
  await inLog('TAPVS: arm ext0 is back\n')
  // Nobody has made a TAP there, so the daemon has.
  await inLog(`TAPVS: arm ext0 is down: ip -n ${netns} link set ext0 up\n`)
  await mustRun(lab.inside('client', ['ip', 'addr', 'add', `${CIP}/24`, 'dev', 'ext0']))
  await mustRun(lab.inside('client', ['ip', 'link', 'set', 'ext0', 'up']))
  await until('an answer through the VIP', { limitMs: 5000 }, get)
  assert.equal(daemonPid(lab.paths), pid)
})

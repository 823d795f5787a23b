/** What goes wrong on a machine goes right again: killed daemons, deleted and downed TAPs, half-made labs. */

import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { daemonPid, keeperPid, killDaemon, lostDaemons } from '../../netns/appliance.ts'
import { run, until } from '../../netns/processes.ts'
import { Lab } from '../../netns/two-arm.ts'
import { CIP, countersOf, labConfig, labName, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'

const lab = new Lab(labName('survive'), 'tap')
after(() => lab.down())
const folder = scratchFolder()

const get = () => lab.client(['redis-cli', '-h', VIP, 'ping'], { timeoutMs: 3000 })

async function untilServed(limitMs: number): Promise<void> {
  await until('an answer through the VIP', { limitMs }, async () => {
    return (await get()).stdout === 'PONG\n' || undefined
  })
}

/** Everything of the lab that the machine still holds. */
async function leftovers(pids: number[]): Promise<string[]> {
  const namespaces = (await run(['ip', 'netns', 'list'])).stdout
  return [
    ...namespaces.split('\n').filter(line => line.startsWith(lab.name)),
    ...(existsSync(lab.paths.folder) ? [lab.paths.folder] : []),
    ...pids.filter(pid => existsSync(`/proc/${pid}`)).map(pid => `pid ${pid}`),
  ]
}

function pid(): number {
  const found = daemonPid(lab.paths)
  assert.ok(found, 'no daemon')
  return found
}

test('up, kill -9 of the daemon, down, up: nothing stays behind', async () => {
  await lab.up()
  await untilServed(5000)
  const { stdout } = await run(['ip', 'netns', 'pids', lab.arm('rs').netns])
  const pids = [pid(), ...stdout.trim().split('\n').map(Number)]
  process.kill(pids[0], 'SIGKILL')
  await lab.down()
  assert.deepEqual(await leftovers(pids), [])
  await lab.up()
  await untilServed(5000)
})

test('a killed daemon is replaced by up; the TAPs and their addresses have outlived it', async () => {
  const before = await lab.client(['ip', '-o', 'addr', 'show', 'ext0'])
  killDaemon(lab.paths)
  const ended = () => keeperPid(lab.paths) === undefined && lostDaemons(lab.paths).length === 0
  await until('its end', { limitMs: 3000 }, () => ended() || undefined)
  const held = await lab.client(['ip', '-o', 'addr', 'show', 'ext0'])
  assert.equal(held.stdout, before.stdout)
  await lab.up()
  await untilServed(2000)
})

test('a daemon whose keeper is killed ends by itself, and lets go of the TAPs', async () => {
  const keeper = keeperPid(lab.paths)
  assert.ok(keeper)
  const daemon = pid()
  process.kill(keeper, 'SIGKILL')
  await until('its end', { limitMs: 5000 }, () => !existsSync(`/proc/${daemon}`) || undefined)
  assert.match(readFileSync(lab.paths.log, 'utf8'), /^TAPVS: the keeper has ended, and the daemon/m)
  assert.equal(existsSync(lab.paths.socket), false)
  await lab.up()
  await untilServed(2000)
})

test('a TAP that is down for a while: drops with a name, then traffic again', async () => {
  const before = pid()
  await lab.rs(['ip', 'link', 'set', 'int0', 'down'])
  // The client's SYN is translated and finds no device to leave by.
  await lab.client(['timeout', '1', 'redis-cli', '-h', VIP, 'ping'], { timeoutMs: 5000 })
  await until('the drop to be counted', { limitMs: 3000, everyMs: 100 }, async () => {
    return (await countersOf(lab)).drops.tx_arm_down > 0 || undefined
  })
  const why = await mustTapvs(lab, 'explain', 'drop', 'tx_arm_down')
  assert.match(why, /int0 {2}IP .*\n {4}rule: int0 was down or gone, and the frame /)
  await lab.rs(['ip', 'link', 'set', 'int0', 'up'])
  await untilServed(5000)
  assert.equal(pid(), before)
})

for (const count of [1, 4]) {
  test(`a TAP that is deleted and made anew: ${count} workers live and take it up again`, async () => {
    await lab.up({ config: labConfig(folder, `${count}`, yaml => yaml.set('workers', { count })) })
    const before = pid()
    const announced = (await countersOf(lab)).events.arp_gratuitous
    const log = readFileSync(lab.paths.log, 'utf8').length
    const said = () => readFileSync(lab.paths.log, 'utf8').slice(log)
    await lab.client(['ip', 'link', 'del', 'ext0'])
    await until(
      'the loss to be seen',
      { limitMs: 3000 },
      () => said().includes('arm ext0 is gone') || undefined,
    )
    for (const command of [
      'tuntap add dev ext0 mode tap multi_queue',
      `addr add ${CIP}/24 dev ext0`,
      'link set ext0 up',
    ]) {
      const { code, stderr } = await lab.client(['ip', ...command.split(' ')])
      assert.equal(code, 0, stderr)
    }
    await untilServed(5000)
    for (let i = 0; i < 20; i++) assert.equal((await get()).stdout, 'PONG\n')
    assert.equal(pid(), before)
    const { events, arms } = await countersOf(lab)
    assert.equal(events.arm_reattached, 1)
    assert.equal(events.arp_gratuitous, announced + 1, 'the VIP is announced anew')
    assert.equal(events.handed_over, 0, 'each worker has the queue of its number again')
    assert.equal(arms[0]?.queues, count)
    assert.equal(said(), 'TAPVS: arm ext0 is gone\nTAPVS: arm ext0 is back\n')
  })
}

test('SIGTERM ends the daemon cleanly and takes its socket along', async () => {
  const daemon = pid()
  process.kill(daemon, 'SIGTERM')
  await until('its end', { limitMs: 3000 }, () => !existsSync(`/proc/${daemon}`) || undefined)
  assert.equal(existsSync(lab.paths.socket), false)
})

test('half of a lab is repaired by up and removed by down', async () => {
  await lab.up()
  await run(['ip', 'netns', 'del', lab.arm('client').netns])
  await lab.up()
  await untilServed(5000)
  const daemon = pid()
  await run(['ip', 'netns', 'del', lab.arm('rs').netns])
  await lab.down()
  assert.deepEqual(await leftovers([daemon]), [])
  await lab.down()
})

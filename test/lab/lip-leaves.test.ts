/**
 * A LIP is taken away while it has connections: its address is answered for until the last of them is gone, on TAPs and on NICs, whose
 * host has the address too and would answer the real server with an RST. Then it is the host's.
 */

import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { mustRun, until } from '../../netns/processes.ts'
import { ARMS } from '../../netns/topology.ts'
import { LIP, labConfig, labForTests, mustTapvs, scratchFolder, VIP } from '../kit/lab.ts'

const OTHER = '192.168.168.8'
const SERVICE = ['-t', `${VIP}:6379`, '-F', 'int0']
const folder = scratchFolder()
const config = labConfig(folder, 'leaves', yaml => {
  yaml.setIn(['tcp', 'timeouts', 'time_wait'], 1)
  yaml.setIn(['tcp', 'timeouts', 'close'], 1)
})

for (const arms of ARMS) {
  const lab = labForTests(`leaves-${arms}`, { config }, arms)

  test(`${arms}: connections of a LIP that was taken away live on, and the address goes with the last`, async t => {
    const child = lab.spawn('client', ['redis-cli', '-h', VIP], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    t.after(() => child.kill())
    assert.ok(child.stdout && child.stdin)
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const ping = async () => {
      child.stdin?.write('ping\n')
      const late = new Promise<string>(done => setTimeout(() => done('no answer'), 4000).unref())
      return Promise.race([lines.next().then(({ value }) => value as string), late])
    }
    assert.equal(await ping(), 'PONG')
    await mustTapvs(lab, 'ipvsadm', '-P', '-z', OTHER, ...SERVICE)
    if (lab.box) {
      const { netns } = lab.box
      await mustRun(['ip', '-n', netns, 'addr', 'add', `${LIP}/32`, 'dev', 'int0'])
      await mustRun(['ip', '-n', netns, 'route', 'add', '192.168.168.0/24', 'dev', 'int0'])
    }
    await mustTapvs(lab, 'ipvsadm', '-Q', '-z', LIP, ...SERVICE)
    assert.doesNotMatch(await mustTapvs(lab, 'dpip', 'addr', 'show'), new RegExp(LIP))
    const known = async () =>
      /lladdr (\S+)/.exec(await mustRun(lab.inside('rs', ['ip', 'neigh', 'show', LIP])))?.[1]
    for (let i = 0; i < 3; i++) {
      // The real server has to ask for it anew.
      await mustRun(lab.inside('rs', ['ip', 'neigh', 'flush', LIP]))
      assert.equal(await ping(), 'PONG')
    }
    const ours = await known()
    assert.ok(ours)
    // New ones have the other LIP.
    const conns = await mustTapvs(lab, 'ipvsadm', '-ln', '-c')
    assert.equal(conns.match(new RegExp(`${LIP}:`, 'g'))?.length, 1, conns)
    const isHosts = async () => {
      // We do not answer for a port that nobody serves, and a host does.
      const { stderr } = await lab.rs(['socat', '-u', `TCP:${LIP}:22,connect-timeout=0.3`, '-'])
      return /refused/.test(stderr)
    }
    const isGone = async () => {
      await lab.rs(['ip', 'neigh', 'flush', LIP])
      return (await lab.rs(['ping', '-c1', '-W1', LIP])).code !== 0
    }
    const gone = lab.box ? isHosts : isGone
    assert.equal(await gone(), false)
    child.stdin.end()
    await until('its address to go', { limitMs: 6000, everyMs: 300 }, async () => {
      return (await gone()) || undefined
    })
  })
}

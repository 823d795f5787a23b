/**
 * 802.1Q on a trunk (kit/trunk.c): clients in one VLAN and the real server in another, both on one device, with two workers, which
 * the steering program cannot tell apart behind a tag.
 */

import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mustRun, until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import type { CountersInfo } from '../../src/api/commands.ts'
import { SmallLab } from '../kit/small-lab.ts'

const lab = new SmallLab('vlan')
const onNic = new SmallLab('vlan-nic')
const VIP = '202.108.10.1'

/** With a TAP that is the trunk's device, or a NIC that a cable leads to. */
async function raise(lab: SmallLab, kind: 'tap' | 'nic'): Promise<void> {
  const trunk = await lab.netns('trunk')
  const [client, rs] = [await lab.netns('client'), await lab.netns('rs')]
  const program = join(lab.folder, 'trunk')
  await mustRun(['cc', '-O2', '-o', program, join(CHECKOUT, 'test/kit/trunk.c')])
  const box = kind === 'nic' ? await lab.netns('box') : trunk
  if (kind === 'tap') await lab.tap('trunk', 'ext0')
  else {
    const pair = `link add ext0 type veth peer name ext0 netns ${trunk}`
    await lab.run('box', ['ip', ...pair.split(' ')])
    await lab.raise('box', 'ext0')
    await lab.raise('trunk', 'ext0')
  }
  const ports = [`100=${client}:c0`, `200=${rs}:r0`]
  await lab.start('trunk', [program, 'ext0', ...ports], /ready/)
  await lab.raise('client', 'c0', '202.108.10.2/24')
  await lab.raise('rs', 'r0', '192.168.168.2/24')
  await lab.echo('rs', '192.168.168.2', 7000)
  await lab.daemon(`
workers: { count: 2 }
capture: { ring: true }
arms:
  - { name: ext0, netns: ${box}, kind: ${kind} }
  - name: ext0.100
    vlan: { arm: ext0, id: 100 }
    addresses: [${VIP}/24]
  - name: ext0.200
    vlan: { arm: ext0, id: 200 }
    addresses: [192.168.168.3/24]
    local_addresses: [192.168.168.7]
services:
  - address: ${VIP}
    port: 7000
    real_servers: [{ address: 192.168.168.2 }]
  - address: ${VIP}
    port: 7001
    when_down: reject
    real_servers: [{ address: 192.168.168.2, port: 7000, upper_threshold: 3 }]
`)
}

const counters = async () => JSON.parse(await lab.tapvs('counters', '--json')) as CountersInfo

test('clients in one VLAN reach a real server in another, on one device', async () => {
  await raise(lab, 'tap')
  const data = randomBytes(3 << 20).toString('base64')
  const answers = await Promise.all(
    [data, 'two', 'three', 'four'].map(text => lab.ask('client', VIP, 7000, text)),
  )
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  assert.equal(hash(answers[0] ?? ''), hash(`echo\n${data}`))
  assert.deepEqual(answers.slice(1), ['echo\ntwo', 'echo\nthree', 'echo\nfour'])
  // A port is a worker's by chance: of twenty both have some.
  for (let i = 0; i < 16; i++)
    assert.equal(await lab.ask('client', VIP, 7000, 'more'), 'echo\nmore')
  await lab.run('client', ['ping', '-c1', '-W2', VIP])

  const { arms, drops, events } = await counters()
  const [trunk, clients, servers] = arms
  assert.ok(trunk && clients && servers)
  assert.equal(trunk.rx_packets, clients.rx_packets + servers.rx_packets)
  assert.equal(trunk.tx_packets, clients.tx_packets + servers.tx_packets)
  // Frames stay as large as the kernel makes them: no segment of 1460 bytes each.
  assert.ok(clients.rx_packets < data.length / 4000, `${clients.rx_packets} frames`)
  assert.ok((events.handed_over ?? 0) > 0, 'both workers had some')
  assert.deepEqual([clients.mac, clients.vlan], [trunk.mac, { arm: 'ext0', id: 100 }])
  assert.equal(drops.eth_vlan, 0)
})

test('a limit of three connections is three, whichever worker they come to', async () => {
  const held = `sleep 3 | socat -t1 - TCP:${VIP}:7001`
  const tries = Array.from({ length: 9 }, () => lab.run('client', ['sh', '-c', held]))
  const all = await Promise.allSettled(tries)
  const answers = all.flatMap(each => (each.status === 'fulfilled' ? each.value : []))
  assert.deepEqual(
    answers.filter(text => text !== ''),
    ['echo\n', 'echo\n', 'echo\n'],
  )
  assert.equal((await counters()).events.rst_no_rs, 6)
})

test('a journal replays', async () => {
  const file = join(lab.folder, 'vlan.journal')
  const recording = lab.tapvs('record', '-w', file, '--seconds', '2')
  await sleep(1000)
  await lab.ask('client', VIP, 7000, 'on record')
  await recording
  assert.match(await lab.tapvs('replay', file), /all verdicts agree, and all frames that left/)
})

test('listings and captures know it as any arm', async () => {
  assert.match(await lab.tapvs('dpip', 'link', 'show', 'ext0.200'), / vlan 200 on ext0\n/)
  const neighbours = await lab.tapvs('dpip', 'neigh', 'show')
  assert.match(neighbours, /192\.168\.168\.2 .* dev: ext0\.200/)
  const seen = await lab.tapvs('capture', '--past', '--count', '8', 'tcp', 'and', 'port', '7000')
  assert.match(seen, /ext0\.100/)
  assert.match(seen, /ext0\.200/)
})

test('sub-arms come and go with the device', async () => {
  const links = async () => (await counters()).arms.map(({ admin }) => admin).join()
  await lab.run('trunk', ['ip', 'link', 'set', 'ext0', 'down'])
  await until('all to be down', { limitMs: 5000, everyMs: 100 }, async () => {
    return (await links()) === 'down,down,down' || undefined
  })
  await lab.run('trunk', ['ip', 'link', 'set', 'ext0', 'up'])
  await until('all to be up', { limitMs: 5000, everyMs: 100 }, async () => {
    return (await links()) === 'up,up,up' || undefined
  })
  assert.equal(await lab.ask('client', VIP, 7000, 'again'), 'echo\nagain')
})

test('a NIC, too: the kernel takes the tag from what comes in, and puts it before what is ours', async () => {
  await raise(onNic, 'nic')
  const data = randomBytes(1 << 20).toString('base64')
  const answer = await onNic.ask('client', VIP, 7000, data)
  assert.equal(answer.length, data.length + 5)
  await onNic.run('client', ['ping', '-c1', '-W2', VIP])
  const { arms, drops } = JSON.parse(await onNic.tapvs('counters', '--json')) as CountersInfo
  const [trunk, clients, servers] = arms
  assert.ok(trunk && clients && servers)
  assert.equal(trunk.rx_packets, clients.rx_packets + servers.rx_packets)
  assert.deepEqual([clients.mac, clients.mtu], [trunk.mac, trunk.mtu])
  assert.equal(drops.eth_vlan, 0)
})

/**
 * 64 MiB (in the long form 200) up and as many down at the same time through a real TCP service, hashes equal: with offloads
 * on, switched off at either end, and with loss, reordering, duplicates and flipped bits. The frames' average size shows that the
 * offloads were what they are said to have been.
 */
// alone: bulk on two cores

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Side } from '../../netns/topology.ts'
import { BULK_SERVICES, randomFile, transfer, WIRE_FRAME } from '../kit/bulk.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustTapvs,
  scratchFolder,
  untilNoConns,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

const MIB = isLong ? 200 : 64
const folder = scratchFolder()
const file = join(folder, 'bulk')

const plain = labConfig(folder, 'plain', config => config.set('services', BULK_SERVICES))
const impairedBy = (name: string, shares: object) =>
  labConfig(folder, name, config => {
    config.set('services', BULK_SERVICES)
    for (const arm of [0, 1])
      config.setIn(['arms', arm, 'impair'], { ...shares, seed: 20261 + arm })
    // Whose end is waited for.
    config.setIn(['tcp', 'timeouts'], { time_wait: 2 })
  })
const impaired = impairedBy('impaired', { loss: '1%', reorder: '1%' })
const hostile = impairedBy('hostile', {
  loss: '1%',
  reorder: '5%',
  duplicate: '2%',
  corrupt: '1%',
})
const lab = labForTests('bulk', { config: plain })

async function offloads(side: Side, state: 'on' | 'off'): Promise<void> {
  const { device } = lab.arm(side)
  const features = ['tx', 'tso', 'gso', 'gro', 'sg'].flatMap(feature => [feature, state])
  const { code, stderr } = await lab[side](['ethtool', '-K', device, ...features])
  assert.equal(code, 0, stderr)
}

/**
 * A share, not a count: how many frames a file is is the kernel's business, and with it the standard deviation of the share, of
 * which the limits are four away: at most (64 KiB frames of 64 MiB) 0.22 %.
 */
async function assertOnePercentLost(): Promise<void> {
  const { arms, drops } = await countersOf(lab)
  const frames = arms.reduce((sum, arm) => sum + arm.rx_packets, 0)
  const share = drops.impaired / frames
  const limit = 4 * Math.sqrt((0.01 * 0.99) / frames)
  assert.ok(Math.abs(share - 0.01) < limit, `${drops.impaired} of ${frames} frames lost`)
  const why = await mustTapvs(lab, 'explain', 'drop', 'impaired')
  assert.match(why, /rule: lost on purpose: impair\.loss of (ext|int)0 is 1%\n/)
}

test('a file of random bytes', async () => {
  await randomFile(lab, file, MIB)
})

test('offloads on at both ends', async () => {
  const average = await transfer(lab, file)
  assert.ok(average.client > WIRE_FRAME, `client sends ${average.client} bytes a frame`)
  assert.ok(average.rs > WIRE_FRAME, `RS sends ${average.rs} bytes a frame`)
})

for (const side of ['client', 'rs'] as const) {
  test(`offloads off at the ${side}`, async () => {
    await offloads(side, 'off')
    const average = await transfer(lab, file)
    await offloads(side, 'on')
    assert.ok(average[side] <= WIRE_FRAME, `${side} sends ${average[side]} bytes a frame`)
    const other = side === 'client' ? 'rs' : 'client'
    assert.ok(average[other] > WIRE_FRAME, `${other} sends ${average[other]} bytes a frame`)
  })
}

test('1 % loss and 1 % reordering on both arms', async () => {
  await lab.up({ config: impaired })
  await transfer(lab, file)
  await assertOnePercentLost()
  await untilNoConns(lab)
})

test('the same with offloads off at both ends', async () => {
  await offloads('client', 'off')
  await offloads('rs', 'off')
  await transfer(lab, file)
  await assertOnePercentLost()
})

test('with duplicates and flipped bits as well: not one corrupt byte arrives', async () => {
  await lab.up({ config: hostile })
  // A daemon that attaches wants its offloads back. Only complete checksums can be found wrong.
  await offloads('client', 'off')
  await offloads('rs', 'off')
  await transfer(lab, file)
  const { drops } = await countersOf(lab)
  // Bits flipped in the IP header are seen here; those behind it by the receiver, whose checksum we kept wrong.
  assert.ok(drops.ip_checksum > 10, `${drops.ip_checksum} wrong IP headers`)
  const { stdout } = await lab.rs(['nstat', '-az', 'TcpInCsumErrors'])
  assert.ok(Number(/TcpInCsumErrors +(\d+)/.exec(stdout)?.[1]) > 100, stdout)
})

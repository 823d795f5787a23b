/**
 * Real servers that are reached otherwise than by FullNAT, with real programs: what the RS sees, how its answers come back, and what
 * becomes of frames that the client's kernel has left to be segmented.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../../netns/processes.ts'
import { Lab } from '../../netns/two-arm.ts'
import { CIP, countersOf, labName, mustClient, mustTapvs, VIP } from '../kit/lab.ts'

/** One lab, which `up` makes agree with each mode in turn. */
const lab = new Lab(labName('ways'), 'tap')
before(() => assert.equal(process.getuid?.(), 0, 'lab tests need root: run sudo ./scripts/test'))
after(() => lab.down())

const LARGE = 600_000
const redis = (...argv: string[]) =>
  mustClient(lab, ['timeout', '20', 'redis-cli', '-h', VIP, ...argv])

const MODES = [
  ['nat', 'Masq   ', 'TIME_WAIT'],
  ['tunnel', 'Tunnel ', 'FIN_WAIT'],
  // As a tunnel, without its header.
  ...(process.env.TAPVS_LONG ? [['dr', 'Route  ', 'FIN_WAIT']] : []),
]

for (const [mode, column, state] of MODES) {
  test(`${mode}: redis answers through the VIP, and sees the client`, async () => {
    // Answers by NAT are the worker's of their client.
    await lab.up({ mode, workers: 2 })
    await until('redis to answer', { limitMs: 10_000, everyMs: 100 }, async () => {
      return (await redis('ping').catch(() => '')).trim() === 'PONG' || undefined
    })
    assert.equal((await redis('set', 'key', `${mode}`)).trim(), 'OK')
    assert.equal((await redis('get', 'key')).trim(), mode)
    assert.match(await redis('client', 'list'), new RegExp(` addr=${CIP}:\\d+ `))
    const value = 'x'.repeat(LARGE)
    const said = await mustClient(lab, ['redis-cli', '-h', VIP, '-x', 'set', 'large'], value)
    assert.equal(said.trim(), 'OK')
    assert.equal((await redis('get', 'large')).trim().length, LARGE)
    const services = await mustTapvs(lab, 'ipvsadm', '-ln')
    assert.ok(services.includes(`  -> 192.168.168.2:6379           ${column} `), services)
    const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
    assert.match(conns, new RegExp(`${state} +${CIP}:(\\d+) ${VIP}:6379 +${CIP}:\\1 192`))
    const { drops, events } = await countersOf(lab)
    const met = Object.keys(drops).filter(name => (drops[name] ?? 0) > 0)
    assert.deepEqual(
      met.filter(name => /^(ip_too|no_buffer|tcp_)/.test(name)),
      [],
    )
    assert.deepEqual([events.toa_added ?? 0, events.handed_over ?? 0], [0, 0])
  })
}

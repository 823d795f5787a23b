/**
 * Real servers that are reached otherwise than by FullNAT, with real programs: what the RS sees, how its answers come back, and what
 * becomes of frames that the client's kernel has left to be segmented.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { until } from '../../netns/processes.ts'
import { Lab } from '../../netns/two-arm.ts'
import { CIP, countersOf, labName, mustClient, mustTapvs, VIP } from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

/** One lab, which `up` makes agree with each mode in turn. */
const lab = new Lab(labName('ways'), 'tap')
before(() => assert.equal(process.getuid?.(), 0, 'lab tests need root: run sudo ./scripts/test'))
after(() => lab.down())

const LARGE = 600_000
const ENDS = [
  { vip: VIP, cip: CIP, rs: '192.168.168.2', bare: VIP },
  {
    ...{ vip: '[2001:db8:10::1]', cip: '[2001:db8:10::2]' },
    ...{ rs: '[2001:db8:168::2]', bare: '2001:db8:10::1' },
  },
]

const MODES = [
  ['nat', 'Masq   ', 'TIME_WAIT'],
  ['tunnel', 'Tunnel ', 'FIN_WAIT'],
  // As a tunnel, without its header.
  ...(isLong ? [['dr', 'Route  ', 'FIN_WAIT']] : []),
]

const literal = (text: string) => text.replaceAll(/[[\].]/g, '\\$&')

for (const [mode = '', column = '', state] of MODES) {
  test(`${mode}: redis answers through the VIPs of both families, and sees the client`, async () => {
    await lab.up({ mode, ipv6: true })
    for (const { vip, cip, rs, bare } of ENDS) {
      const redis = (...argv: string[]) =>
        mustClient(lab, ['timeout', '20', 'redis-cli', '-h', bare, ...argv])
      await until('redis to answer', { limitMs: 10_000, everyMs: 100 }, async () => {
        return (await redis('ping').catch(() => '')).trim() === 'PONG' || undefined
      })
      assert.equal((await redis('set', 'key', `${mode} ${vip}`)).trim(), 'OK')
      assert.equal((await redis('get', 'key')).trim(), `${mode} ${vip}`)
      assert.match(await redis('client', 'list'), new RegExp(` addr=${literal(cip)}:\\d+ `))
      const value = 'x'.repeat(LARGE)
      const said = await mustClient(lab, ['redis-cli', '-h', bare, '-x', 'set', 'large'], value)
      assert.equal(said.trim(), 'OK')
      assert.equal((await redis('get', 'large')).trim().length, LARGE)
      const services = await mustTapvs(lab, 'ipvsadm', '-ln')
      const rows = services.replaceAll(/ +/g, ' ')
      assert.ok(rows.includes(` -> ${rs}:6379 ${column.trim()} `), services)
      const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
      const ends = `${literal(cip)}:(\\d+) ${literal(vip)}:6379 +${literal(cip)}:\\1 ${literal(rs)}`
      assert.match(conns, new RegExp(`${state} +${ends}`))
    }
    const { drops, events } = await countersOf(lab)
    const met = Object.keys(drops).filter(name => (drops[name] ?? 0) > 0)
    assert.deepEqual(
      met.filter(name => /^(ip_too|no_buffer|tcp_)/.test(name)),
      [],
    )
    assert.equal(events.toa_added ?? 0, 0)
  })
}

/**
 * Real servers that are reached otherwise than by FullNAT, with real programs: what the RS sees, how its answers come back, and what
 * becomes of frames that the client's kernel has left to be segmented.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dots } from '../../netns/demo.ts'
import { until } from '../../netns/processes.ts'
import { Lab } from '../../netns/two-arm.ts'
import { hostText } from '../../src/wire/ip-address.ts'
import {
  CIP,
  CIP6,
  countersOf,
  labName,
  mustClient,
  mustTapvs,
  RIP,
  RIP6,
  VIP,
  VIP6,
} from '../kit/lab.ts'
import { isLong } from '../kit/long.ts'

/** One lab, which `up` makes agree with each mode in turn. */
const lab = new Lab(labName('ways'), 'tap')
before(() => assert.equal(process.getuid?.(), 0, 'lab tests need root: run sudo ./scripts/test'))
after(() => lab.down())

const LARGE = 600_000
const ENDS = [
  { address: VIP, client: CIP, server: RIP },
  { address: VIP6, client: CIP6, server: RIP6 },
]

const MODES: [mode: string, column: string, state: string][] = [
  ['nat', 'Masq', 'TIME_WAIT'],
  ['tunnel', 'Tunnel', 'FIN_WAIT'],
]
// As a tunnel, without its header.
if (isLong) MODES.push(['dr', 'Route', 'FIN_WAIT'])

for (const [mode, column, state] of MODES) {
  test(`${mode}: redis answers through the VIPs of both families, and sees the client`, async () => {
    await lab.up({ mode, ipv6: true })
    for (const { address, client, server } of ENDS) {
      const [vip, cip, rs] = [hostText(address), hostText(client), hostText(server)]
      const redis = (...argv: string[]) =>
        mustClient(lab, ['timeout', '20', 'redis-cli', '-h', address, ...argv])
      await until('redis to answer', { limitMs: 10_000, everyMs: 100 }, async () => {
        return (await redis('ping').catch(() => '')).trim() === 'PONG' || undefined
      })
      assert.equal((await redis('set', 'key', `${mode} ${vip}`)).trim(), 'OK')
      assert.equal((await redis('get', 'key')).trim(), `${mode} ${vip}`)
      assert.match(await redis('client', 'list'), new RegExp(` addr=${dots(cip)}:\\d+ `))
      const value = 'x'.repeat(LARGE)
      const said = await mustClient(lab, ['redis-cli', '-h', address, '-x', 'set', 'large'], value)
      assert.equal(said.trim(), 'OK')
      assert.equal((await redis('get', 'large')).trim().length, LARGE)
      const services = await mustTapvs(lab, 'ipvsadm', '-ln')
      const rows = services.replaceAll(/ +/g, ' ')
      assert.ok(rows.includes(` -> ${rs}:6379 ${column} `), services)
      const conns = await mustTapvs(lab, 'ipvsadm', '-lnc')
      const ends = `${dots(cip)}:(\\d+) ${dots(vip)}:6379 +${dots(cip)}:\\1 ${dots(rs)}`
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

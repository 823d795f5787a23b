/** Every config that a stranger may begin with is right, has nothing to warn of, and is named where he looks. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CHECKOUT } from '../netns/topology.ts'
import { readConfig } from '../src/config/config.ts'
import { SYN } from './kit/connection.ts'
import { arpFrame, tcpFrame } from './kit/frame.ts'
import { CLIENT_MAC, RS_MAC, Stand } from './kit/stand.ts'

const folder = join(CHECKOUT, 'examples')
const names = readdirSync(folder).filter(name => name.endsWith('.yaml'))

for (const name of names) {
  test(`${name} is a config without mistakes and warnings`, () => {
    assert.deepEqual(readConfig(join(folder, name)).warnings, [])
    assert.match(readFileSync(join(folder, name), 'utf8'), /^# \S/, 'what it shows')
  })
}

for (const name of names) {
  test(`${name} balances: a SYN or a datagram to each service leaves for one of its real servers, from one of its LIPs`, () => {
    const stand = new Stand(readFileSync(join(folder, name), 'utf8'))
    const { arms } = stand.config
    const [{ name: outside }] = arms
    const { name: inside, localAddresses: lips, routes } = arms.at(-1) as (typeof arms)[0]
    const us = { mac: stand.macOf(inside), ip: lips[0] ?? '' }
    const gateways = routes.flatMap(({ via }) => via ?? [])
    const rss = stand.config.services.flatMap(({ realServers }) => realServers)
    for (const ip of [...gateways, ...rss.map(({ address }) => address)])
      stand.input(inside, arpFrame(2, { mac: RS_MAC, ip }, us, us.mac))
    for (const { protocol, address: dst, port: dport, realServers } of stand.config.services) {
      const src = `${dst.slice(0, dst.lastIndexOf('.'))}.77`
      const ends = { ...SYN, src, dst, dport, srcMac: CLIENT_MAC, dstMac: stand.macOf(outside) }
      const [first] =
        protocol === 'udp'
          ? stand.datagram(outside, { ...ends, payload: Buffer.from('query') })
          : stand.input(outside, tcpFrame(ends))
      assert.ok(first?.decoded.kind === protocol, stand.verdictName())
      assert.equal(first.arm, inside)
      const { src: lip, dst: rip } = first.decoded
      assert.ok(
        realServers.some(rs => rs.address === rip),
        rip,
      )
      assert.ok(lips.includes(lip), lip)
    }
  })
}

test('examples/README.md has a row for each', () => {
  const text = readFileSync(join(folder, 'README.md'), 'utf8')
  const rows = [...text.matchAll(/^\| \[([\w-]+\.yaml)\]/gm)].map(([, name]) => name)
  assert.deepEqual(rows.sort(), names.sort())
})

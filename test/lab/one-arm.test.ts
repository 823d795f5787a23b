/**
 * One arm that has VIP, LIPs, clients, real servers and the gateway (examples/one-arm.yaml); and what changes while a connection lives:
 * addresses, LIPs, routes, the gateway of a real server, and its MAC.
 */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../../netns/processes.ts'
import { CHECKOUT } from '../../netns/topology.ts'
import type { CountersInfo } from '../../src/api/commands.ts'
import { SmallLab } from '../kit/small-lab.ts'

const lab = new SmallLab('onearm')
const VIP = '192.0.2.80'
const NEAR = '192.0.2.10'
const FAR = '203.0.113.5'

/** Everybody is in one namespace: what is for the VIP or a LIP leaves it by the arm, all else is at home there. */
async function raise(): Promise<void> {
  const netns = await lab.netns('lan')
  const addresses = ['192.0.2.1/24', '192.0.2.254/24', `${NEAR}/24`, '192.0.2.20/24']
  await lab.tap('lan', 'lan0', ...addresses)
  // As any that takes over an address: it says so by gratuitous ARP.
  await lab.run('lan', ['sysctl', '-q', '-w', 'net.ipv4.conf.lan0.arp_notify=1'])
  for (const far of [FAR, '198.51.100.20'])
    await lab.run('lan', ['ip', 'addr', 'add', `${far}/32`, 'dev', 'lo'])
  await lab.echo('lan', '192.0.2.20', 8080, 'near')
  await lab.echo('lan', '198.51.100.20', 8080, 'far')
  const example = readFileSync(join(CHECKOUT, 'examples/one-arm.yaml'), 'utf8')
  await lab.daemon(example.replace('name: lan0', `name: lan0\n    netns: ${netns}`))
}

async function ask(from: string, text: string): Promise<string> {
  return lab.run('lan', ['socat', '-t10', '-', `TCP:${VIP}:80,bind=${from}`], text)
}

const counters = async () => JSON.parse(await lab.tapvs('counters', '--json')) as CountersInfo

test('clients near and far reach real servers near and far by one arm', async () => {
  await raise()
  for (const from of [NEAR, FAR, '192.0.2.20']) {
    const names = [await ask(from, 'hello'), await ask(from, 'hello')].toSorted()
    assert.deepEqual(names, ['far\nhello', 'near\nhello'], from)
  }
  await lab.run('lan', ['ping', '-c1', '-W2', VIP])
  const { drops } = await counters()
  assert.deepEqual([drops.ip_source, drops.tcp_no_rs], [0, 0])
})

/** Lines that come one every 50 ms while `work` is done, over one connection to the real server of that name. */
async function talking(name: string, work: () => Promise<void>): Promise<void> {
  const [sent, end] = [join(lab.folder, `${name}-sent`), join(lab.folder, `${name}-end`)]
  // They take turns.
  if ((await ask(NEAR, 'who?')).startsWith(name)) await ask(NEAR, 'who?')
  const talk = `i=0; until [ -e ${end} ]; do echo line $i; i=$((i+1)); sleep 0.05; done | tee ${sent}`
  const stream = lab.run('lan', ['sh', '-c', `${talk} | socat -t5 - TCP:${VIP}:80,bind=${NEAR}`])
  await sleep(300)
  await work()
  writeFileSync(end, '')
  assert.equal(await stream, `${name}\n${readFileSync(sent, 'utf8')}`)
}

test('a connection lives on while addresses, LIPs and routes come and go', async () => {
  await talking('near', async () => {
    for (const what of ['add', 'del']) {
      await lab.tapvs('dpip', 'addr', what, '192.0.2.81/32', 'dev', 'lan0')
      await lab.tapvs('dpip', 'route', what, '10.0.0.0/8', 'via', '192.0.2.1', 'dev', 'lan0')
      const lip = what === 'add' ? '-P' : '-Q'
      await lab.tapvs('ipvsadm', lip, '-z', '192.0.2.9', '-t', `${VIP}:80`, '-F', 'lan0')
    }
  })
})

test('a connection lives on when the gateway of its real server is another one, or has another MAC', async () => {
  const route = ['198.51.100.0/24', 'via', '192.0.2.254', 'dev', 'lan0']
  await talking('far', async () => {
    await lab.tapvs('dpip', 'route', 'add', ...route)
    const neighbours = await lab.tapvs('dpip', 'neigh', 'show')
    assert.match(neighbours, /192\.0\.2\.254 /)
    await sleep(300)
    await lab.run('lan', ['ip', 'link', 'set', 'lan0', 'address', '02:00:00:00:00:99'])
    await until('the new MAC to be known', { limitMs: 10_000, everyMs: 100 }, async () => {
      return ((await counters()).events.neigh_moved ?? 0) > 0 || undefined
    })
    await sleep(300)
    await lab.tapvs('dpip', 'route', 'del', ...route)
  })
})

test('a route that leads nowhere is refused, and says why', async () => {
  const refused = lab.tapvs('dpip', 'route', 'add', '10.0.0.0/8', 'via', '10.1.1.1', 'dev', 'lan0')
  await assert.rejects(refused, /expected a gateway on-link of lan0, found "10\.1\.1\.1"/)
})

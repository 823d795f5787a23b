/** Two workers, three redis-servers, four clients: schedulers that are changed by ipvsadm while it runs. */

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { heldOpen } from '../kit/holder.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const WEIGHTS = { '192.168.168.2': 1, '192.168.168.12': 2, '192.168.168.13': 3 }
const RSS = Object.keys(WEIGHTS)
const SERVICE = `${VIP}:6379`
const CLIENTS = ['202.108.10.2', '202.108.10.12', '202.108.10.13', '202.108.10.14']

/** One of an operator's own: says something of two ports, and does not come back for a third one. */
const folder = scratchFolder()
const MODULE = join(folder, 'own.mjs')
writeFileSync(
  MODULE,
  `export default ({ port }, servers) => {
  while (port === 40013);
  return port === 40007 || port === 40008 ? servers[0] : undefined
}
`,
)

const config = labConfig(folder, 'schedulers', yaml => {
  yaml.setIn(['services', 0, 'scheduler_module'], MODULE)
  const servers = Object.entries(WEIGHTS).map(([address, weight]) => ({ address, weight }))
  yaml.setIn(['services', 0, 'real_servers'], servers)
  yaml.setIn(['workers', 'count'], 2)
  yaml.setIn(['tcp', 'timeouts'], { time_wait: 2 })
})
const lab = labForTests('sched', { config, realServers: RSS.length, clients: CLIENTS.length })

/** By real server, what a listing says in this column. */
async function column(at: number, ...kind: string[]): Promise<number[]> {
  const rows = (await mustTapvs(lab, 'ipvsadm', '-ln', ...kind)).split('\n')
  return RSS.map(address => {
    const row = rows.find(line => line.includes(` ${address}:`))
    return Number(row?.trim().split(/\s+/)[at])
  })
}

const conns = () => column(2, '--stats')

/** `HOST ADDRESS PORT COUNT`: so many connections from this address and port, 0 for any, one after the other. */
const PINGS = `
  const [host, localAddress, localPort, count] = process.argv.slice(1)
  const next = left => {
    if (left === 0) return
    const from = { localAddress, localPort: Number(localPort) }
    const socket = require('node:net').connect({ host, port: 6379, ...from })
    socket.on('connect', () => socket.write('PING\\r\\nQUIT\\r\\n'))
    socket.on('data', data => process.stdout.write(data))
    socket.on('close', () => next(left - 1))
  }
  next(Number(count))`

/** So many connections from an address => how many of them each real server got. */
async function share(from: string, count: number, port = 0): Promise<number[]> {
  const before = await conns()
  const ping = [process.execPath, '-e', PINGS, VIP, from, `${port}`, `${count}`]
  assert.equal(await mustClient(lab, ping), '+PONG\r\n+OK\r\n'.repeat(count))
  const after = await conns()
  return after.map((n, i) => n - (before[i] ?? 0))
}

const schedule = (...words: string[]) =>
  mustTapvs(lab, 'ipvsadm', '-E', '-t', SERVICE, '-s', ...words)

test('mh and conhash: a client has one real server on both workers, until that is drained', async () => {
  for (const words of [['mh'], ['conhash', '--sched-flags', 'conhash-fallback']]) {
    await schedule(...words)
    const workers = new Set<string>()
    for (const client of CLIENTS) {
      const first = await share(client, 4)
      const listed = await mustTapvs(lab, 'ipvsadm', '-lnc')
      for (const [worker] of listed.matchAll(/^\[\d\]/gm)) workers.add(worker)
      assert.deepEqual(first.toSorted(), [0, 0, 4], `${words} ${client}: ${first}`)
      assert.deepEqual(
        await share(client, 2),
        first.map(n => n / 2),
      )
    }
    assert.deepEqual([...workers].sort(), ['[1]', '[2]'])
  }
  const [client = ''] = CLIENTS
  const home = (await share(client, 1)).indexOf(1)
  const rs = ['-t', SERVICE, '-r', `${RSS[home]}:6379`]
  await mustTapvs(lab, 'ipvsadm', '-e', ...rs, '-w', '0')
  const drained = await share(client, 6)
  assert.equal(drained[home], 0)
  assert.deepEqual(drained.toSorted(), [0, 0, 6])
  await mustTapvs(lab, 'ipvsadm', '-e', ...rs, '-w', `${home + 1}`)
  assert.equal((await share(client, 3))[home], 3, 'it comes home')
})

test('mh with the port: connections of one client are spread', async () => {
  await schedule('mh', '--sched-flags', 'mh-port')
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln'), /6379 mh \(mh-port\) module \/.*own\.mjs$/m)
  const counts = await share(CLIENTS[1] ?? '', 40)
  assert.ok(
    counts.every(count => count > 0),
    `${counts}`,
  )
})

test('fo: the heaviest has all of it, and the next one when that is drained', async () => {
  await schedule('fo')
  assert.deepEqual(await share(CLIENTS[0] ?? '', 5), [0, 0, 5])
  await mustTapvs(lab, 'ipvsadm', '-e', '-t', SERVICE, '-r', '192.168.168.13:6379', '-w', '0')
  assert.deepEqual(await share(CLIENTS[0] ?? '', 5), [0, 5, 0])
  await mustTapvs(lab, 'ipvsadm', '-e', '-t', SERVICE, '-r', '192.168.168.13:6379', '-w', '3')
})

test('wlc: connections that are held open are shared by weight, of each worker', async t => {
  await schedule('wlc')
  const before = await column(4)
  // A handshake counts little, so each is done before the next; the last one is that which is busy.
  await heldOpen(t, lab, 119, 1)
  const counts = (await column(4)).map((n, i) => n - (before[i] ?? 0))
  // Each worker is off by one at most, and by one more where it was not even before.
  for (const [i, expected] of [20, 40, 60].entries())
    assert.ok(Math.abs((counts[i] ?? 0) - expected) <= 4, `${counts}`)
})

test("an operator's own scheduler is asked first; when it never comes back, its worker does without it", async () => {
  await schedule('fo')
  const [from = ''] = CLIENTS
  assert.deepEqual(await share(from, 1, 40007), [1, 0, 0])
  assert.deepEqual(await share(from, 1, 40006), [0, 0, 1])
  // The SYN is sent again until the worker runs once more.
  assert.deepEqual(await share(from, 1, 40013), [0, 0, 1])
  assert.equal((await countersOf(lab)).events.worker_restarts, 1)
  const log = readFileSync(lab.paths.log, 'utf8')
  const out = log.match(/^TAPVS: \[\d\] scheduler \/.* is out: .*$/gm) ?? []
  assert.equal(out.length, 1, log)
  assert.match(out[0] ?? '', /is out: this worker was started again; the service's own one chooses/)
})

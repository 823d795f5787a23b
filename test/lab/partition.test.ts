/**
 * Seven workers, as the seed's DPVS had: its client's connection comes to worker 5, which hands out lport 1028, and the
 * LIP's lports add up to the seed's number.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logSince } from '../../netns/appliance.ts'
import { until } from '../../netns/processes.ts'
import { Steering } from '../../src/engine/steering.ts'
import { ipv4Int } from '../../src/wire/address.ts'
import {
  CIP,
  LIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const config = labConfig(scratchFolder(), 'seven', yaml => yaml.set('workers', { count: 7 }))
const lab = labForTests('seven', { config })

/** The seed's client port. */
const CPORT = 33_896

async function ping(sport: number): Promise<void> {
  const socat = `socat -t 2 - TCP:${VIP}:6379,sourceport=${sport},reuseaddr`
  assert.equal(
    await mustClient(lab, ['sh', '-c', `printf 'PING\\r\\nQUIT\\r\\n' | ${socat}`]),
    '+PONG\r\n+OK\r\n',
  )
}

test("the seed's client comes to worker 5 and gets lport 1028; the next ones 1036 and 1044", async () => {
  await mustTapvs(lab, 'log', 'level', 'debug')
  await ping(CPORT)
  const row = await mustTapvs(lab, 'ipvsadm', '-ln', '-c')
  const ends = [`${CIP}:${CPORT}`, `${VIP}:6379`, `${LIP}:1028`].map(end => end.padEnd(18))
  assert.equal(row, `[5]tcp 7s     TIME_WAIT   ${ends.join(' ')} ${RIP}:6379\n`)
  const addresses = await mustTapvs(lab, 'dpip', 'addr', 'show')
  assert.match(addresses, /sa_used 1 sa_free 903151 sa_miss 0/)

  const steering = new Steering(7)
  const ours = (port: number) => steering.clientWorker(ipv4Int(CIP), port) === 4
  const next = Array.from({ length: 100 }, (_, i) => CPORT + 1 + i)
    .filter(ours)
    .slice(0, 2)
  for (const port of next) await ping(port)
  await until('the log', { limitMs: 3000 }, () => {
    const fetched = [
      ...logSince(lab.paths, 0).matchAll(/sa_pool_fetch: 192\.168\.168\.7:(\d+) fetched!/g),
    ]
    return fetched.map(([, port]) => port).join() === '1028,1036,1044' || undefined
  })
  assert.match(logSince(lab.paths, 0), /IPVS: conn lookup: \[5\] TCP /)
})

test('every worker has its neighbours, and all together one set of counters', async () => {
  const neighbours = await mustTapvs(lab, 'dpip', 'neigh', 'show')
  const cores = [
    ...neighbours.matchAll(/^ip: 192\.168\.168\.2 .* state: REACHABLE .* core: (\d)$/gm),
  ]
  assert.deepEqual(
    cores.map(([, core]) => core),
    ['1', '2', '3', '4', '5', '6', '7'],
  )
  for (let i = 0; i < 20; i++) await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  const counters = await mustTapvs(lab, 'counters')
  assert.match(counters, /conns_opened +23 /)
  // The kernel brings each packet to its worker.
  assert.doesNotMatch(counters, /handed_over/)
  assert.match(await mustTapvs(lab, 'ipvsadm', '-ln', '--stats'), /192\.168\.168\.2:6379 +23 /)
})

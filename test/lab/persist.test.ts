/** Two clients, two real servers and `-p`: a client keeps its real server, whichever worker its connections come to. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask } from '../../src/cli/daemon/client.ts'
import {
  CIP,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const folder = scratchFolder()
const RSS = ['192.168.168.2', '192.168.168.12']
const OTHER_CIP = '202.108.10.12'
const TIMES = 10

function config(count: number, steering = 'bpf'): string {
  return labConfig(folder, `${steering}-${count}`, yaml => {
    yaml.setIn(
      ['services', 0, 'real_servers'],
      RSS.map(address => ({ address })),
    )
    yaml.set('workers', { count, steering })
  })
}

const WANTED = { realServers: RSS.length, clients: 2 }
const lab = labForTests('persist', { config: config(1), ...WANTED })

const type = (line: string) => mustTapvs(lab, 'ipvsadm', ...line.split(' '))

/** => connections that each real server got of ten of this client, one after the other */
async function spread(client: string): Promise<number[]> {
  await type('-Z')
  const socat = `socat -t5 - TCP:${VIP}:6379,bind=${client}`
  const loop = `for i in $(seq ${TIMES}); do printf 'PING\\r\\nQUIT\\r\\n' | ${socat} || exit 1; done`
  const said = await mustClient(lab, ['bash', '-c', loop])
  assert.equal(said, '+PONG\r\n+OK\r\n'.repeat(TIMES))
  const [service] = await ask(lab.paths.socket, { verb: 'services' })
  return RSS.map(
    address => service?.real_servers.find(rs => rs.address === address)?.stats.conns ?? -1,
  )
}

/** Workers that hold connections. */
async function workers(): Promise<number> {
  return new Set((await type('-lnc')).match(/^\[\d+\]/gm)).size
}

const isOne = (conns: number[]) => conns.toSorted((a, b) => a - b).join() === `0,${TIMES}`

test('one worker: each client keeps its own, until it is no longer asked for', async () => {
  assert.deepEqual(await spread(CIP), [TIMES / 2, TIMES / 2])
  await type(`-E -t ${VIP}:6379 -s rr -p 60`)
  assert.match(await type('-ln'), /^TCP {2}202\.108\.10\.1:6379 rr persistent 60$/m)
  const first = await spread(CIP)
  assert.ok(isOne(first), `${first}`)
  assert.deepEqual(await spread(OTHER_CIP), first.toReversed(), 'the next one in turn')
  assert.deepEqual(await spread(CIP), first, 'the same as before')
  await type(`-E -t ${VIP}:6379 -s rr`)
  assert.deepEqual(await spread(CIP), [TIMES / 2, TIMES / 2])
})

test('clients of one network are one with -M', async () => {
  await type(`-E -t ${VIP}:6379 -s rr -p -M 255.255.255.0`)
  const flags = /^TCP {2}\S+ rr persistent 360 mask 255\.255\.255\.0$/m
  assert.match(await type('-ln'), flags)
  const first = await spread(CIP)
  assert.ok(isOne(first), `${first}`)
  assert.deepEqual(await spread(OTHER_CIP), first)
})

test('a real server that takes no more is left for the other', async () => {
  await type(`-E -t ${VIP}:6379 -s rr -p 60`)
  const first = await spread(CIP)
  const kept = RSS[first.indexOf(TIMES)]
  await type(`-e -t ${VIP}:6379 -r ${kept} -w 0`)
  assert.deepEqual(await spread(CIP), first.toReversed())
  await type(`-e -t ${VIP}:6379 -r ${kept} -w 1`)
  assert.deepEqual(await spread(CIP), first.toReversed(), 'it does not go back')
})

for (const steering of ['bpf', 'handover']) {
  test(`four workers that are steered by ${steering} agree`, async () => {
    await lab.up({ config: config(4, steering), ...WANTED })
    await type(`-E -t ${VIP}:6379 -s rr -p 60`)
    for (const client of [CIP, OTHER_CIP]) {
      const first = await spread(client)
      assert.ok(isOne(first), `${client}: ${first}`)
      assert.deepEqual(await spread(client), first)
    }
    assert.ok((await workers()) > 1, 'the connections came to several workers')
  })
}

/** Three real servers under wrr: connections by weight, as the appliance counts them and as the redis-servers do. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  captured,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'

const folder = scratchFolder()
const WEIGHTS = { '192.168.168.2': 1, '192.168.168.12': 2, '192.168.168.13': 3 }
const RSS = Object.keys(WEIGHTS)
const CYCLES = 10

const config = labConfig(folder, 'weights', yaml => {
  const servers = Object.entries(WEIGHTS).map(([address, weight]) => ({ address, weight }))
  yaml.setIn(['services', 0, 'real_servers'], servers)
  yaml.setIn(['tcp', 'timeouts'], { time_wait: 2 })
})
const lab = labForTests('wrr', { config, realServers: RSS.length, clients: 2 })

const isRsCapture = (file: string) => file.startsWith('rs-')

/** Connections that each redis-server has accepted; asking is one of them. */
async function accepted(): Promise<number[]> {
  const ask = async (address: string) => {
    const { stdout } = await lab.rs(['redis-cli', '-h', address, 'info', 'stats'])
    return Number(/total_connections_received:(\d+)/.exec(stdout)?.[1])
  }
  return Promise.all(RSS.map(ask))
}

test('sixty connections fall 10, 20, 30', async () => {
  const before = await accepted()
  const count = 6 * CYCLES
  const loop = `for i in $(seq ${count}); do redis-cli -h ${VIP} ping || exit 1; done`
  assert.equal(await mustClient(lab, ['bash', '-c', loop]), 'PONG\n'.repeat(count))
  const after = await accepted()
  const expected = Object.values(WEIGHTS).map(weight => weight * CYCLES)
  assert.deepEqual(
    after.map((n, i) => n - before[i] - 1),
    expected,
    'as the redis-servers count',
  )
  const rows = (await mustTapvs(lab, 'ipvsadm', '-ln', '--stats')).split('\n')
  const conns = RSS.map(address => {
    const row = rows.find(line => line.includes(` ${address}:`))
    return Number(row?.trim().split(/\s+/)[2])
  })
  assert.deepEqual(conns, expected, 'as the appliance counts')
})

test('each client arrives with its own address in the TOA', async () => {
  const lines = await captured(lab, folder, async () => {
    for (const address of ['202.108.10.2', '202.108.10.12']) {
      const call = `printf 'PING\\r\\nQUIT\\r\\n' | socat -t5 - TCP:${VIP}:6379,bind=${address}:40001`
      assert.match(await mustClient(lab, ['bash', '-c', call]), /PONG/)
    }
  })
  const syns = lines.rs.filter(line => line.includes('Flags [S],'))
  assert.equal(syns.length, 2)
  for (const syn of syns) assert.match(syn, /exp-9c41/) // port 40001
  const pcap = readFileSync(join(folder, readdirSync(folder).find(isRsCapture) ?? ''))
  for (const host of [2, 12]) {
    const toa = Buffer.of(254, 8, 0x9c, 0x41, 202, 108, 10, host)
    assert.ok(pcap.includes(toa), `no TOA of 202.108.10.${host}`)
  }
  await untilNoConns(lab)
})

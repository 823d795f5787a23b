/**
 * Captures of both sides of a balancer with clocks that differ, told apart: of ours with real redis traffic, with frames that it
 * loses on purpose; and of the kernel's NAT, which translates otherwise, against what redis says of its clients.
 */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { LIPS, RIP as NAT_RIP, VIP as NAT_VIP, Stand } from '../../bench/lab/stand.ts'
import { startCapture } from '../../netns/capture.ts'
import { inside } from '../../netns/namespaces.ts'
import { finished, mustRun, until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import type { Lab } from '../../netns/two-arm.ts'
import type { Report as WholeReport } from '../../src/see/analyze/report.ts'
import {
  countersOf,
  LIP,
  labConfig,
  labForTests,
  labName,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { printedJson, type Snaked } from '../kit/printed-json.ts'

type Report = Snaked<WholeReport>

const folder = scratchFolder()
const lossy = labConfig(folder, 'lossy', yaml => {
  for (const arm of [0, 1]) yaml.setIn(['arms', arm, 'impair'], { loss: '2%', seed: 5 + arm })
})
const lab = labForTests('analyze')
const nat = new Stand(labName('analyze-nat'), folder)
after(() => nat.down())

/** Short frames, so that many fit into the kernel's buffer: a capture that misses some cannot be judged. */
const SHORT = ['-s', '400']

/** A pcap with every time moved, as if another clock had stamped it. */
function shifted(file: string, seconds: number): string {
  const bytes = readFileSync(file)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 24; at < bytes.length; at += 16 + view.getUint32(at + 8, true)) {
    const us = view.getUint32(at, true) * 1e6 + view.getUint32(at + 4, true) + seconds * 1e6
    view.setUint32(at, Math.floor(us / 1e6), true)
    view.setUint32(at + 4, Math.round(us % 1e6), true)
  }
  const moved = file.replace('.pcap', '-moved.pcap')
  writeFileSync(moved, bytes)
  return moved
}

/** Both sides captured while `work` runs; a ping on each goes on after it, so that the captures do too. */
async function analysed(
  at: Lab,
  name: string,
  seconds: number,
  work: () => Promise<void>,
): Promise<Report> {
  const file = (side: string) => join(folder, `${name}-${side}.pcap`)
  const captures = [
    await startCapture(at, 'client', file('client'), SHORT),
    await startCapture(at, 'rs', file('rs'), SHORT),
  ]
  try {
    await work()
    await quiet(at)
    const ping = (address: string) => ['ping', '-c1', '-W1', '-n', address]
    await at.client(ping(VIP))
    await at.rs(ping(LIP))
    await until('the pings in both captures', { limitMs: 4000, everyMs: 100 }, async () => {
      const texts = await Promise.all(
        captures.map(capture => mustRun(['tcpdump', '-nn', '-r', capture.file, 'icmp'])),
      )
      return texts.every(text => text !== '') || undefined
    })
  } finally {
    await Promise.all(captures.map(capture => capture.stop()))
  }
  const files = [file('client'), shifted(file('rs'), seconds)]
  return printedJson<WholeReport>(await mustRun([TAPVS, 'analyze', '--json', ...files]))
}

/** Nobody waits for anything any more: what was lost has been sent again. */
async function quiet(at: Lab): Promise<void> {
  const sockets = ['ss', '-Htn', 'state', 'connected', 'exclude', 'time-wait']
  await until('all connections to be closed', { limitMs: 9000, everyMs: 100 }, async () => {
    const both = [await at.client(sockets), await at.rs(sockets)]
    return both.every(({ stdout }) => stdout === '') || undefined
  })
}

function judgeClock({ clock }: Report, seconds: number): void {
  assert.ok(clock.bound !== null && clock.bound < 0.005, `bound ${clock.bound}`)
  // What was written back has whole µs.
  const off = Math.abs(clock.offset - seconds)
  assert.ok(off <= clock.bound + 2e-6, `off by ${off}, bound ${clock.bound}`)
}

test('redis through our own balancer: every connection, its lport, and nothing lost', async () => {
  const report = await analysed(lab, 'own', 12.7, async () => {
    await mustClient(lab, [
      'redis-benchmark',
      '-h',
      VIP,
      '-c',
      '8',
      '-n',
      '400',
      '-t',
      'set,get',
      '-q',
    ])
    await mustClient(lab, [
      'redis-benchmark',
      '-h',
      VIP,
      '-c',
      '2',
      '-n',
      '40',
      '-d',
      '200000',
      '-t',
      'set,get',
      '-q',
    ])
  })
  judgeClock(report, 12.7)
  const table = await mustTapvs(lab, 'ipvsadm', '-ln', '-c')
  const rows = table
    .trim()
    .split('\n')
    .map(line => line.split(/\s+/).slice(3))
  assert.ok(rows.length >= 20, table)
  for (const [client, vip, lip, rs] of rows) {
    const conn = report.connections.find(known => known.client === client)
    assert.ok(conn, client)
    assert.deepEqual([conn.vip, conn.lip, conn.rs, conn.sureness], [vip, lip, rs, 'certain'])
    assert.deepEqual(conn.toa.names, [client])
    assert.deepEqual(
      [conn.mss.syn, conn.mss.syn_ack],
      [
        [1460, 1460],
        [1460, 1452],
      ],
    )
    assert.equal(conn.timestamps, 'removed')
  }
  assert.equal(report.connections.length, rows.length)
  for (const { weight, text } of report.findings) assert.equal(weight, 'note', text)
})

test('what our balancer loses on purpose is named, frame for frame', async () => {
  await lab.down()
  await lab.up({ config: lossy })
  await mustClient(lab, ['redis-cli', '-h', VIP, 'ping'])
  await quiet(lab)
  const before = (await countersOf(lab)).drops.impaired ?? 0
  let lost = 0
  const report = await analysed(lab, 'lossy', -3.25, async () => {
    await mustClient(lab, [
      'redis-benchmark',
      '-h',
      VIP,
      '-c',
      '10',
      '-n',
      '1000',
      '-t',
      'set',
      '-q',
    ])
    await quiet(lab)
    lost = ((await countersOf(lab)).drops.impaired ?? 0) - before
  })
  judgeClock(report, -3.25)
  assert.ok(lost > 10, `${lost} frames were lost`)
  const named = report.connections.reduce((sum, conn) => sum + conn.in.lost + conn.out.lost, 0)
  const alone = report.alone.outer.reduce((sum, flow) => sum + flow.segments, 0)
  assert.equal(named + alone, lost)
  for (const { weight, text } of report.findings) assert.notEqual(weight, 'fault', text)
})

const RULES = `table ip nat {
  chain prerouting {
    type nat hook prerouting priority dstnat
    ip daddr ${NAT_VIP} tcp dport 6379 dnat to ${NAT_RIP}
  }
  chain postrouting {
    type nat hook postrouting priority srcnat
    ip daddr ${NAT_RIP} ip protocol tcp snat to ${LIPS[0]}-${LIPS[1]}:20000-29999 random
  }
}
`

/** Opens connections, gives each the name of its own port, asks a few things, and ends with its stdin. */
const NAMED_CLIENTS = `
const { createConnection } = require('node:net')
const sockets = Array.from({ length: 6 }, (_, k) => {
  const socket = createConnection({ host: '${NAT_VIP}', port: 6379 }, () => {
    socket.write('CLIENT SETNAME p' + socket.localPort + '\\r\\n')
    for (let i = 0; i < 5 + k; i++) setTimeout(() => socket.write('SET key' + k + ' ' + 'v'.repeat(i * 700) + '\\r\\nGET key' + k + '\\r\\n'), 30 * i)
  })
  return socket
})
setTimeout(() => console.log('asked'), 500)
process.stdin.resume().on('end', () => sockets.forEach(socket => socket.end()))
`

test("the kernel's NAT: connections are paired and nothing is called lost", async t => {
  await nat.raiseMiddle(AbortSignal.timeout(10_000))
  const rules = join(folder, 'nat.nft')
  writeFileSync(rules, RULES)
  await mustRun([...inside(nat.middle), 'nft', '-f', rules])
  await nat.reachable(AbortSignal.timeout(10_000))
  await quiet(nat.lab)
  const truth = new Map<string, string>()
  const report = await analysed(nat.lab, 'nat', 431.5, async () => {
    const list = ['redis-cli', '-h', NAT_RIP, 'client', 'list']
    // The clients end when the names have been read.
    const [command = '', ...argv] = [...inside(nat.client), process.execPath, '-e', NAMED_CLIENTS]
    const clients = spawn(command, argv, { stdio: ['pipe', 'pipe', 'inherit'] })
    const code = finished(clients)
    const asked = once(clients.stdout, 'data')
    t.after(() => clients.kill('SIGKILL'))
    await until('all names', { limitMs: 10_000, everyMs: 100 }, async () => {
      const { stdout } = await nat.lab.rs(list)
      for (const [, addr = '', port = ''] of stdout.matchAll(/ addr=(\S+) .* name=p(\d+) /g))
        truth.set(port, addr)
      return truth.size === 6 || undefined
    })
    await asked
    clients.stdin.end()
    assert.equal(await code, 0)
  })
  judgeClock(report, 431.5)
  for (const [port, lip] of truth) {
    const conn = report.connections.find(({ client }) => client.endsWith(`:${port}`))
    assert.ok(conn, port)
    assert.deepEqual([conn.lip, conn.vip, conn.rs], [lip, `${NAT_VIP}:6379`, `${NAT_RIP}:6379`])
    assert.deepEqual([conn.sureness, conn.client_delta, conn.rs_delta], ['certain', 0, 0])
    assert.deepEqual(conn.toa.names, [])
    assert.deepEqual([conn.ttl.in, conn.ttl.out], [['64 -> 63'], ['64 -> 63']])
  }
  assert.equal(report.connections.length, truth.size)
  for (const { weight, text } of report.findings) assert.equal(weight, 'note', text)
})

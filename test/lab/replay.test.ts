/** A live session is recorded in the middle of traffic, and replays to the same verdicts and counters to the last packet. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TAPVS } from '../../netns/topology.ts'
import type { Edit, ServiceKey } from '../../src/api/edits.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { readJournal } from '../../src/control/journal/format.ts'
import { replay } from '../../src/control/replay/replay.ts'
import { frameOf, SYN } from '../kit/connection.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'
import { Stand } from '../kit/stand.ts'

const folder = scratchFolder()
const lab = labForTests('replay', { realServers: 2 })
const { socket } = lab.paths
const SERVICE: ServiceKey = { protocol: 'tcp', address: VIP, port: 6379 }
const SECOND = { address: '192.168.168.12', port: 6379 }
const OTHER: ServiceKey = { protocol: 'tcp', address: VIP, port: 6380 }

const CHANGES: Edit[][] = [
  [{ edit: 'add-server', service: SERVICE, server: SECOND, weight: 100 }],
  [{ edit: 'add-lip', service: SERVICE, address: '192.168.168.8', arm: 'int0' }],
  [
    { edit: 'add-service', service: OTHER },
    { edit: 'add-lip', service: OTHER, address: '192.168.168.8', arm: 'int0' },
    { edit: 'add-server', service: OTHER, server: { address: '192.168.168.2', port: 6379 } },
  ],
  [{ edit: 'delete-server', service: SERVICE, server: SECOND }],
  [{ edit: 'set-timeouts', established: 80, fin_wait: 1 }],
]

/** Connections that last, connections that come and go, what is refused, pings, and changes of the config. */
async function session(): Promise<void> {
  const bench = ['redis-benchmark', '-h', VIP, '-q', '-t', 'get,set']
  await Promise.all([
    mustClient(lab, [...bench, '-c', '10', '-n', '3000']),
    mustClient(lab, [...bench, '-c', '10', '-n', '300', '-k', '0']),
    mustClient(lab, [...bench, '-c', '4', '-n', '100', '-d', '30000']),
    mustClient(lab, ['ping', '-c', '3', '-i', '0.2', '-s', '1000', VIP]),
    lab.client(['timeout', '2', 'redis-cli', '-h', VIP, '-p', '9', 'ping'], { timeoutMs: 5000 }),
    change(),
  ])
}

async function change(): Promise<void> {
  for (const edits of CHANGES) {
    await sleep(150)
    await ask(socket, { verb: 'edit', edits })
  }
}

/** Resolves when it records. `ended` is all that it prints. */
async function startRecorder(file: string, ...options: string[]) {
  const argv = ['record', '-w', file, '--socket', socket, ...options]
  const child = spawn(TAPVS, argv, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', chunk => {
    text += chunk
  })
  const ended = new Promise<string>(done => child.once('close', () => done(text)))
  await new Promise(done => child.stderr.once('data', done))
  return { ended, kill: () => child.kill('SIGKILL') }
}

test('a packet that never was is explained, and changes nothing', async () => {
  const counted = async () => {
    const { conns, events, drops } = await countersOf(lab)
    const addresses = await mustTapvs(lab, 'dpip', 'addr', 'show')
    return { conns, opened: events.conns_opened, drops, addresses }
  }
  const before = await counted()
  const stand = new Stand().resolveRss()
  // From the IPv4 header on: which arm it comes in on follows from its source.
  const packet = Buffer.from(frameOf(stand, 'in', SYN).subarray(14)).toString('hex')
  const text = await mustTapvs(lab, 'explain', 'packet', packet)
  assert.match(
    text,
    /^ 1\. it comes in on ext0, worker [12] takes it: IP 202\.108\.10\.2\.33896 > /,
  )
  assert.match(
    text,
    /\n 6\. a connection is opened, 202\.108\.10\.2:33896 > 202\.108\.10\.1:6379 as /,
  )
  assert.match(
    text,
    /TOA added 202\.108\.10\.2:33896\n.*what leaves on int0: IP 192\.168\.168\.[78]\./,
  )
  assert.match(text, /\nnothing was changed by asking\n$/)
  assert.deepEqual(await counted(), before)
})

for (const [count, steering] of [
  [1, 'bpf'],
  [2, 'handover'],
] as const) {
  test(`${count} workers by ${steering}: the journal of a live session replays to the last packet`, async () => {
    const config = labConfig(folder, `${count}-${steering}`, yaml => {
      yaml.set('workers', { count, steering })
      // Whoever runs the tests may have little time for the reader.
      yaml.set('capture', { size: '64M' })
    })
    await lab.up({ config, realServers: 2 })
    const file = join(folder, `${count}-${steering}.journal`)
    // They are there before, and busy when the recording begins.
    const early = mustClient(lab, [
      ...['redis-benchmark', '-h', VIP, '-q', '-c', '30', '-n', '8000', '-t', 'get'],
    ])
    await sleep(200)
    const recorder = await startRecorder(file, '--seconds', '3')
    await session()
    await early
    assert.match(await recorder.ended, /: \d+ frames, [\d.]+ MiB: 3 seconds are over\n$/)
    assert.equal(statSync(file).mode & 0o777, 0o600)

    const played = await mustTapvs(lab, 'replay', file)
    assert.match(
      played,
      /\n\d+ frames in \d\.\d+ s: all verdicts agree, and all frames that left; all counters agree, \d+ times\n$/,
    )
    const journal = readJournal(readFileSync(file))
    assert.ok(
      journal.images.some(({ table }) => table.used > 5),
      'connections were there before',
    )
    const { frames, difference, players } = replay(journal)
    assert.equal(difference, undefined)
    assert.ok(frames > 2000, `${frames} frames`)
    const dropped = players.map(({ engine }) => engine.counters.events[26] ?? 0)
    assert.ok(
      dropped.some(drops => drops > 0),
      'no service on port 9',
    )
  })
}

test('a recorder that is killed leaves a file that replays', async () => {
  const file = join(folder, 'killed.journal')
  const recorder = await startRecorder(file)
  await mustClient(lab, ['redis-benchmark', '-h', VIP, '-q', '-c', '5', '-n', '2000', '-t', 'get'])
  recorder.kill()
  await recorder.ended
  const played = await mustTapvs(lab, 'replay', file)
  assert.match(played, /broken off, played as far as it is whole\n\d+ frames in/)
  assert.match(played, /all verdicts agree/)
})

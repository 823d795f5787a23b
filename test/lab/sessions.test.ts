/** The session log against those who counted the same: tcpdump, and the statistics of the RS. */

import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDocument } from 'yaml'
import { daemonPid } from '../../netns/appliance.ts'
import { readCapture } from '../../netns/capture.ts'
import { run, until } from '../../netns/processes.ts'
import type { Session } from '../../src/control/sessions/words.ts'
import {
  CIP,
  captured,
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  RIP,
  scratchFolder,
  untilNoConns,
  VIP,
} from '../kit/lab.ts'

interface Line {
  level: string
  time: string
  module: string
  worker: number
  event: string
  fields: Session
}

const folder = scratchFolder()
const path = join(folder, 'sessions.log')
const config = labConfig(folder, 'sessions', yaml => {
  yaml.setIn(['log', 'format'], 'json')
  yaml.setIn(['log', 'sessions'], { path })
  yaml.setIn(['workers', 'count'], 2)
  yaml.setIn(['tcp', 'timeouts'], { time_wait: 1, close: 1, syn_recv: 1 })
})
const lab = labForTests('sessions', { config })

function lines(file = path): Line[] {
  const text = readFileSync(file, 'utf8').trimEnd()
  return text === '' ? [] : text.split('\n').map(line => JSON.parse(line) as Line)
}

/** Waits for a line that is not in the log yet. */
async function next(seen: number, limitMs = 8000): Promise<Line> {
  return until('a session', { limitMs }, () => lines()[seen])
}

/** Packets and IP bytes of each direction, as tcpdump saw them on the client's side. */
async function counted(): Promise<
  Pick<Session, 'in_packets' | 'in_bytes' | 'out_packets' | 'out_bytes'>
> {
  const [file] = readdirSync(folder).filter(name => /^client-.*\.pcap$/.test(name))
  const text = await readCapture(join(folder, file ?? ''), ['-nn', '-v', '-t', 'tcp'])
  const sum = { in_packets: 0, in_bytes: 0, out_packets: 0, out_bytes: 0 }
  for (const [, length, from] of text.matchAll(
    /length (\d+)\)\n\s+(\d+\.\d+\.\d+\.\d+)\.\d+ > /g,
  )) {
    const dir = from === CIP ? 'in' : 'out'
    sum[`${dir}_packets`]++
    sum[`${dir}_bytes`] += Number(length)
  }
  return sum
}

test('a redis conversation has the packets and bytes of tcpdump', async () => {
  const key = 'x'.repeat(300)
  await captured(lab, folder, async () => {
    await mustClient(lab, ['redis-cli', '-h', VIP, 'set', key, 'value'])
  })
  const { level, module, worker, event, fields, time } = await next(0)
  assert.deepEqual([level, module, event], ['info', 'session', 'conn_ended'])
  assert.ok(worker === 1 || worker === 2)
  const { in_packets, in_bytes, out_packets, out_bytes } = fields
  assert.deepEqual({ in_packets, in_bytes, out_packets, out_bytes }, await counted())
  assert.ok(in_bytes > 300)
  assert.match(fields.client, new RegExp(`^${CIP}:\\d+$`))
  assert.deepEqual([fields.vip, fields.rs], [`${VIP}:6379`, `${RIP}:6379`])
  assert.deepEqual([fields.end, fields.state], ['fin_client', 'TIME_WAIT'])
  assert.ok((fields.rs_handshake_ms ?? -1) >= 0 && (fields.rs_handshake_ms ?? 99) < 50)
  assert.ok((fields.client_handshake_ms ?? -1) >= (fields.rs_handshake_ms ?? 0))
  // Ended by the wheel, a second and its fraction after the last segment.
  const silent = Date.parse(time) - Date.parse(fields.start) - fields.duration_ms
  assert.ok(silent >= 1000 && silent < 2300, `${silent} ms`)
  assert.ok(Math.abs(Date.now() - Date.parse(time)) < 5000)
})

/** From now on: their connections pass the engine like all others, and are nobody's sessions. */
async function check(): Promise<void> {
  const yaml = parseDocument(readFileSync(lab.paths.config, 'utf8'))
  yaml.setIn(['services', 0, 'check'], { type: 'tcp', interval: 0.2 })
  writeFileSync(lab.paths.config, yaml.toString())
  await mustTapvs(lab, 'reload')
  await until('a check', { limitMs: 5000, everyMs: 100 }, async () => {
    const { conns_opened } = (await countersOf(lab)).events
    return conns_opened !== 1 || undefined
  })
}

test('many, and long ones, are the sums of ipvsadm --stats, whoever checks beside them', async () => {
  await check()
  await mustClient(lab, ['redis-cli', '-h', VIP, 'set', 'big', 'y'.repeat(100_000)])
  await mustClient(lab, ['redis-benchmark', '-q', '-h', VIP, '-c', '20', '-n', '2000', '-t', 'get'])
  await mustClient(lab, ['redis-benchmark', '-q', '-h', VIP, '-c', '4', '-n', '40', 'get', 'big'])
  await mustClient(lab, ['redis-benchmark', '-q', '-h', VIP, '-k', '0', '-n', '300', '-t', 'set'])
  await untilNoConns(lab)
  const row = (await mustTapvs(lab, 'ipvsadm', '-ln', '--stats'))
    .split('\n')
    .at(-2)
    ?.trim()
    .split(/\s+/)
  const all = await until('the last of them', { limitMs: 3000 }, () => {
    const read = lines()
    return read.length >= Number(row?.[2]) ? read : undefined
  })
  const sum = (key: 'in_packets' | 'out_packets' | 'in_bytes' | 'out_bytes') =>
    all.reduce((total, { fields }) => total + fields[key], 0)
  assert.deepEqual(row?.slice(2), [
    `${all.length}`,
    `${sum('in_packets')}`,
    `${sum('out_packets')}`,
    `${sum('in_bytes')}`,
    `${sum('out_bytes')}`,
  ])
  assert.ok(all.length > 320)
  assert.deepEqual(new Set(all.map(({ worker }) => worker)), new Set([1, 2]))
  assert.ok(sum('out_bytes') > 4_000_000)
})

test('connections that the RS closes', async () => {
  const before = lines().length
  const stop = ['redis-cli', '-h', VIP, 'client', 'kill', 'type', 'normal', 'skipme', 'no']
  await lab.client(stop, { timeoutMs: 5000 })
  const first = await next(before)
  assert.equal(first.fields.end, 'fin_rs')

  await mustClient(lab, [
    'bash',
    '-c',
    `exec 3<>/dev/tcp/${VIP}/6379; printf 'QUIT\\r\\n' >&3; cat <&3`,
  ])
  assert.equal((await next(before + 1)).fields.end, 'fin_rs')
})

test('renamed and opened anew; what lives when it stops is told as stopped', async () => {
  await untilNoConns(lab)
  renameSync(path, `${path}.old`)
  await mustTapvs(lab, 'log', 'reopen')
  assert.deepEqual(lines(), [])
  const hold = lab.spawn('client', ['bash', '-c', `exec 3<>/dev/tcp/${VIP}/6379; exec sleep 60`])
  try {
    await until('the connection', { limitMs: 5000 }, async () => {
      return /EST/.test(await mustTapvs(lab, 'ipvsadm', '-ln', '-c')) || undefined
    })
    const pid = daemonPid(lab.paths)
    assert.ok(pid)
    process.kill(pid, 'SIGTERM')
    await until('its end', { limitMs: 5000 }, () => daemonPid(lab.paths) === undefined || undefined)
  } finally {
    hold.kill('SIGKILL')
  }
  const [line, ...more] = lines()
  assert.deepEqual(more, [])
  assert.deepEqual([line?.fields.end, line?.fields.state], ['stopped', 'ESTABLISHED'])
  assert.deepEqual([line?.fields.in_packets, line?.fields.out_packets], [2, 1])
})

test('a small disk that fills up costs lines, and not the daemon', async () => {
  const place = join(folder, 'disk')
  mkdirSync(place)
  const mounted = await run(['mount', '-t', 'tmpfs', '-o', 'size=16k', 'none', place])
  assert.equal(mounted.code, 0, mounted.stderr)
  try {
    const small = labConfig(folder, 'small', yaml => {
      yaml.setIn(['log', 'sessions'], { path: join(place, 'sessions.log') })
      yaml.setIn(['tcp', 'timeouts'], { time_wait: 1, syn_recv: 1 })
    })
    await lab.down()
    await lab.up({ config: small })
    await mustClient(lab, ['redis-benchmark', '-q', '-h', VIP, '-k', '0', '-n', '300', '-t', 'set'])
    await untilNoConns(lab)
    const log = readFileSync(lab.paths.log, 'utf8')
    assert.equal(log.match(/^LOG: cannot write .*: the disk is full/gm)?.length, 1)
    const kept = readFileSync(join(place, 'sessions.log'), 'utf8')
    assert.match(
      kept,
      /^\S+(?:Z|[+-]\d\d:\d\d) SESSION: \[1\] TCP 202\.108\.10\.2:\d+ 202\.108\.10\.1:6379 192\.168\.168\.7:\d+ 192\.168\.168\.2:6379 end=fin_client /,
    )
    assert.equal(await mustClient(lab, ['redis-cli', '-h', VIP, 'ping']), 'PONG\n')
  } finally {
    await lab.down()
    await run(['umount', place])
  }
})

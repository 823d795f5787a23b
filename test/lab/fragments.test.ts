/**
 * Fragments between kernels: large pings, datagrams of UDP larger than any link both ways, and TCP without path MTU discovery over
 * links that are narrower on the way to us or behind us.
 */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../../netns/processes.ts'
import { BULK_SERVICES, randomFile, transfer } from '../kit/bulk.ts'
import { Far } from '../kit/far.ts'
import {
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  RIP,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const ECHO = 9100
const DNS = 9153
const folder = scratchFolder()
const file = join(folder, 'bulk')
const udp = (port: number) => ({
  ...BULK_SERVICES[0],
  protocol: 'udp',
  port,
  real_servers: [{ address: RIP, port }],
})
/** The RSs' arm is 1400 bytes wide. */
const config = labConfig(folder, 'narrow', yaml => {
  yaml.set('services', [...BULK_SERVICES, udp(ECHO), udp(DNS)])
  yaml.setIn(['arms', 1, 'mtu'], 1400)
})
const lab = labForTests('fragments', { config })
const far = new Far(lab, 'client')

async function counted(): Promise<Record<string, number>> {
  const { drops, events } = await countersOf(lab)
  return { ...drops, ...events } as Record<string, number>
}

/** What has been counted meanwhile. */
async function during(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await counted()
  await work()
  const after = await counted()
  return Object.fromEntries(
    Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]),
  )
}

async function must(side: 'client' | 'rs', ...argv: string[]): Promise<void> {
  const { code, stderr } = await lab[side](argv)
  assert.equal(code, 0, stderr)
}

/** A server of the RS, which ends with the file at the latest. */
async function serve(port: number, argv: readonly string[]) {
  const child = lab.spawn('rs', argv, { stdio: 'ignore' })
  after(() => child.kill())
  await until(`a server on port ${port}`, { limitMs: 15_000, everyMs: 100 }, async () => {
    const { stdout } = await lab.rs(['ss', '-Hlun', `sport = :${port}`])
    return stdout.includes(`:${port}`) || undefined
  })
  return child
}

test('pings of 4000 and of 65,507 bytes are answered, byte for byte', async () => {
  for (const bytes of [4000, 65_507]) {
    const argv = ['ping', '-c', '2', '-i', '0.2', '-W', '5', '-s', `${bytes}`, VIP]
    const said = await mustClient(lab, argv)
    assert.match(said, /2 received/)
    assert.doesNotMatch(said, /wrong data byte/)
  }
  const { reassembled, fragmented, icmp_echo_replies } = await counted()
  assert.deepEqual([reassembled, fragmented, icmp_echo_replies], [4, 4, 4])
})

test('datagrams of UDP of up to 60,000 bytes there and back', async () => {
  await randomFile(lab, file, 2)
  const server = await serve(ECHO, ['socat', '-b', '65536', `UDP4-RECVFROM:${ECHO},fork`, 'PIPE'])
  const talk = (bytes: number) =>
    mustClient(lab, [
      'bash',
      '-c',
      `for try in 1 2 3 4 5; do head -c ${bytes} ${file} >${file}.sent
       socat -b 65536 -t 1 -T 2 OPEN:${file}.sent!!CREATE:${file}.back UDP4:${VIP}:${ECHO}
       cmp ${file}.sent ${file}.back && exit; done; exit 1`,
    ])
  const { reassembled = 0, fragmented = 0 } = await during(async () => {
    for (const bytes of [1000, 1460, 8000, 60_000]) await talk(bytes)
  })
  // What needs pieces needs them on both arms, each way; 1460 bytes only on the narrower one.
  assert.ok(reassembled >= 5 && fragmented >= 5, `${reassembled} ${fragmented}`)
  server.kill()
})

/** Answers any question by 3500 bytes of text. */
const NAME_SERVER = `
const socket = require('dgram').createSocket('udp4')
socket.on('message', (query, { port, address }) => {
  const question = query.subarray(12, query.indexOf(0, 12) + 5)
  const texts = Array.from({ length: 14 }, () => Buffer.concat([Buffer.from([249]), Buffer.alloc(249, 65)]))
  const data = Buffer.concat(texts)
  const record = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255])
  const head = Buffer.from([query[0], query[1], 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0])
  socket.send(Buffer.concat([head, question, record, data]), port, address)
}).bind(${DNS})
`

test('an answer of DNS that is larger than the MTU', async () => {
  const server = await serve(DNS, [process.execPath, '-e', NAME_SERVER])
  const argv = ['dig', '+bufsize=4096', '+notcp', '+ignore', '+time=2', '+tries=5', '-p', `${DNS}`]
  const said = await mustClient(lab, [...argv, `@${VIP}`, 'large.test', 'TXT'])
  assert.match(said, /status: NOERROR/)
  assert.match(said, /MSG SIZE\s+rcvd: 35\d\d/)
  server.kill()
})

test('segments without DF for an RS behind 1400 bytes: cut, or made smaller', async () => {
  await must('client', 'sysctl', '-qw', 'net.ipv4.ip_no_pmtu_disc=1')
  const { device } = lab.arm('rs')
  await must('rs', 'ip', 'route', 'change', '192.168.168.0/24', 'dev', device, 'advmss', '1460')
  const { ip_too_big, icmp_frag_needed = 0 } = await during(() => transfer(lab, file))
  assert.deepEqual([ip_too_big, icmp_frag_needed], [0, 0])
})

test('segments in fragments, from a client behind a router on a narrower link', async () => {
  await far.up(1500)
  const { device } = lab.arm('client')
  const wide = ['ip', 'route', 'change', '202.108.10.0/24', 'dev', device]
  await must('client', ...wide, 'mtu', 'lock', '1300')
  const run = far.run.bind(far)
  await run(['sysctl', '-qw', 'net.ipv4.ip_no_pmtu_disc=1'])
  const ends = { client: run, rs: lab.rs.bind(lab) }
  const counts = await during(() => transfer(lab, file, ends))
  // 2 MiB in segments of 1452 bytes.
  assert.ok((counts.reassembled ?? 0) > 1000, `${counts.reassembled}`)
  assert.ok((counts.fragmented ?? 0) > 1000, `${counts.fragmented}`)
  for (const [name, count] of Object.entries(counts)) {
    if (name.startsWith('fragment_')) assert.equal(count, 0, name)
  }
})

/** Real traffic captured by the appliance, and the captures judged by tshark and capinfos. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { run, until } from '../../netns/processes.ts'
import { TAPVS } from '../../netns/topology.ts'
import { ask } from '../../src/cli/daemon/client.ts'
import { moments } from '../../src/cli/daemon/moments.ts'
import {
  CIP,
  countersOf,
  labConfig,
  labForTests,
  mustClient,
  mustTapvs,
  scratchFolder,
  VIP,
} from '../kit/lab.ts'

const folder = scratchFolder()
const DUMPS = join(folder, 'dumps')
const config = labConfig(folder, 'capture', yaml => {
  yaml.setIn(['capture', 'dump'], { path: DUMPS, on: ['tcp_no_service', 'arp_not_ours'], keep: 2 })
})
const lab = labForTests('capture', { config })

interface Packet {
  arm: string
  way: 'In' | 'Out'
  comment: string
  pair: number
}

/** One row for each packet, as tshark has it. `input`: a file, or - with text of stdin. */
async function packetsOf(file: string): Promise<Packet[]> {
  const fields = ['frame.interface_name', 'frame.packet_flags_direction', 'frame.comment']
  const argv = ['tshark', '-r', file, '-T', 'fields', '-E', 'separator=/t', '-E', 'occurrence=f']
  const { code, stdout, stderr } = await run([...argv, ...fields.flatMap(f => ['-e', f])])
  assert.equal(code, 0, stderr)
  const rows = stdout.split('\n').filter(line => line !== '')
  return rows.map(line => {
    const [arm = '', direction = '', comment = ''] = line.split('\t')
    const way = Number(direction) === 1 ? 'In' : 'Out'
    return { arm, way, comment, pair: Number(/^pair (\d+) /.exec(comment)?.[1] ?? 0) }
  })
}

interface Running {
  child: ChildProcess
  stop(): Promise<{ code: number | null; said: string }>
}

/** `tapvs capture` until stop(); resolves when the daemon counts one more who looks. */
async function capturing(...argv: string[]): Promise<Running> {
  const looking = async () => (await ask(lab.paths.socket, { verb: 'recorder' })).followers
  const before = await looking()
  const child = spawn(TAPVS, ['--socket', lab.paths.socket, 'capture', ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', text => {
    said += text
  })
  const gone = once(child, 'close')
  await until('the capture to begin', { limitMs: 5000, everyMs: 20 }, async () => {
    if (child.exitCode !== null) throw new Error(said)
    return (await looking()) > before || undefined
  })
  return {
    child,
    async stop() {
      child.kill('SIGINT')
      await gone
      return { code: child.exitCode, said }
    },
  }
}

/** Moments in the ring. */
async function held(): Promise<number> {
  let count = 0
  for await (const _ of moments(lab.paths.socket, {})) count++
  return count
}

const redis = (...words: string[]) => mustClient(lab, ['redis-cli', '-h', VIP, ...words])
const refused = () => lab.client(['bash', '-c', `exec 3<>/dev/tcp/${VIP}/81`], { timeoutMs: 300 })

test('a capture of both arms: every packet with a comment, pairs that match one to one', async () => {
  const file = join(folder, 'both.pcapng')
  const capture = await capturing('-w', file)
  await redis('set', 'greeting', 'hello')
  assert.equal((await redis('get', 'greeting')).trim(), 'hello')
  await new Promise(done => setTimeout(done, 100))
  const { code, said } = await capture.stop()
  assert.equal(code, 0)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const packets = await packetsOf(file)
  assert.equal(said, `${packets.length} packets, 0 lost\n`)
  for (const { comment } of packets) assert.notEqual(comment, '')
  const ofConn = packets.filter(({ comment }) => comment.includes(` | ${CIP}:`))
  assert.ok(ofConn.length >= 40, `${ofConn.length} packets of two connections`)
  for (const pair of new Set(ofConn.map(packet => packet.pair))) {
    const both = ofConn.filter(packet => packet.pair === pair)
    const arms = both.map(({ arm, way }) => `${arm} ${way}`).join(', ')
    assert.ok(['ext0 In, int0 Out', 'int0 In, ext0 Out'].includes(arms), `pair ${pair}: ${arms}`)
    assert.equal(both[0]?.comment.split(' | ')[1], both[1]?.comment.split(' | ')[1])
  }
  const text = ofConn.map(({ comment }) => comment).join('\n')
  for (const told of [
    'NONE -> SYN_RECV',
    'SYN_RECV -> ESTABLISHED',
    'TOA added 202.108.10.2:',
    'MSS 1460 to 1452',
    'timestamp to NOPs',
  ]) {
    assert.ok(text.includes(told), told)
  }
  const info = await run(['capinfos', file])
  assert.match(info.stdout, /Number of interfaces in file: 2/)
  assert.match(info.stdout, /Name = ext0\n\s+Description = towards the clients, 202\.108\.10\.1/)
  assert.match(info.stdout, /Name = int0\n\s+Description = towards the real servers/)
  assert.match(info.stdout, /Capture application: tapvs/)
  const names = await run(['tshark', '-r', file, '-N', 'n', '-Y', 'tcp.flags.syn==1'])
  assert.match(names.stdout, /client → vip/)
})

test('filters, a count, and a pipe into tshark', async () => {
  const file = join(folder, 'few.pcapng')
  const few = await capturing('-w', file, '--count', '6', 'rs', '192.168.168.2:6379')
  const drops = await capturing('drop')
  const pipe = spawn(
    'bash',
    [
      '-c',
      `${TAPVS} --socket ${lab.paths.socket} capture -w - --count 4 state ESTABLISHED | tshark -l -r - -T fields -e frame.comment`,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const piped = pipe.stdout.setEncoding('utf8').toArray()
  await until('the pipe to begin', { limitMs: 5000, everyMs: 20 }, async () => {
    return (await ask(lab.paths.socket, { verb: 'recorder' })).followers === 3 || undefined
  })
  const lines = drops.child.stdout?.setEncoding('utf8').toArray() as Promise<string[]>
  await refused()
  await redis('get', 'greeting')
  await once(few.child, 'exit')
  const six = await packetsOf(file)
  assert.equal(six.length, 6)
  for (const { comment } of six) assert.match(comment, / 192\.168\.168\.2:6379( \||$)/)
  const comments = (await piped).join('').trim().split('\n')
  assert.equal(comments.length, 4)
  for (const comment of comments) assert.match(comment, /ESTABLISHED|MACs rewritten/)
  const { said } = await drops.stop()
  const [first = '', ...others] = (await lines).join('').trim().split('\n')
  assert.match(
    first,
    /^(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d) ext0 In {2}IP 202\.108\.10\.2\.\d+ > 202\.108\.10\.1\.81: Flags \[S\], seq .* \| pair \d+ in( \| partial checksum)? \| lookup miss \| dropped: tcp_no_service, TCP to an address and port without a service$/,
  )
  assert.equal(said, `${others.length + 1} packet${others.length > 0 ? 's' : ''}, 0 lost\n`)
})

test('the ring: its past, its switch, and a dump when a counter counts up', async () => {
  const file = join(folder, 'ring.pcapng')
  assert.match(await mustTapvs(lab, 'capture', '--ring', 'status'), /^flight recorder kept on, /)
  await mustTapvs(lab, 'capture', '--ring', '-w', file, 'drop', 'tcp_no_service')
  const past = await packetsOf(file)
  assert.ok(past.length > 0 && past.every(({ comment }) => comment.includes('tcp_no_service')))
  const [dump = ''] = await until('the dump', { limitMs: 5000, everyMs: 50 }, async () => {
    const names = readdirSync(DUMPS)
    return names.length > 0 ? names : undefined
  })
  assert.match(dump, /^tapvs-\d{6}-\d{8}T\d{6}\.\d{3}Z-tcp_no_service\.pcapng$/)
  const info = await run(['capinfos', '-k', join(DUMPS, dump)])
  assert.match(info.stdout, /Capture comment: +tcp_no_service went up by \d/)
  const packets = await packetsOf(join(DUMPS, dump))
  assert.ok(packets.some(({ comment }) => comment.includes('dropped: tcp_no_service')))
  assert.match(
    await mustTapvs(lab, 'capture', '--ring', 'off'),
    /^flight recorder off, 0 following/,
  )
  await redis('get', 'greeting')
  const before = await held()
  await redis('get', 'greeting')
  assert.equal(await held(), before, 'nothing is recorded')
  assert.ok((await ask(lab.paths.socket, { verb: 'set-recorder', ring: true })).ring)
  await redis('get', 'greeting')
  assert.notEqual(await held(), before)
})

test('a full disk costs a dump and a line of the log, nothing else', async () => {
  const mounted = await run(['mount', '-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', DUMPS])
  assert.equal(mounted.code, 0, mounted.stderr)
  try {
    // Nobody has that address, and the client asks for it.
    await lab.client(['ping', '-c', '1', '-W', '1', '202.108.10.77'], { timeoutMs: 3000 })
    await until('the line of the log', { limitMs: 5000, everyMs: 50 }, async () => {
      const log = readFileSync(lab.paths.log, 'utf8')
      return /arp_not_ours went up by \d+, and no dump of it: ENOSPC/.test(log) || undefined
    })
    assert.deepEqual(readdirSync(DUMPS), [], 'half a file is left')
  } finally {
    await run(['umount', DUMPS])
  }
})

test('a reader that stops reading: the traffic does not mind, and what was lost is told', async () => {
  const file = join(folder, 'slow.pcapng')
  const capture = await capturing('-w', file, '-s', '65535')
  capture.child.kill('SIGSTOP')
  // Twice 40 MB, of which the daemon keeps four for a reader.
  const load = `head -c 40M /dev/zero | redis-cli -h ${VIP} -x set big`
  assert.equal((await mustClient(lab, ['bash', '-c', load])).trim(), 'OK')
  assert.equal((await redis('strlen', 'big')).trim(), String(40 << 20))
  capture.child.kill('SIGCONT')
  await new Promise(done => setTimeout(done, 500))
  await redis('del', 'big')
  await new Promise(done => setTimeout(done, 100))
  const { code, said } = await capture.stop()
  assert.equal(code, 0)
  const [, packets, lost] = /^(\d+) packets, (\d+) lost\n$/.exec(said) ?? []
  assert.ok(Number(lost) > 0, said)
  const info = await run(['capinfos', '-M', '-c', file])
  assert.match(info.stdout, new RegExp(`Number of packets: +${packets}\n`))
  const fields = ['-T', 'fields', '-e', 'frame.drop_count']
  const drops = await run(['tshark', '-r', file, ...fields])
  const told = drops.stdout.split('\n').reduce((sum, count) => sum + Number(count), 0)
  assert.equal(told, Number(lost))
})

test('a flood of small packets harms nobody while it is captured', async () => {
  const capture = await capturing('-w', '/dev/null')
  const before = (await countersOf(lab)).drops
  const load = `redis-benchmark -h ${VIP} -t get -n 15000 -c 50 -q --csv`
  assert.match(await mustClient(lab, ['bash', '-c', load]), /"GET","\d+/)
  const { code, said } = await capture.stop()
  assert.equal(code, 0)
  const [, packets, lost] = /^(\d+) packets, (\d+) lost\n$/.exec(said) ?? []
  assert.ok(Number(packets) + Number(lost) > 30_000, said)
  const after = (await countersOf(lab)).drops
  for (const reason of ['tx_queue_full', 'no_buffer', 'tcp_no_conn', 'hand_over_full'])
    assert.equal(after[reason], before[reason], reason)
})

import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { captureHead } from '../../../src/control/recorder/capture-head.ts'
import { Dumps } from '../../../src/control/recorder/dumps.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import { shown, watched } from '../../kit/watched.ts'

const SYN = '202.108.10.2.4000 > 202.108.10.1.81: Flags [S], seq 1, win 100, length 0'

async function dumping(t: TestContext, { keep = 3, folder = 'dumps' } = {}) {
  const scratch = mkdtempSync(join(tmpdir(), 'tapvs-dumps-'))
  t.after(() => rmSync(scratch, { recursive: true, force: true }))
  const { stand, watching } = await watched(t)
  const path = join(scratch, folder)
  const counts: Record<string, number> = { tcp_no_service: 5, tcp_no_rs: 0, tcp_no_conn: 0 }
  const lines: string[] = []
  const say = (text: string) => lines.push(text)
  const dumps = new Dumps(
    {
      watching,
      headOf: captureHead(() => stand.config.arms),
      counts: () => ({ ...counts }),
      log: { info: say, warn: say, error: say },
    },
    { path, on: ['tcp_no_service', 'tcp_no_rs'], keep },
  )
  t.after(() => dumps.stop())
  stand.segment('dpdk0', SYN)
  shown(stand)
  const said = async (count: number) => {
    for (let i = 0; i < 300 && lines.length < count; i++) await sleep(10)
    assert.equal(lines.length, count, lines.join('\n'))
    return lines[count - 1]
  }
  return { dumps, counts, path, said, lines }
}

test('a counter that the config names writes what the ring holds, once in ten seconds', async t => {
  const { counts, path, said, lines } = await dumping(t)
  counts.tcp_no_conn = 9
  await sleep(60)
  assert.deepEqual(lines, [], 'nothing counted up that was named')
  counts.tcp_no_service = 7
  const line = await said(1)
  const [name] = readdirSync(path)
  assert.match(name ?? '', /^tapvs-000001-\d{8}T\d{6}\.\d{3}Z-tcp_no_service\.pcapng$/)
  assert.equal(line, `TAPVS: tcp_no_service went up by 2: 1 packet up to then in ${path}/${name}`)
  const file = join(path, name ?? '')
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const { packets, cut } = readCapture(readFileSync(file))
  assert.equal(cut, null)
  assert.match(packets[0]?.comments[0] ?? '', /dropped: tcp_no_service/)
  counts.tcp_no_service = 8
  counts.tcp_no_rs = 1
  await said(2)
  assert.equal(readdirSync(path).length, 2, 'one of the other reason')
})

test('the oldest go when there are more than wanted, and files of others stay', async t => {
  const { counts, path, said } = await dumping(t, { keep: 1 })
  mkdirSync(path)
  writeFileSync(join(path, 'notes.txt'), '')
  writeFileSync(join(path, 'tapvs-mine.pcapng'), '')
  // Of a version without numbers, and of a clock that went years ahead.
  writeFileSync(join(path, 'tapvs-20200101T000000.000Z-tcp_no_conn.pcapng'), '')
  writeFileSync(join(path, 'tapvs-000007-20990101T000000.000Z-tcp_no_conn.pcapng'), '')
  counts.tcp_no_service = 6
  await said(1)
  await sleep(20)
  const names = readdirSync(path).sort()
  assert.equal(names.length, 3)
  const [notes, dump, mine] = names
  assert.deepEqual([notes, mine], ['notes.txt', 'tapvs-mine.pcapng'])
  assert.match(dump ?? '', /^tapvs-000008-\d+T\S+-tcp_no_service\.pcapng$/)
})

test('what has the name of a dump and is a link is neither removed nor followed', async t => {
  const { counts, path, said } = await dumping(t, { keep: 1 })
  mkdirSync(path)
  const notes = join(path, 'notes.txt')
  writeFileSync(notes, 'kept')
  symlinkSync(notes, join(path, 'tapvs-20200101T000000.000Z-tcp_no_conn.pcapng'))
  counts.tcp_no_service = 6
  assert.match((await said(1)) ?? '', /1 packet up to then in/)
  await sleep(20)
  assert.equal(readFileSync(notes, 'utf8'), 'kept')
  assert.equal(readdirSync(path).length, 3)
})

test('a folder that cannot be written is a line of the log', async t => {
  const { counts, path, said } = await dumping(t, { folder: 'file/dumps' })
  writeFileSync(join(path, '..'), '')
  counts.tcp_no_service = 6
  assert.match(
    (await said(1)) ?? '',
    /^TAPVS: tcp_no_service went up by 1, and no dump of it: ENOTDIR/,
  )
})

test('another config is another list; what was counted before it does not count', async t => {
  const { dumps, counts, path, lines } = await dumping(t)
  counts.tcp_no_conn = 3
  dumps.config = { path, on: ['tcp_no_conn'], keep: 1 }
  await sleep(60)
  assert.deepEqual(lines, [])
  counts.tcp_no_service = 9
  await sleep(60)
  dumps.config = null
  counts.tcp_no_conn = 4
  await sleep(60)
  assert.deepEqual(lines, [])
})

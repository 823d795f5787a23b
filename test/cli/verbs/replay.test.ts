/** `tapvs record`, `replay` and `explain packet`, as commands: what they print, and their exit codes. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type Finished, run } from '../../../netns/processes.ts'
import { TAPVS } from '../../../netns/topology.ts'
import { isBehind, pointOf } from '../../../src/cli/texts/replay.ts'
import { openServer } from '../../../src/control/http/server.ts'
import { Journals } from '../../../src/control/journal/journals.ts'
import type { Replayed } from '../../../src/control/replay/replay.ts'
import type { WhatIf } from '../../../src/control/replay/what-if.ts'
import { clockText, instantText } from '../../../src/see/text/times.ts'
import { modelControl } from '../../kit/control.ts'
import { inside } from '../../kit/inside.ts'
import { journaled } from '../../kit/journaled.ts'
import { printedJson } from '../../kit/printed-json.ts'
import { SEED_SEGMENTS, seedConversation } from '../../kit/seed-conversation.ts'
import { SEED_CONFIG, Stand } from '../../kit/stand.ts'
import { play } from '../../kit/transcript.ts'

type Result = Pick<Replayed, 'frames' | 'checks' | 'difference'>

const folder = mkdtempSync(join(tmpdir(), 'tapvs-replay-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const tapvs = (...argv: string[]): Promise<Finished> => inside(argv)
/** It ends by signals too. */
const record = (...argv: string[]): Promise<Finished> => run([TAPVS, 'record', ...argv])

const stand = new Stand().resolveRss()
const file = join(folder, 'seed.journal')
writeFileSync(file, await journaled([stand], () => seedConversation(stand)))

test('replay says that all agrees, and shows how it stood', async () => {
  const all = await tapvs('replay', file)
  assert.equal(all.code, 0, all.stderr)
  assert.match(
    all.stdout,
    /\n10 frames in 0\.\d+ s: all verdicts agree, and all frames that left; all counters agree, once\n$/,
  )
  const { stdout } = await tapvs('replay', file, '--until', '3')
  assert.match(stdout, /, behind frame 3\n\n\[1\]tcp 90s +TCP_EST +202\.108\.10\.2:33896 /)
  assert.match(stdout, /\n {2}conns_opened +1 /)
  const json = printedJson<Result>((await tapvs('replay', file, '--json')).stdout)
  assert.deepEqual([json.frames, json.difference, json.checks], [SEED_SEGMENTS.length, null, 1])
  const listings = await tapvs('replay', file, '--until', '3', '--json')
  assert.equal(printedJson<Result>(listings.stdout).frames, 3)
})

test('another config: exit code 1 if a verdict differs', async () => {
  const other = join(folder, 'other.yaml')
  writeFileSync(other, SEED_CONFIG)
  const same = await tapvs('replay', file, '--config', other)
  assert.equal(same.code, 0, same.stderr)
  assert.match(same.stdout, /: all 10 verdicts are the same\n/)
  writeFileSync(other, SEED_CONFIG.replace('weight: 100', 'weight: 0'))
  const { code, stdout } = await tapvs('replay', file, '--config', other)
  assert.equal(code, 1)
  assert.match(stdout, /: 1 of 1 verdicts differ\n.*, 9 of connections that are not there, /)
  assert.match(stdout, /\n1 {2}sent on dpdk1 => dropped, tcp_no_rs\n {4}first, frame 1 at /)
  const json = await tapvs('replay', file, '--config', other, '--json')
  assert.equal(printedJson<WhatIf>(json.stdout).groups.length, 1)
})

test('a transcript is written that passes', async () => {
  const out = join(folder, 'seed.txt')
  const { code, stdout, stderr } = await tapvs('replay', file, '--as-test', out)
  assert.equal(code, 0, stderr)
  assert.equal(stdout, `${out}: ${SEED_SEGMENTS.length} segments\n`)
  play(readFileSync(out, 'utf8'))
})

test('what cannot be done is said in one line', async () => {
  const wrong = [
    [['replay', join(folder, 'none')], /^tapvs: .*\/none: no such file$/m],
    [['replay', TAPVS], /^tapvs: .* is no journal of tapvs\n$/],
    [['replay', file, '--until', 'noon'], /^tapvs: --until: expected a time like 12:00:01\.5 /],
    [['replay', file, '--as-test', '/none/x'], /^tapvs: cannot write \/none\/x: /],
    [
      ['record', '-w', file, '--size', '9'],
      /^tapvs: --size: expected a size 1M-1G, like 64M, found 9/,
    ],
    [['record', '-w', file, '--seconds', '0'], /^tapvs: --seconds: expected a whole number /],
    [['explain', 'packet', 'zz'], /^tapvs: zz is neither a packet in hexadecimal nor a capture/],
  ] as const
  const refused = async ([argv, message]: (typeof wrong)[number]) => {
    const { code, stderr } = await tapvs(...argv)
    assert.notEqual(code, 0)
    assert.match(stderr, message)
    assert.equal(stderr.trimEnd().split('\n').length, 1)
  }
  await Promise.all(wrong.map(refused))
})

/** A daemon of which a journal can be recorded, and the file that is to have it. */
async function recordable(t: TestContext, name: string) {
  const own = new Stand().resolveRss().record()
  const workers = {
    images: async () => [{ mark: 1, image: own.image() }],
    check: async () => {},
  }
  const journals = new Journals(
    workers,
    [own.flight as NonNullable<typeof own.flight>],
    { journal: () => () => {} },
    () => own.model.config,
  )
  const socket = join(folder, `${name}.sock`)
  const server = await openServer(socket, modelControl().respond, {
    journals,
  })
  t.after(() => server.close())
  return { server, socket, target: join(folder, `${name}.journal`) }
}

test('explain packet tells programs too', async t => {
  const { socket } = await recordable(t, 'asked')
  const bytes = '4500002800014000400691f3ca6c0a02ca6c0a019c4118eb000003e8000000005002faf053010000'
  const { stdout, stderr } = await tapvs('explain', 'packet', bytes, '--json', '--socket', socket)
  assert.equal(stderr, '')
  assert.equal(printedJson<{ hasLink: boolean }>(stdout).has_link, false)
})

test('record writes the journal of a daemon, for its owner only', async t => {
  const { socket, target } = await recordable(t, 'live')
  writeFileSync(target, 'old', { mode: 0o644 })
  const recorded = await record('-w', target, '--seconds', '1', '--socket', socket)
  assert.equal(recorded.stderr, `recording to ${target}\n`)
  assert.match(recorded.stdout, /^\S+: 0 frames, \d+ KiB: 1 second is over\n$/)
  assert.equal(statSync(target).mode & 0o777, 0o600)
  assert.equal((await tapvs('replay', target)).code, 0)
})

test('a daemon that is stopped brings the journal to its end', async t => {
  const { server, socket, target } = await recordable(t, 'stopped')
  const child = spawn(TAPVS, ['record', '-w', target, '--socket', socket])
  let told = ''
  child.stdout.on('data', text => {
    told += text
  })
  const left = once(child, 'close')
  await once(child.stderr, 'data')
  await server.close()
  assert.deepEqual(await left, [0, null])
  assert.match(told, /^\S+: 0 frames, \d+ KiB: the daemon has ended\n$/)
})

test('a disk that fills up leaves what was written, or nothing at all', async t => {
  const { socket, target } = await recordable(t, 'limited')
  assert.equal((await record('-w', target, '--seconds', '1', '--socket', socket)).code, 0)
  // In the block at the end, and in the middle of the image.
  const limited = (bytes: number) => {
    const argv = [TAPVS, 'record', '-w', target, '--seconds', '1', '--socket', socket]
    return run(['prlimit', `--fsize=${bytes}`, ...argv])
  }
  const some = await limited(statSync(target).size - 20)
  assert.equal(some.code, 1)
  assert.match(some.stdout, /^\S+: 0 frames, \d+ KiB\n$/)
  assert.equal(
    some.stderr,
    `recording to ${target}\ntapvs: ${target}: a file must not become larger here (ulimit -f); it can be played as far as it goes\n`,
  )
  assert.equal((await tapvs('replay', target)).code, 0)
  const none = await limited(1024)
  assert.deepEqual(
    [none.code, none.stderr],
    [
      1,
      `recording to ${target}\ntapvs: ${target}: a file must not become larger here (ulimit -f) before the journal had begun, so there is none\n`,
    ],
  )
  assert.equal(existsSync(target), false)
})

test('a journal is written to nothing but a regular file', async t => {
  const { socket } = await recordable(t, 'node')
  // A node of our own: a chmod of the machine's would be felt by everybody.
  const node = join(folder, 'null')
  assert.equal((await run(['mknod', '-m', '666', node, 'c', '1', '3'])).code, 0)
  const refused = await record('-w', node, '--seconds', '1', '--socket', socket)
  assert.equal(statSync(node).mode & 0o777, 0o666)
  assert.deepEqual(
    [refused.code, refused.stderr],
    [1, `tapvs: cannot write ${node}: it is no regular file; name one, or one that is new\n`],
  )
})

test('points in time', () => {
  const begun = '2026-11-23T08:46:29.585Z'
  assert.deepEqual(pointOf('+1.5', begun), { seconds: 1.5 })
  assert.deepEqual(pointOf('17', begun), { frame: 17 })
  const us = Date.parse('2026-11-23T08:46:31.500Z') * 1000
  // What is printed goes in again, in whatever zone it was; without an offset it is local time, on that day.
  for (const zone of ['UTC', 'Asia/Kolkata', 'America/St_Johns']) {
    process.env.TZ = zone
    assert.deepEqual(pointOf(instantText(us + 7), begun), { us: us + 7 })
    assert.deepEqual(pointOf(clockText(us + 7), begun), { us: us + 7 })
    assert.deepEqual(pointOf('08:46:31.5Z', begun), { us })
  }
  assert.deepEqual(pointOf('05:16:31.5', begun), { us })
  assert.deepEqual(pointOf('2026-11-23T08:46:31.500Z', begun), { us })
  for (const text of ['', 'noon', '1.5', '25:00:00', '-1'])
    assert.equal(pointOf(text, begun), undefined)
  assert.equal(isBehind({ us }, us, 0, 0), false)
  assert.equal(isBehind({ us }, us + 1, 0, 0), true)
  assert.equal(isBehind({ seconds: 1 }, 2_000_001, 0, 1_000_000), true)
  assert.equal(isBehind({ frame: 2 }, 0, 1, 0), false)
  assert.equal(isBehind({ frame: 2 }, 0, 2, 0), true)
})

test('a daemon that dies while it is recorded: exit code 1, and what came before can be played', async t => {
  const socket = join(folder, 'dies.sock')
  let bytes = readFileSync(file).subarray(0, -20)
  const server = createServer((_, response) => {
    response.write(bytes, () => response.destroy())
  })
  t.after(() => server.close())
  await once(server.listen(socket), 'listening')
  const target = join(folder, 'half.journal')
  const recorded = () => record('-w', target, '--socket', socket)
  const half = await recorded()
  const why = `recording to ${target}\ntapvs: ${target}: the daemon at ${socket} ended without an answer`
  assert.deepEqual([half.code, half.stderr], [1, `${why}; it can be played as far as it goes\n`])
  assert.match(half.stdout, /^\S+: \d+ frames, \d+ KiB\n$/)
  assert.equal((await tapvs('replay', target)).code, 0)
  bytes = bytes.subarray(0, 1000)
  const none = await recorded()
  const lost = ' before the journal had begun, so there is none'
  assert.deepEqual([none.code, none.stderr], [1, `${why}${lost}\n`])
  assert.equal(existsSync(target), false)
})

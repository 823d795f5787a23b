import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { type Finished, run } from '../../../netns/processes.ts'
import { TAPVS } from '../../../netns/topology.ts'
import { Blocks } from '../../../src/cli/capture/blocks.ts'
import { readCapture } from '../../../src/see/capture/pcap.ts'
import {
  interfaceBlock,
  packetBlock,
  sectionBlock,
  statisticsBlock,
} from '../../../src/see/capture/pcapng.ts'
import { concat } from '../../kit/frame.ts'
import { shown, watched } from '../../kit/watched.ts'

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tapvs-capture-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A daemon that has seen a SYN go through and one refused; => runs `tapvs capture` against it */
async function seen(t: TestContext) {
  const { stand, path } = await watched(t)
  const syn = '202.108.10.2.4000 > 202.108.10.1.6379: Flags [S], seq 1, win 100, length 0'
  stand.segment('dpdk0', syn)
  stand.segment('dpdk0', syn.replace('6379', '81'))
  shown(stand)
  const words = ['env', 'TZ=Asia/Kolkata', TAPVS, '--socket', path, 'capture']
  const capture = (...argv: string[]): Promise<Finished> => run([...words, ...argv])
  /** With files of so many KiB at most. */
  const limited = (kib: number, ...argv: string[]): Promise<Finished> =>
    run(['bash', '-c', `ulimit -f ${kib}; exec "$@"`, 'bash', ...words, ...argv])
  return Object.assign(capture, { limited })
}

test('a line for each packet, and how many there were', async t => {
  const capture = await seen(t)
  const { code, stdout, stderr } = await capture('--ring')
  assert.deepEqual([code, stderr], [0, '3 packets, 0 lost\n'])
  const ends = '202.108.10.2:4000 202.108.10.1:6379 192.168.168.7:1025 192.168.168.2:6379'
  const lines = stdout.trim().split('\n')
  assert.match(
    lines[0] ?? '',
    new RegExp(
      `^1970-01-01T05:46:40\\.000000\\+05:30 dpdk0 In  IP 202\\.108\\.10\\.2\\.4000 > 202\\.108\\.10\\.1\\.6379: Flags \\[S\\], seq 1, win 100, length 0 \\| pair 1 in from client \\| ${ends} \\| lookup miss \\| .* \\| to dpdk1$`,
    ),
  )
  assert.match(
    lines[1] ?? '',
    / dpdk1 Out IP .* options \[toa 202\.108\.10\.2:4000\], length 0 \| pair 1 out to rs \| /,
  )
  const refused = await capture('--ring', 'drop', 'and', 'port', '81')
  assert.match(refused.stdout, /^\S+ dpdk0 In {2}.* \| dropped: tcp_no_service, [^\n]*\n$/)
  const utc = await capture('--ring', '--utc', '--count', '1')
  assert.match(utc.stdout, /^1970-01-01T00:16:40\.000000Z dpdk0 In /)
  const one = await capture('--past', '--count', '1')
  assert.deepEqual([one.stdout.split('\n').length, one.stderr], [2, '1 packet, 0 lost\n'])
})

test('a file of its own mode, also over one that was there, and stdout for a pipe', async t => {
  const capture = await seen(t)
  const file = join(scratch(t), 'a.pcapng')
  writeFileSync(file, 'x'.repeat(10_000), { mode: 0o644 })
  const { code, stderr } = await capture('--ring', '-w', file)
  assert.deepEqual([code, stderr], [0, '3 packets, 0 lost\n'])
  assert.equal(statSync(file).mode & 0o777, 0o600)
  const read = readCapture(readFileSync(file))
  assert.deepEqual([read.packets.length, read.cut], [3, null])
  const piped = await capture('--ring', '-w', '-')
  assert.equal(piped.code, 0)
  // As text, which is what the runner reads; the block types of a file that is whole are in it all the same.
  assert.match(piped.stdout, /^\n\r\r\n[\s\S]*pair 1 in from client[\s\S]*dropped: tcp_no_service/)
})

test('mistakes are one line', async t => {
  const capture = await seen(t)
  const bad = async (argv: string[], code: number, line: RegExp) => {
    const found = await capture(...argv)
    assert.equal(found.code, code, argv.join(' '))
    assert.match(found.stderr, line)
    assert.equal(found.stderr.trim().split('\n').length, 1)
  }
  await bad(
    ['hots', '1.2.3.4'],
    2,
    /^tapvs: filter: 'hots' is no word of a filter; did you mean host\?$/m,
  )
  await bad(['--count', '0'], 2, /^tapvs: --count wants a whole number of 1 or more$/m)
  await bad(
    ['--ring', '-w', '/nowhere/a.pcapng'],
    1,
    /^tapvs: \/nowhere\/a\.pcapng cannot be written: there is no such folder$/m,
  )
})

test('whatever the pieces, whole blocks come out, and packets and losses are counted', () => {
  const packet = (index: number, lost: number) =>
    packetBlock({
      atUs: 2 ** 40 + index,
      interface: index,
      direction: 'in',
      length: 99,
      bytes: new Uint8Array(15),
      comments: ['a', 'bcdef'],
      lost,
    })
  const body = concat(
    sectionBlock({ application: 'a', os: 'b', comment: 'c' }),
    interfaceBlock('x', '', 100),
    interfaceBlock('y', '', 100),
    packet(0, 0),
    packet(1, 5),
    packet(1, 2 ** 33),
  )
  const ends = [statisticsBlock(0, 1, 2, 3, []), statisticsBlock(1, 1, 2, 2 ** 33 + 6, ['z'])]
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 })), fc.boolean(), (sizes, ended) => {
      const file = ended ? concat(body, ...ends) : concat(body, Uint8Array.of(6, 0, 0))
      const blocks = new Blocks()
      const parts: Uint8Array[] = []
      for (let at = 0, i = 0; at < file.length; i++) {
        const size = sizes[i % sizes.length] ?? file.length
        parts.push(blocks.add(Buffer.from(file.subarray(at, at + size))))
        at += size
      }
      parts.push(blocks.end())
      assert.equal(blocks.packets, 3)
      assert.equal(blocks.lost, 2 ** 33 + (ended ? 9 : 5))
      const { packets, cut } = readCapture(concat(...parts))
      assert.deepEqual([packets.length, cut], [3, null])
    }),
  )
})

test('-w changes nothing of what is no file of ours, and a disk that fills up leaves whole packets', async t => {
  const capture = await seen(t)
  const folder = scratch(t)
  const [node, target, link] = ['null', 'target', 'link'].map(name => join(folder, name))
  // A node of our own: that of the machine is everybody's.
  assert.equal((await run(['mknod', '-m', '666', node as string, 'c', '1', '3'])).code, 0)
  assert.equal((await capture('--ring', '-w', node as string)).code, 0)
  assert.equal(statSync(node as string).mode & 0o777, 0o666)
  writeFileSync(target as string, 'theirs', { mode: 0o644 })
  symlinkSync(target as string, link as string)
  const refused = await capture('--ring', '-w', link as string)
  assert.deepEqual(
    [refused.code, refused.stderr],
    [
      1,
      `tapvs: ${link} cannot be written: it is a symbolic link; name the file that it leads to\n`,
    ],
  )
  assert.equal(readFileSync(target as string, 'utf8'), 'theirs')
  assert.equal(statSync(target as string).mode & 0o777, 0o644)

  const file = join(folder, 'full.pcapng')
  // A limit of 1024 bytes: the third packet does not fit.
  const full = await capture.limited(1, '--ring', '-w', file)
  assert.equal(full.code, 1)
  assert.equal(
    full.stderr,
    `tapvs: ${file}: a file must not become larger here (ulimit -f); what came before is in it\n`,
  )
  const { packets, cut } = readCapture(readFileSync(file))
  assert.equal(cut, null)
  assert.ok(packets.length > 0 && packets.length < 3, `${packets.length}`)

  // Nothing comes before the first block, so nothing is promised to be in a device that takes nothing.
  const none = join(folder, 'none')
  assert.equal((await run(['mknod', '-m', '666', none, 'c', '1', '7'])).code, 0)
  const nothing = await capture('--ring', '-w', none)
  assert.deepEqual(
    [nothing.code, nothing.stderr],
    [1, `tapvs: ${none}: the disk is full, before anything was in it\n`],
  )
})
